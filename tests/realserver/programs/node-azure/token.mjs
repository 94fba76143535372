// Sign in with a secret, with the library that the first argument names; print the token.
import { ClientSecretCredential } from "@azure/identity";
import { ConfidentialClientApplication } from "@azure/msal-node";

const [library, authority, tenant, clientId, clientSecret, scope] = process.argv.slice(2);
if (library === "msal-node") {
  const known = [new URL(authority).host];
  const auth = { clientId, clientSecret, authority: authority + tenant, knownAuthorities: known };
  const client = new ConfidentialClientApplication({ auth });
  const answer = await client.acquireTokenByClientCredential({ scopes: [scope] });
  console.log(answer.accessToken);
} else {
  const options = { authorityHost: authority, disableInstanceDiscovery: true };
  const credential = new ClientSecretCredential(tenant, clientId, clientSecret, options);
  console.log((await credential.getToken(scope)).token);
}
