"""What a kubeconfig may have us do: it is data, and may come from anybody.

kubectl may run any command that a kubeconfig names, so the plugin loses nothing by obeying one,
unless kubectl has a policy for its plugins. A program that calls the library has not decided that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from kubeauth import _env
from kubeauth.clouds import KNOWN_AUTHORITY_HOSTS
from kubeauth.errors import UntrustedKubeconfig
from kubeauth.options.logins import find_login
from kubeauth.options.settings import FLAGS, Settings, flag_of
from kubeauth.options.variables import known_variables
from kubeauth.secret import fast_digest

__all__ = ["Demand", "demands", "named_variables", "refuse", "variables_that_count"]

_COMMAND: Final = "command:"
# What settings name, by field, if that is or holds something that a kubeconfig does not.
_NAMED: Final = {flag.field: flag.names for flag in FLAGS if flag.names}
# Variables of an exec block that say where something is sent or taken from, or what runs.
_REDIRECTING: Final = frozenset(
    {
        *("PATH", "PATHEXT", "BROWSER", "HOME", "USERPROFILE", "SYSTEMROOT"),
        *("HOMEDRIVE", "HOMEPATH", "COMSPEC"),
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
        _env.GCE_METADATA_HOST,
        _env.KUBEAUTH_CACHE_DIR,
        _env.KUBECACHEDIR,
    }
)
_REDIRECTING_PREFIXES: Final = ("PYTHON", "LD_", "DYLD_", "OPENSSL_")


@dataclass(frozen=True, slots=True)
class Demand:
    """Something that only the kubeconfig asks for, and that the person has to approve.

    ``name`` is the setting or the variable that asks for it, ``what`` names that for a person, and
    ``effect`` says what would happen. ``exactly`` are the names and values that an approval covers;
    they may hold a secret.
    """

    name: str
    what: str
    effect: str
    exactly: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def digest(self) -> str:
        """A digest of exactly what is asked for."""
        text = json.dumps([self.effect, *self.exactly]).encode()
        return fast_digest(text)


def refuse(where: str, asked: Sequence[Demand], hint: str) -> None:
    """Raise UntrustedKubeconfig for the first of these demands; ``where`` names the context."""
    for demand in asked:
        raise UntrustedKubeconfig(
            f"{where}: {demand.what} comes from the kubeconfig and {demand.effect}", hint=hint
        )


def demands(
    values: Mapping[str, Any],
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    settings: Settings,
    *,
    possible: bool = False,
) -> list[Demand]:
    """Return what a kubeconfig asks for that neither the caller nor the machine has said.

    ``values`` are the settings that count only because the kubeconfig has them, by field;
    ``variables`` those of its exec block; ``environ`` the machine's own. ``settings`` are those
    that will sign in. With ``possible``, an authority's demand does not depend on which secrets
    are set today.
    """
    return [
        *_programs(values),
        *_redirections(values, variables, environ),
        *_authority(values, variables, environ, settings, possible),
    ]


def _programs(values: Mapping[str, Any]) -> Iterator[Demand]:
    for name, kind in _NAMED.items():
        value = str(values.get(name) or "")
        if value and (kind == "program" or (kind == "source" and value.startswith(_COMMAND))):
            # NOTE: a program's arguments may hold a secret.
            first, *more = value.split()
            shown = f"{first} …" if more else first
            flag = flag_of(name)
            yield Demand(name, f"{flag} {shown!r}", "would run a program", ((flag, value),))


def _redirections(
    values: Mapping[str, Any], variables: Mapping[str, str], environ: Mapping[str, str]
) -> Iterator[Demand]:
    ca_file = str(values.get("ca_file") or "")
    if ca_file and ca_file not in [environ.get(name) for name in _env.CA_FILES]:
        place = os.path.abspath(os.path.expanduser(ca_file))
        effect = "would decide which servers are trusted"
        yield Demand("ca_file", f"--ca-file {ca_file!r}", effect, (("--ca-file", place),))
    for name, value in variables.items():
        if _redirects(name) and environ.get(name) != value:
            effect = "would redirect what is run, sent or trusted"
            yield Demand(name, f"the variable {name}", effect, ((name, value),))


def _authority(
    values: Mapping[str, Any],
    variables: Mapping[str, str],
    environ: Mapping[str, str],
    settings: Settings,
    possible: bool,
) -> Iterator[Demand]:
    authority = str(values.get("authority_host") or variables.get(_env.AZURE_AUTHORITY_HOST) or "")
    if not authority or _is_known(authority, environ):
        return
    if not _sends_a_secret(settings, {*values.values(), *variables.values()}, possible):
        return
    named = {v.field: variables[v.name] for v, _ in known_variables() if v.name in variables}
    named.update({name: str(value) for name, value in values.items() if value})
    sources = (
        (flag_of(name), named[name])
        for name, kind in _NAMED.items()
        if kind != "program" and name in named
    )
    url = urlsplit(authority)
    address = f"{url.scheme}://{url.netloc}{url.path}".lower().rstrip("/")
    yield Demand(
        "authority_host",
        f"the authority {url.hostname or authority!r}",
        f"would get a secret of login {settings.login}",
        (("--authority-host", address), *sources),
    )


def variables_that_count(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those variables of an exec block that say how to sign in, and leave out all others.

    NOTE: programs and libraries obey more variables than any list of dangerous ones could hold.
    Those that redirect are in it, since each is a demand of its own.
    """
    known = {variable.name for variable, _ in known_variables()}
    known |= {_env.AAD_LOGIN_METHOD, *_env.ARM_USE}
    return {name: value for name, value in variables.items() if name in known or _redirects(name)}


def named_variables(settings: Settings, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an exec block that hold this login's secret, if settings name them.

    NOTE: only a login that starts no program gets it: what a kubeconfig names could be BASH_ENV.
    """
    own = find_login(settings.login).entry.own
    named = (name for setting, name in settings.named_variables.items() if setting in own)
    return {name: variables[name] for name in named if name in variables}


def _redirects(name: str) -> bool:
    upper = name.upper()
    proxy = upper.endswith("_PROXY") and upper != "NO_PROXY"
    return proxy or upper in _REDIRECTING or upper.startswith(_REDIRECTING_PREFIXES)


def _is_known(authority: str, environ: Mapping[str, str]) -> bool:
    """Return whether Microsoft or this machine's owner named the authority, too."""
    host = urlsplit(authority).netloc.lower()
    own = urlsplit(environ.get(_env.AZURE_AUTHORITY_HOST, "")).netloc.lower()
    return host in KNOWN_AUTHORITY_HOSTS or (bool(own) and host == own)


def _sends_a_secret(settings: Settings, own: Collection[Any], possible: bool) -> bool:
    """Return whether signing in sends the authority something that the kubeconfig does not hold.

    ``own`` are all values of the kubeconfig. A person sees where they type; the tools and managed
    identities ask their own authority. NOTE: what is sent counts, since a variable's secret wins
    over the one in the kubeconfig.
    """
    row = find_login(settings.login)
    if row.human or row.entry.own_tenant or row.one_identity:
        return False
    if possible or any(getattr(settings, name) for name in row.entry.own if name in _NAMED):
        return True
    needed = {*row.needs, *row.needs_one_of}
    secrets = [getattr(settings, f.field) for f in FLAGS if f.secret and f.field in needed]
    return not any(secrets) or any(secret not in own for secret in secrets if secret)
