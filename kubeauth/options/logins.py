"""The logins, one row each."""

from __future__ import annotations

from kubeauth import _env
from kubeauth.errors import SettingsError, did_you_mean
from kubeauth.options.entry_rule import EntryRule
from kubeauth.record import Record, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["LOGINS", "Login", "find_login"]


class Login(Record):
    """One way to sign in.

    - ``provider``: the module and class that performs it, imported only when used;
    - ``needs``: the fields of Settings that it requires; ``needs_one_of``: one of these is enough;
    - ``human``: a person may have to act;
    - ``proves``: its token can be bound to a key (proof of possession);
    - ``kubelogin``: Azure/kubelogin has this login, too;
    - ``public_client``: it signs in as an application without a credential;
    - ``in_browser``: Conditional Access sees the browser of this machine;
    - ``one_identity``: fields that name one identity in several ways; a flag for one of them wins
      over a variable for another;
    - ``missing_hint``: more advice if a value is missing;
    - ``other_way``: advice if a policy refuses this login;
    - ``tool_sign_in``: the command that signs in to the tool whose account it uses, and that
      command's flag for the tenant;
    - ``again``: advice if a person has to sign in again and there is no such command;
    - ``entry``: the rules for a kubeconfig's entry.
    """

    name: str
    summary: str
    provider: str
    needs: tuple[str, ...] = ()
    needs_one_of: tuple[str, ...] = ()
    human: bool = False
    proves: bool = False
    kubelogin: bool = True
    public_client: bool = False
    in_browser: bool = False
    one_identity: tuple[str, ...] = ()
    missing_hint: str = ""
    other_way: str = "sign in with `az login` and use -l azurecli"
    tool_sign_in: tuple[str, str] = ("", "")
    again: str = "sign in again (`kubeauth login` does it for the current context)"
    entry: EntryRule = field(default_factory=EntryRule)

    def sign_in_command(self, tenant: str = "") -> str:
        """Return the command that signs in to the tool, in ``tenant`` if given; "" without one."""
        command, flag = self.tool_sign_in
        return f"{command} {flag} {tenant}" if command and tenant else command


# Conditional Access refuses device codes and passwords first, and browsers last.
_USE_A_BROWSER: Final = "use -l interactive (--no-browser prints the address where none opens)"

_APPLICATION: Final = ("client_id", "tenant_id")
_CLOUD: Final = ("environment", "legacy")
_PROOF: Final = ("pop_enabled", "pop_claims")
_SECRETS: Final = (
    "client_secret",
    "client_secret_file",
    "client_secret_env",
    "client_secret_keyring",
)
_CERTIFICATE: Final = (
    "client_certificate",
    "client_certificate_key",
    "client_certificate_password",
)
_IDENTITIES: Final = ("client_id", "identity_resource_id", "identity_object_id")
_PERSON: Final = ("redirect_url", "login_hint")
_BROWSER: Final = ("redirect_port", "prompt", "browser_command", "no_browser")

