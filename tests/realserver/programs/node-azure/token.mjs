// Sign in with the library and in the way that the arguments name; print the token.
// The third argument is JSON: authority, tenantId, clientId, scope, and what the way needs.
import {
  ClientCertificateCredential,
  ClientSecretCredential,
  DeviceCodeCredential,
  WorkloadIdentityCredential,
} from "@azure/identity";
import { ConfidentialClientApplication, PublicClientApplication } from "@azure/msal-node";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";

const [library, way, given] = process.argv.slice(2);
const { authority, tenantId, clientId, scope, secret, file } = JSON.parse(given);
const tell = (code) => console.error(code.message);

async function withMsal() {
  const known = [new URL(authority).host];
  const auth = { clientId, authority: authority + tenantId, knownAuthorities: known };
  const scopes = [scope];
  if (way === "device code") {
    const client = new PublicClientApplication({ auth });
    return client.acquireTokenByDeviceCode({ scopes, deviceCodeCallback: tell });
  }
  const content = file && readFileSync(file, "utf8");
  if (way === "secret") auth.clientSecret = secret;
  if (way === "federated token") auth.clientAssertion = content;
  if (way === "certificate") {
    const der = new X509Certificate(content).raw;
    const thumbprintSha256 = createHash("sha256").update(der).digest("hex");
    auth.clientCertificate = { privateKey: content, thumbprintSha256 };
  }
  return new ConfidentialClientApplication({ auth }).acquireTokenByClientCredential({ scopes });
}

function credential() {
  const options = { authorityHost: authority, disableInstanceDiscovery: true };
  if (way === "device code")
    return new DeviceCodeCredential({ ...options, tenantId, clientId, userPromptCallback: tell });
  if (way === "certificate") return new ClientCertificateCredential(tenantId, clientId, file, options);
  if (way === "federated token")
    return new WorkloadIdentityCredential({ ...options, tenantId, clientId, tokenFilePath: file });
  return new ClientSecretCredential(tenantId, clientId, secret, options);
}

if (library === "msal-node") console.log((await withMsal()).accessToken);
else console.log((await credential().getToken(scope)).token);
