"""What a kubeconfig may have the library do: it is data, and may come from anybody.

kubectl may run any command that a kubeconfig names, so the plugin loses nothing by obeying one. A
program that calls the library has not decided that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from kubeauth import _env
from kubeauth.clouds import KNOWN_AUTHORITY_HOSTS
from kubeauth.errors import UntrustedKubeconfig
from kubeauth.options.logins import find_login
from kubeauth.options.settings import flag_of

__all__ = ["check_trust"]

# Settings that name a program to run.
_PROGRAMS: Final = ("browser_command",)
_COMMAND: Final = "command:"
# Secrets that a kubeconfig can hold itself: sending those anywhere gives nothing of ours away.
_OWN_SECRETS: Final = ("client_secret", "password")
# Variables of an exec block that say where something is sent or taken from, or what runs.
_REDIRECTING: Final = frozenset(
    {
        *("PATH", "PATHEXT", "BROWSER", "HOME", "USERPROFILE", "SYSTEMROOT"),
        *_env.CA_FILES,
        "SSL_CERT_DIR",
        *_env.GITHUB_ENDPOINT,
        *_env.PIPELINES_ENDPOINT,
        *_env.ARM_OIDC_ENDPOINT,
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
    login: str,
) -> None:
    """Raise UntrustedKubeconfig for what a kubeconfig asks that the caller has not allowed.

    ``where`` names the context. ``values`` are the settings that count only because the kubeconfig
    has them, by field; ``variables`` those of its exec block; ``environ`` the machine's own.
    ``login`` is the one that will sign in.
    """
    for what, why in _objections(values, variables, environ, login):
        raise UntrustedKubeconfig(
            f"{where}: {what} comes from the kubeconfig and {why}",
            hint="if you trust this file, pass trusted=True; else give the setting yourself, or "
            "take it out of the file",
        )


def _objections(
    values: Mapping[str, Any],
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    login: str,
) -> Iterator[tuple[str, str]]:
    for name in _PROGRAMS:
        if values.get(name):
            yield f"{flag_of(name)} {values[name]!r}", "would run a program"
    source = str(values.get("assertion_source") or "")
    if source.startswith(_COMMAND):
        yield f"--assertion-source {source!r}", "would run a program"
    for name in variables:
        if _redirects(name):
            yield f"the variable {name}", "would redirect what is run, sent or trusted"
    authority = str(values.get("authority_host") or variables.get(_env.AZURE_AUTHORITY_HOST) or "")
    if authority and not _is_known(authority, environ) and _sends_a_secret(login, values):
        yield f"the authority {authority}", f"would get a secret of login {login}"


def _redirects(name: str) -> bool:
    upper = name.upper()
    proxy = upper.endswith("_PROXY") and upper != "NO_PROXY"
    return proxy or upper in _REDIRECTING or upper.startswith(_REDIRECTING_PREFIXES)


def _is_known(authority: str, environ: Mapping[str, str]) -> bool:
    """Return whether Microsoft or this machine's owner named the authority, too."""
    host = urlsplit(authority).netloc.lower()
    own = urlsplit(environ.get(_env.AZURE_AUTHORITY_HOST, "")).netloc.lower()
    return host in KNOWN_AUTHORITY_HOSTS or (bool(own) and host == own)


def _sends_a_secret(login: str, values: Mapping[str, Any]) -> bool:
    """Return whether signing in sends the authority something that the kubeconfig does not hold.

    A person sees where they type; the tools and managed identities ask their own authority.
    """
    row = find_login(login)
    if row.human or row.entry.own_tenant or row.one_identity:
        return False
    return not any(values.get(name) for name in _OWN_SECRETS)
