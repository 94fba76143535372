"""What a kubeconfig may have the library do: it is data, and may come from anybody.

kubectl may run any command that a kubeconfig names, so the plugin loses nothing by obeying one. A
program that calls the library has not decided that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from kubeauth import _env
from kubeauth.clouds import KNOWN_AUTHORITY_HOSTS
from kubeauth.errors import UntrustedKubeconfig
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings, flag_of
from kubeauth.options.variables import known_variables

__all__ = ["check_trust", "variables_that_count"]

# Settings that name a program to run.
_PROGRAMS: Final = ("browser_command",)
_COMMAND: Final = "command:"
# The secret that a kubeconfig can hold itself, by login: sending that gives nothing of ours away.
_OWN_SECRETS: Final = {"spn": "client_secret", "ropc": "password"}
# Secrets and keys that lie outside a kubeconfig, and win over one inside.
_OUTSIDE: Final = (
    "client_secret_file",
    "client_secret_env",
    "client_secret_keyring",
    "client_certificate",
)
# Settings that name a variable whose value they use.
_NAMING: Final = ("client_secret_env", "assertion_source")
# Variables of an exec block that say where something is sent or taken from, or what runs.
_REDIRECTING: Final = frozenset(
    {
        *("PATH", "PATHEXT", "BROWSER", "HOME", "USERPROFILE", "SYSTEMROOT"),
        *_env.CA_FILES,
        "SSL_CERT_DIR",
        *_env.GITHUB_ENDPOINT,
        *_env.PIPELINES_ENDPOINT,
        *_env.ARM_OIDC_ENDPOINT,
        # `az` and `azd` load extensions, which are programs, from these folders.
        *(_env.AZURE_CONFIG_DIR, _env.AZD_CONFIG_DIR, "AZURE_EXTENSION_DIR", "PSMODULEPATH"),
        _env.AZURE_ENVIRONMENT_FILEPATH,
        _env.AZURE_KUBERNETES_TOKEN_PROXY,
        _env.AZURE_POD_IDENTITY_AUTHORITY_HOST,
        _env.IDENTITY_ENDPOINT,
        _env.IMDS_ENDPOINT,
        _env.MSI_ENDPOINT,
        _env.KUBEAUTH_CACHE_DIR,
        _env.KUBECACHEDIR,
    }
)
_REDIRECTING_PREFIXES: Final = ("PYTHON", "LD_", "DYLD_")


def check_trust(
    where: str,
    values: Mapping[str, Any],
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    settings: Settings,
) -> None:
    """Raise UntrustedKubeconfig for what a kubeconfig asks that the caller has not allowed.

    ``where`` names the context. ``values`` are the settings that count only because the kubeconfig
    has them, by field; ``variables`` those of its exec block; ``environ`` the machine's own.
    ``settings`` are those that will sign in.
    """
    for what, why in _objections(values, variables, environ, settings):
        raise UntrustedKubeconfig(
            f"{where}: {what} comes from the kubeconfig and {why}",
            hint="if you trust this file, pass trusted=True; else give the setting yourself, or "
            "take it out of the file",
        )


def _objections(
    values: Mapping[str, Any],
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    settings: Settings,
) -> Iterator[tuple[str, str]]:
    for name in _PROGRAMS:
        if values.get(name):
            yield f"{flag_of(name)} {values[name]!r}", "would run a program"
    source = str(values.get("assertion_source") or "")
    if source.startswith(_COMMAND):
        yield f"--assertion-source {source!r}", "would run a program"
    ca_file = values.get("ca_file")
    if ca_file and ca_file not in [environ.get(name) for name in _env.CA_FILES]:
        yield f"--ca-file {ca_file!r}", "would decide which servers are trusted"
    for name, value in variables.items():
        if _redirects(name) and environ.get(name) != value:
            yield f"the variable {name}", "would redirect what is run, sent or trusted"
    authority = str(values.get("authority_host") or variables.get(_env.AZURE_AUTHORITY_HOST) or "")
    foreign = bool(authority) and not _is_known(authority, environ)
    if foreign and _sends_a_secret(settings, {*values.values(), *variables.values()}):
        yield f"the authority {authority!r}", f"would get a secret of login {settings.login}"


def variables_that_count(values: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    """Return those variables of an exec block that say how to sign in, and leave out all others.

    ``values`` are the block's settings by field. NOTE: programs and libraries obey more variables
    than any list of dangerous ones could hold.
    """
    known = {variable.name for variable, _ in known_variables()}
    known |= {_env.AAD_LOGIN_METHOD, *_env.ARM_USE}
    known |= {str(values.get(name) or "").rpartition(":")[2] for name in _NAMING}
    return {
        name: value for name, value in variables.items() if name in known and not _redirects(name)
    }


def _redirects(name: str) -> bool:
    upper = name.upper()
    proxy = upper.endswith("_PROXY") and upper != "NO_PROXY"
    return proxy or upper in _REDIRECTING or upper.startswith(_REDIRECTING_PREFIXES)


def _is_known(authority: str, environ: Mapping[str, str]) -> bool:
    """Return whether Microsoft or this machine's owner named the authority, too."""
    host = urlsplit(authority).netloc.lower()
    own = urlsplit(environ.get(_env.AZURE_AUTHORITY_HOST, "")).netloc.lower()
    return host in KNOWN_AUTHORITY_HOSTS or (bool(own) and host == own)


def _sends_a_secret(settings: Settings, own: Collection[Any]) -> bool:
    """Return whether signing in sends the authority something that the kubeconfig does not hold.

    ``own`` are all values of the kubeconfig. A person sees where they type; the tools and managed
    identities ask their own authority. NOTE: what is sent counts, since a variable's secret wins
    over the one in the kubeconfig.
    """
    row = find_login(settings.login)
    if row.human or row.entry.own_tenant or row.one_identity:
        return False
    if any(getattr(settings, name) for name in _OUTSIDE):
        return True
    secret = getattr(settings, _OWN_SECRETS.get(settings.login, ""), "")
    return not secret or secret not in own
