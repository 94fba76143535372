"""The environment variables that set fields of Settings, and their precedence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from kubeauth import _env
from kubeauth.options.logins import Login
from kubeauth.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = [
    "Variable",
    "known_variables",
    "login_of_terraform",
    "variables_for",
    "variables_that_apply",
]


class Variable(Record):
    """A variable that sets ``field``.

    It overrides a flag, or with ``fills`` it counts only without the flag. It applies to the named
    ``logins``, or to all logins if the tuple is empty.
    """

    name: str
    field: str
    fills: bool = False
    logins: tuple[str, ...] = ()


# Every pod with workload identity has this variable, so a typed file wins over it.
_POD: Final = (
    Variable(
        _env.AZURE_FEDERATED_TOKEN_FILE,
        "federated_token_file",
        fills=True,
        logins=("workloadidentity",),
    ),
)
# Later rows win over earlier ones. Azure/kubelogin has this order, and there, too, variables win
# over flags: people rely on `AAD_LOGIN_METHOD=azurecli kubectl …`.
_IDENTITY: Final = (
    Variable(_env.AZURESUBSCRIPTION_CLIENT_ID, "client_id", fills=True, logins=("azurepipelines",)),
    Variable(_env.AZURESUBSCRIPTION_TENANT_ID, "tenant_id", fills=True, logins=("azurepipelines",)),
    Variable(_env.AAD_SERVICE_PRINCIPAL_CLIENT_ID, "client_id"),
    Variable(_env.AZURE_CLIENT_ID, "client_id"),
    Variable(_env.AAD_SERVICE_PRINCIPAL_CLIENT_SECRET, "client_secret"),
    Variable(_env.AZURE_CLIENT_SECRET, "client_secret"),
    Variable(_env.AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE, "client_certificate"),
    Variable(_env.AZURE_CLIENT_CERTIFICATE_PATH, "client_certificate"),
    Variable(_env.AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD, "client_certificate_password"),
    Variable(_env.AZURE_CLIENT_CERTIFICATE_PASSWORD, "client_certificate_password"),
    Variable(_env.AZURE_TENANT_ID, "tenant_id"),
)
_TERRAFORM_IDENTITY: Final = (
    Variable(_env.AZURESUBSCRIPTION_CLIENT_ID, "client_id", fills=True, logins=("azurepipelines",)),
    Variable(_env.AZURESUBSCRIPTION_TENANT_ID, "tenant_id", fills=True, logins=("azurepipelines",)),
    # The webhook sets these in a pod; Terraform needs only ARM_USE_AKS_WORKLOAD_IDENTITY there.
    Variable(_env.AZURE_CLIENT_ID, "client_id", fills=True, logins=("workloadidentity",)),
    Variable(_env.AZURE_TENANT_ID, "tenant_id", fills=True, logins=("workloadidentity",)),
    Variable(_env.ARM_CLIENT_ID, "client_id"),
    Variable(_env.ARM_CLIENT_SECRET, "client_secret"),
    Variable(_env.ARM_CLIENT_SECRET_FILE_PATH, "client_secret_file", fills=True, logins=("spn",)),
    Variable(_env.ARM_CLIENT_CERTIFICATE_PATH, "client_certificate"),
    Variable(_env.ARM_CLIENT_CERTIFICATE_PASSWORD, "client_certificate_password"),
    Variable(_env.ARM_TENANT_ID, "tenant_id"),
    Variable(_env.ARM_OIDC_TOKEN, "assertion", logins=("workloadidentity",)),
    Variable(_env.ARM_OIDC_TOKEN_FILE_PATH, "federated_token_file", logins=("workloadidentity",)),
    Variable(_env.ARM_ENVIRONMENT, "environment", fills=True),
    *(
        Variable(
            name,
            "azure_pipelines_service_connection_id",
            fills=True,
            logins=("azurepipelines", "workloadidentity"),
        )
        for name in reversed(_env.ARM_SERVICE_CONNECTION)
    ),
)
_OTHER: Final = (
    Variable(_env.AAD_USER_PRINCIPAL_NAME, "username"),
    Variable(_env.AZURE_USERNAME, "username"),
    Variable(_env.AAD_USER_PRINCIPAL_PASSWORD, "password"),
    Variable(_env.AZURE_PASSWORD, "password"),
    Variable(_env.AZURE_AUTHORITY_HOST, "authority_host", logins=("workloadidentity",)),
    Variable(
        _env.AZURESUBSCRIPTION_SERVICE_CONNECTION_ID,
        "azure_pipelines_service_connection_id",
        fills=True,
        logins=("azurepipelines", "workloadidentity"),
    ),
    Variable(_env.AZURE_CLI_TIMEOUT, "timeout", fills=True),
    Variable(_env.KUBEAUTH_CACHE_STORAGE, "cache_storage", fills=True),
    Variable(_env.KUBEAUTH_BACKGROUND_REFRESH, "no_background_refresh", fills=True),
)
# Variables for a service principal must not change a person's sign-in.
_NOT_OVER_A_PERSONS_FLAG: Final = frozenset({"client_id", "tenant_id"})


def _rows(terraform: bool) -> tuple[Variable, ...]:
    return _POD + (_TERRAFORM_IDENTITY if terraform else _IDENTITY) + _OTHER


def login_of_terraform(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the login that a variable like ARM_USE_OIDC chooses, and that variable's name."""
    for name, login in _env.ARM_USE.items():
        if environ.get(name, "").lower() in ("true", "1"):
            return login, name
    return None


def variables_that_apply(
    login: Login, typed: Collection[str], environ: Mapping[str, str], *, terraform: bool
) -> Iterator[tuple[Variable, str]]:
    """Yield each variable that is set and counts, with its value; the last one of a field wins.

    ``typed`` names the fields that a flag sets. An empty variable counts as unset. ``terraform``
    reads the azurerm provider's names instead of the Azure SDKs'.
    """
    for variable in _rows(terraform):
        # Scripts that read a file into a variable often leave its line break at the end.
        text = environ.get(variable.name, "").rstrip("\r\n")
        if not text or (variable.logins and login.name not in variable.logins):
            continue
        # A flag that names an identity wins over the variable that every pod with workload
        # identity has.
        others = {name for name in login.one_identity if name != variable.field}
        if variable.field in login.one_identity and not others.isdisjoint(typed):
            continue
        if variable.field in typed:
            personal = login.human and variable.field in _NOT_OVER_A_PERSONS_FLAG
            if variable.fills or personal:
                continue
        yield variable, text


def variables_for(login: Login, name: str, *, terraform: bool) -> list[str]:
    """Return the names of the variables that can set the field ``name`` for this login."""
    return [
        variable.name
        for variable in _rows(terraform)
        if variable.field == name and (not variable.logins or login.name in variable.logins)
    ]


def known_variables() -> Iterator[tuple[Variable, bool | None]]:
    """Yield every variable with True (Terraform's names), False (the others) or None (both)."""
    for rows, of_terraform in (
        (_POD + _OTHER, None),
        (_IDENTITY, False),
        (_TERRAFORM_IDENTITY, True),
    ):
        for variable in rows:
            yield variable, of_terraform