LOGINS: Final = {
    login.name: login
    for login in (
        Login(
            "devicecode",
            "a person types a code in any browser",
            "kubeauth.providers.device_code:DeviceCode",
            entry=EntryRule(
                need=_APPLICATION, keep=_CLOUD, given=(*_PROOF, "open", "qr", "login_hint")
            ),
            needs=("client_id", "tenant_id"),
            human=True,
            proves=True,
            public_client=True,
            other_way=_USE_A_BROWSER,
        ),
        Login(
            "interactive",
            "a person signs in in the browser of this machine",
            "kubeauth.providers.interactive:Interactive",
            entry=EntryRule(
                need=_APPLICATION, keep=("environment", *_PROOF, *_PERSON), given=_BROWSER
            ),
            needs=("client_id", "tenant_id"),
            human=True,
            proves=True,
            public_client=True,
            in_browser=True,
        ),
        Login(
            "auto",
            "interactive where a browser can open, else devicecode",
            "kubeauth.providers.auto:Auto",
            entry=EntryRule(need=_APPLICATION, keep=(*_CLOUD, *_PROOF, *_PERSON), given=_BROWSER),
            needs=("client_id", "tenant_id"),
            human=True,
            proves=True,
            kubelogin=False,
            public_client=True,
            in_browser=True,
        ),
        Login(
            "azurecli",
            "the account that is signed in to the Azure CLI",
            "kubeauth.providers.azure_cli:AzureCli",
            # If `az` has signed in with a managed identity, it refuses a tenant. So never use the
            # old entry's tenant (https://github.com/Azure/kubelogin/issues/123).
            entry=EntryRule(
                given=("tenant_id", "subscription"),
                own_tenant=True,
                not_from_kubelogin=("tenant_id",),
                config_folder=_env.AZURE_CONFIG_DIR,
            ),
            other_way="run `az login` again, in a browser",
            tool_sign_in=("az login", "--tenant"),
        ),
        Login(
            "azd",
            "the account that is signed in to the Azure Developer CLI",
            "kubeauth.providers.azure_developer_cli:AzureDeveloperCli",
            entry=EntryRule(given=("tenant_id",), own_tenant=True),
            other_way="run `azd auth login` again, in a browser",
            tool_sign_in=("azd auth login", "--tenant-id"),
        ),
        Login(
            "spn",
            "a service principal with its client secret or certificate",
            "kubeauth.providers.service_principal:ServicePrincipal",
            entry=EntryRule(
                need=_APPLICATION,
                keep=(*_CLOUD, *_PROOF),
                given=(*_SECRETS, *_CERTIFICATE),
                instead=(*((name,) for name in _SECRETS), _CERTIFICATE),
            ),
            needs=("client_id", "tenant_id"),
            needs_one_of=(
                "client_certificate",
                "client_secret",
                "client_secret_file",
                "client_secret_env",
                "client_secret_keyring",
            ),
            proves=True,
        ),
        Login(
            "ropc",
            "a person's user name and password (avoid it)",
            "kubeauth.providers.password:Password",
            entry=EntryRule(
                need=_APPLICATION, keep=(*_CLOUD, *_PROOF), given=("username", "password")
            ),
            needs=("client_id", "tenant_id", "username", "password"),
            proves=True,
            public_client=True,
            other_way=_USE_A_BROWSER,
        ),
        Login(
            "default",
            "the first credential of the Azure SDK that works (DefaultAzureCredential)",
            "kubeauth.providers.default_azure:DefaultAzure",
            entry=EntryRule(given=(*_APPLICATION, "environment")),
            kubelogin=False,
        ),
        Login(
            "azurepowershell",
            "the account that is signed in to Azure PowerShell",
            "kubeauth.providers.azure_powershell:AzurePowerShell",
            entry=EntryRule(given=("tenant_id",)),
            kubelogin=False,
            tool_sign_in=("Connect-AzAccount", "-Tenant"),
        ),
        Login(
            "vscode",
            "the account that is signed in to Visual Studio Code",
            "kubeauth.providers.visual_studio_code:VisualStudioCode",
            entry=EntryRule(given=("tenant_id", "environment")),
            kubelogin=False,
            again="sign in again in Visual Studio Code",
        ),
        Login(
            "msi",
            "the managed identity of this Azure machine",
            "kubeauth.providers.managed_identity:ManagedIdentity",
            entry=EntryRule(
                given=_IDENTITIES,
                instead=tuple((name,) for name in _IDENTITIES),
                first_counts=True,
            ),
            one_identity=_IDENTITIES,
        ),
        Login(
            "workloadidentity",
            "a federated token that Kubernetes or a CI system issued",
            "kubeauth.providers.workload_identity:WorkloadIdentity",
            entry=EntryRule(
                given=(
                    *_APPLICATION,
                    "environment",
                    "federated_token_file",
                    "assertion_source",
                    "assertion_audience",
                    *_PROOF,
                ),
            ),
            needs=("client_id", "tenant_id"),
            proves=True,
            missing_hint='the label azure.workload.identity/use: "true" on a pod sets them',
        ),
        Login(
            "azurepipelines",
            "the service connection of an Azure Pipelines job",
            "kubeauth.providers.azure_pipelines:AzurePipelines",
            entry=EntryRule(
                need=("tenant_id",),
                given=("client_id", "environment", "azure_pipelines_service_connection_id"),
            ),
            needs=("client_id", "tenant_id", "azure_pipelines_service_connection_id"),
        ),
    )
}


def find_login(name: str, origin: str = "--login") -> Login:
    """Return the row called ``name``, or raise SettingsError with a list of all names.

    ``origin`` is the flag or variable that sets the name.
    """
    login = LOGINS.get(name)
    if login is None:
        raise SettingsError(
            f"login: unknown login {name!r}",
            hint=did_you_mean(name, LOGINS) + f"give {origin} as one of {', '.join(LOGINS)}",
        )
    return login
