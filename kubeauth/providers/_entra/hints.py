"""Cause and next step for each error code of Entra ID.

This is data; ``refusals`` reads it, only once a sign-in has failed. docs/errors.md shows it, and
`python3 dev.py docs` writes it there. Sources: "Microsoft Entra authentication and authorization
error codes", the pages on workload identity federation and the troubleshooting articles for
application integration, all in Microsoft's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from kubeauth.clouds import AKS_SERVER_ID

__all__ = ["FAMILIES", "HINTS", "Hint", "find_hint"]

# Which logins a step is for.
_BROWSER: Final = "interactive auto"
_AZ: Final = "azurecli"
_AZD: Final = "azd"
_TOOLS: Final = "azurecli azd azurepowershell vscode"
_ROPC: Final = "ropc"
_SPN: Final = "spn"
_FEDERATED: Final = "workloadidentity azurepipelines"
_WORKLOADS: Final = "spn workloadidentity azurepipelines"
_MSI: Final = "msi"

# Steps that several codes share. The braces are filled in by login and settings: {again}: how to
# sign in again; {way}: the login that policies refuse last; {secret}: where the secret comes from;
# {public}: the step for an application without a secret; {client}, {tenant}, {server}: ids.
_AZ_MFA: Final = (
    "run `az login --tenant {tenant} --scope {server}/.default`, after `az logout` if it asks again"
)
_MFA: Final = {
    _BROWSER: "sign in again and finish it in the browser",
    _ROPC: "a password alone never passes: use -l interactive",
    _AZ: _AZ_MFA,
}
_OTHER_ACCOUNT: Final = (
    "sign in with another account, or have this one invited to the tenant; --tenant-id names it"
)
_AZ_OTHER_ACCOUNT: Final = "run `az login --tenant {tenant}` with an account of that tenant"
_ASK_POLICY: Final = "ask the tenant's administrator, whose sign-in log names the policy"
_FEDERATION: Final = (
    "compare with `az ad app federated-credential list --id {client}` and add one like this token "
    "(a new one works after some minutes)"
)
_CREATE: Final = "`az ad sp create --id {client}` adds it; else check --client-id and --tenant-id"
_ENABLE: Final = (
    "an administrator enables it with `az ad sp update --id {} --set accountEnabled=true`"
)
_CONSENT: Final = (
    "an administrator of the tenant can grant it (`az ad app permission admin-consent --id "
    "{client}`)"
)
_PREAUTHORIZE: Final = (
    "the owner of the API server's application preauthorizes the Azure CLI's client, "
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
)
_SCOPE: Final = f"check --server-id (AKS: {AKS_SERVER_ID})"
_LOOPBACK: Final = "'Mobile and desktop applications' of the application's page Authentication"
_MANAGED: Final = "sign in in a browser on a device that the organisation manages"
_MANAGED_ELSEWHERE: Final = "use -l interactive on a device that the organisation manages"
_NETWORK_OR_MSI: Final = (
    "use another network, ask the tenant's administrator, or use -l msi on an Azure machine"
)
_MACHINE: Final = "use a token of a user-assigned managed identity, or -l msi on its machine"
_CERTIFICATE: Final = (
    "name another with --client-certificate, or put the certificates of its chain into that file"
)
_DISCOVERY: Final = (
    "`curl ISSUER/.well-known/openid-configuration` has to work from the internet (on AKS, `az aks "
    "update` publishes it anew); then try again"
)
_RETRY: Final = "try again in a minute"


class Hint(NamedTuple):
    """The cause and the next step for some codes; ``instead`` has other steps, by logins."""

    codes: tuple[int, ...]
    cause: str
    step: str
    instead: Mapping[str, str] = {}

    def step_for(self, login: str) -> str:
        """Return the next step for one login, with its braces."""
        own = (step for logins, step in self.instead.items() if login in logins.split())
        return next(own, self.step)


HINTS: Final = (
    # The account.
    Hint(
        (16000, 50014, 51004, 90072),
        "this account is not in the tenant",
        _OTHER_ACCOUNT,
        {_AZ: _AZ_OTHER_ACCOUNT},
    ),
    Hint((50020,), "this user is of another tenant", "check --tenant-id, or have them invited"),
    Hint((50034,), "the tenant knows no such user", "check the name and --tenant-id"),
    Hint((50053,), "the account is locked, or this address is blocked", "wait, then try again"),
    Hint(
        (50055, 50144, 50056, 50135),
        "the password has expired, is not set or has to be changed",
        "set a new one in a browser: sign in at https://myaccount.microsoft.com",
        {_ROPC: "set a new one in a browser (-l interactive asks for it)"},
    ),
    Hint((50057,), "the account is disabled", "an administrator can enable it"),
    Hint(
        (50126,), "the user name or the password is wrong", "check the user name and the password"
    ),
    Hint(
        (500341,),
        "the user has been deleted",
        "sign in with another account, or have an administrator restore this one",
    ),
    Hint(
        (500571,),
        "the guest account is disabled, so no sign-in with it helps",
        "an administrator of the tenant can enable it",
    ),
    Hint(
        (50105,),
        "the account is not assigned to the application",
        "have an administrator assign the user or a group to it; members of nested groups do not "
        "count",
    ),
    # Between tenants.
    Hint(
        (500212,),
        "the policy of the account's own tenant does not let it into this one",
        "ask the administrator of the account's own tenant",
    ),
    Hint(
        (500213,),
        "the policy of this tenant does not let in accounts of that one",
        "ask the administrator of the tenant {tenant}",
    ),
    Hint(
        (530004,),
        "this tenant does not accept devices of the account's own tenant",
        "ask the administrator of the tenant {tenant}",
    ),
    Hint(
        (50002, 500021, 500022),
        "a proxy on this network blocks this tenant",
        "use another network, or have the proxy's administrator allow the tenant",
    ),
    # Proofs that a policy wants.
    Hint((50072, 50079), "multi-factor authentication has to be set up first", "{way}", _MFA),
    Hint((50074, 50076), "multi-factor authentication is needed", "{way}", _MFA),
    Hint((50078,), "multi-factor authentication has expired", "{way}", _MFA),
    Hint((50158,), "Conditional Access asks for an outside check", "{way}", {_AZ: _AZ_MFA}),
    Hint((50005,), "Conditional Access does not accept this platform", "{way}"),
    Hint((50097,), "the tenant wants a registered device", "{way}"),
    Hint((53000,), "the tenant wants a compliant device", "{way}"),
    Hint((53001,), "the tenant wants a joined device", "{way}"),
    Hint(
        (53003,),
        "Conditional Access blocks this way to sign in",
        "{way}",
        {
            _WORKLOADS: f"its policies for workloads look at network and risk: {_NETWORK_OR_MSI}",
            _MSI: _ASK_POLICY,
        },
    ),
    Hint(
        (53002, 50131, 530032, 530035, 53011, 530084),
        "a policy of the tenant blocks this sign-in",
        _ASK_POLICY,
    ),
    Hint(
        (530003, 50155, 700003),
        "the tenant wants a device that it manages; this one is unproven or deleted",
        _MANAGED,
        {
            "devicecode ropc": _MANAGED_ELSEWHERE,
            _AZ: "run `az login` in a browser on such a device",
        },
    ),
    Hint(
        (530036,),
        "this session began with a device code, which the tenant forbids now",
        "{again}",
        {"devicecode": "use -l interactive", _AZ: "run `az login`, without --use-device-code"},
    ),
    # Sessions and codes.
    Hint(
        (50058, 50089, 50132, 50133, 50173, 70000, 70008),
        "the session is over, was revoked, or the password has changed",
        "{again}",
    ),
    Hint((70043,), "the sign-in is older than the tenant allows", "{again}"),
    Hint((700082,), "the sign-in was not used for too long", "{again}"),
    Hint((700084,), "the sign-in is older than a day, all that its application allows", "{again}"),
    Hint(
        (50134, 70018, 70019, 70020, 90120),
        "the code is wrong, expired, used already or of another data centre",
        "run the command again for a new code",
    ),
    # The application that signs in.
    Hint(
        (700016,),
        "the tenant knows no such application",
        "check --client-id and --tenant-id",
        {_TOOLS: "check --tenant-id"},
    ),
    Hint((70001, 700011, 7000229), "the application is not in this tenant", _CREATE),
    Hint(
        (7000112,),
        "the application is disabled in this tenant",
        _ENABLE.format("{client}"),
    ),
    Hint(
        (700025,),
        "the application is public, so it takes no secret and no certificate",
        "name an application of your own with --client-id",
    ),
    Hint((7000218,), "the application is not public, or no secret was sent", "{public}"),
    Hint(
        (7000215,),
        "the secret is wrong",
        "check {secret}: it wants the secret's value, not its id",
        {_TOOLS: "{again}"},
    ),
    Hint(
        (7000222,),
        "the secret of {secret} has expired",
        "add a new one with `az ad app credential reset --append --id {client}`",
    ),
    Hint(
        (700027,),
        "the application has no such certificate",
        "register this certificate with the application (`az ad app credential list --cert --id "
        "{client}` shows those it has), and check --client-id",
    ),
    Hint(
        (50012, 50013, 50017, 700030),
        "Entra ID does not accept this signature, or the certificate's chain or subject",
        _CERTIFICATE,
        {_FEDERATED: "have a new federated token issued, by the issuer that the credential names"},
    ),
    Hint(
        (50011, 500113),
        "the application has no such redirect address",
        f"add http://localhost under {_LOOPBACK} (`az ad app update --id {{client}} "
        "--public-client-redirect-uris http://localhost` replaces those that are there)",
    ),
    Hint(
        (9002327,),
        "the redirect address is registered for a single-page application",
        f"register http://localhost under {_LOOPBACK} instead",
    ),
    # Consent, the API server, the tenant, the cloud.
    Hint(
        (65001, 90094, 90095, 65005, 650056),
        "the application lacks consent or a permission",
        _CONSENT,
        {f"{_AZ} {_AZD}": _PREAUTHORIZE},
    ),
    Hint(
        (650057,),
        "the application has no permission for this API server",
        "check --server-id, and which permissions the application has",
        {f"{_AZ} {_AZD}": _PREAUTHORIZE},
    ),
    Hint((65004,), "the person declined to consent", "sign in again and accept"),
    Hint((500011,), "the tenant knows no such API server", _SCOPE),
    Hint(
        (500014,),
        "the API server's application is disabled in this tenant, or its subscription lapsed",
        _ENABLE.format("{server}"),
    ),
    Hint((70011, 700022, 1002012), "Entra ID does not know this scope", _SCOPE),
    Hint(
        (50059, 50128, 90019, 50194, 9001023),
        "the request names no tenant of its own",
        "give the tenant's id with --tenant-id",
    ),
    Hint((90002,), "there is no such tenant", "check --tenant-id, and --environment for its cloud"),
    Hint((900023,), "this is not a tenant id", "check --tenant-id"),
    Hint(
        (90038, 900382, 900432, 900439),
        "the tenant is in another cloud",
        "name its cloud with --environment, such as AzureUSGovernmentCloud or AzureChinaCloud",
        {_AZ: "name its cloud with `az cloud set`, then sign in with `az login`"},
    ),
    # Federated tokens.
    Hint((70021,), "no federated credential matches", _FEDERATION),
    Hint((70025,), "the application has no federated credential at all", _FEDERATION),
    Hint((700211,), "no federated credential has this issuer", _FEDERATION),
    Hint((700212, 7002121), "no federated credential has this audience", _FEDERATION),
    Hint((700213, 7002131, 7002137), "no federated credential has this subject", _FEDERATION),
    Hint((7002138,), "a federated credential has this subject with other capitals", _FEDERATION),
    Hint(
        (700024,),
        "the assertion has expired, or this machine's clock is wrong",
        "set this machine's clock",
        {
            _FEDERATED: "have a new federated token issued for each sign-in, and check this "
            "machine's clock; a job that outlives its token can federate a managed identity",
        },
    ),
    Hint(
        (700222, 700226),
        "a token of Entra ID counts as a federated token only from a managed identity",
        _MACHINE,
    ),
    Hint((700231,), "a federated token may not come from another federated token", _MACHINE),
    Hint((700229,), "the federated token is a user's", _MACHINE),
    Hint(
        (700236,),
        "the managed identity and the application are in two tenants",
        "use an application in the identity's tenant",
    ),
    Hint(
        (700223, 700238, 7002381),
        "the tenant forbids this issuer, or tokens without its enterprise claim",
        "ask the tenant's administrator, or use -l msi on an Azure machine",
    ),
    Hint((50166, 501661, 90061), "Entra ID cannot read the keys of the token's issuer", _DISCOVERY),
    # Entra ID itself.
    Hint((50033, 50087, 90006, 90012, 90024, 90033, 90055), "Entra ID is busy or failed", _RETRY),
    Hint(
        (50196,),
        "the same sign-in was asked for too often",
        "stop the program that asks in a loop, then wait some minutes",
    ),
)

# Longer codes that begin like these are about the same, and Entra ID adds new ones. All that begin
# with 53 are about Conditional Access and other policies, such as 53002.
FAMILIES: Final = {code: code for code in (70021, 50013, 50002, 50105, 90038)} | {53: 53002}

_BY_CODE: Final = {code: hint for hint in HINTS for code in hint.codes}


def find_hint(code: int) -> Hint | None:
    """Return the hint for a code, for a longer one of a family that of the family, else None."""
    known = _BY_CODE.get(code)
    if known is not None:
        return known
    family = next((same for begin, same in FAMILIES.items() if str(code).startswith(str(begin))), 0)
    return _BY_CODE.get(family)
