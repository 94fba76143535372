"""What the login needs on this machine: a program, an account, an endpoint, a certificate."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from kubeauth import _env
from kubeauth.adapters.browsers import can_open_browser
from kubeauth.adapters.child_environ import for_tool
from kubeauth.adapters.programs import find_program, run_program
from kubeauth.errors import KubeauthError
from kubeauth.jwt import claims_of
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings
from kubeauth.providers._identity.hosts import IMDS, find_host
from kubeauth.system import System
from kubeauth_plugin.aks.azure_profile import read_azure_profile
from kubeauth_plugin.doctor.finding import Finding, Scene, from_error, set_clock
from kubeauth_plugin.doctor.token_file import expired, read_token
from kubeauth_plugin.whoami.facts import date_of
from kubeauth_plugin.whoami.target import Target

__all__ = ["check"]

# Seconds. The metadata service answers in milliseconds, where there is one.
_IMDS_LIMIT: Final = 3.0
# Seconds; `az` takes some to start.
_TOOL_LIMIT: Final = 10.0


def check(scene: Scene) -> Iterator[Finding]:
    """Look at what the login of the context needs, without signing in."""
    target = scene.target
    if target is None:
        return
    settings = target.settings
    system = System(environ=target.environ, warn=lambda _: None)
    if settings.login in ("azurecli", "azd"):
        yield from _tool(scene, target)
    if settings.login == "msi" or settings.assertion_source.startswith("msi"):
        yield from _identity_endpoint(scene, target)
    if settings.login == "interactive":
        yield from _browser(scene, target)
    if settings.client_certificate:
        yield from _certificate(scene, settings, system)
    if settings.federated_token_file:
        yield from _federated(scene, target, system.now())
    wants_keyring = settings.cache_storage in ("", "auto") and find_login(settings.login).human
    if settings.cache_storage == "keyring" or wants_keyring:
        yield from _keyring(scene)


def _tool(scene: Scene, target: Target) -> Iterator[Finding]:
    login = target.settings.login
    program = "az" if login == "azurecli" else "azd"
    path = find_program(program, target.environ)
    if not path:
        problem = f"the login {login} needs the program {program}, which is not on PATH"
        yield Finding("login", problem, scene.as_a_person())
        return
    if login == "azurecli":
        profile = read_azure_profile(target.environ)
        if not profile.signed_in:
            yield Finding("login", "az has no account signed in", "az login")
            return
        account = f"{profile.user or 'somebody'} in tenant {profile.tenant_id}, {profile.cloud}"
        scene.seen.append(("az account", account))
    words = [path, "version", "--output", "json"]
    try:
        ran = run_program(words, environ=for_tool(target.environ), limit=_TOOL_LIMIT)
    except (OSError, TimeoutError) as error:
        yield Finding("login", f"{path} does not run ({error})", f"{program} version")
    else:
        scene.seen.append((program, f"{_version(ran.stdout) or 'of unknown version'} ({path})"))


def _version(text: str) -> str:
    """Return the version of az ("azure-cli") or azd from their JSON; "" if it is elsewhere."""
    try:
        found: Any = json.loads(text)
        return str(found.get("azure-cli") or found["azd"]["version"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _identity_endpoint(scene: Scene, target: Target) -> Iterator[Finding]:
    """Look whether the endpoint accepts a connection, which takes no time where there is one."""
    try:
        host = find_host(target.environ)
    except KubeauthError as error:
        yield from_error("login", error)
        return
    place = urlsplit(host.url)
    port = place.port or (443 if place.scheme == "https" else 80)
    try:
        socket.create_connection((place.hostname or "", port), _IMDS_LIMIT).close()
    except OSError as error:
        reason = error.strerror or "no answer"
        problem = f"{host.name} cannot be reached at {place.netloc} ({reason})"
        if host.name == IMDS:
            problem += ": this is no machine of Azure's, or its network blocks that address"
        yield Finding("login", problem, _other_login(scene, target.environ))
        return
    scene.seen.append(("identity endpoint", f"{host.name} answers at {place.netloc}"))


def _other_login(scene: Scene, environ: Mapping[str, str]) -> str:
    """Return the line for a login that has on this machine what it needs."""
    if environ.get(_env.AZURE_FEDERATED_TOKEN_FILE):
        return scene.other_login("--login", "workloadidentity")
    if find_program("az", environ) and read_azure_profile(environ).signed_in:
        return scene.other_login("--login", "azurecli")
    return scene.as_a_person()


def _browser(scene: Scene, target: Target) -> Iterator[Finding]:
    settings = target.settings
    if not settings.no_browser and not can_open_browser(target.environ, settings.browser_command):
        problem = "the login interactive finds no browser to open"
        yield Finding("browser", problem, scene.as_a_person())


def _certificate(scene: Scene, settings: Settings, system: System) -> Iterator[Finding]:
    from kubeauth.providers._entra.certificate import load_certificate

    try:
        leaf = load_certificate(settings, system.now()).chain[0]
    except KubeauthError as error:
        yield from_error("certificate", error)
        return
    ends = date_of(leaf.not_valid_after_utc.timestamp())
    scene.seen.append(("certificate", f"{leaf.subject.rfc4514_string()}, until {ends}"))


def _federated(scene: Scene, target: Target, now: float) -> Iterator[Finding]:
    path = target.settings.federated_token_file
    subject, again = "federated token", "have the platform issue a new token into that file"
    token = read_token(subject, path, again)
    if isinstance(token, Finding):
        yield token
        return
    claims = claims_of(token)
    if not claims:
        yield Finding(subject, f"{path} holds no JWT", again)
        return
    expiry, begins = (_number(claims.get(name)) for name in ("exp", "nbf"))
    about = [f"{name} {claims.get(name)}" for name in ("iss", "sub", "aud")]
    until = f", until {date_of(expiry)}" if expiry else ""
    scene.seen.append((subject, scene.foreign(", ".join(about) + until)))
    if expiry and expiry < now:
        yield expired(subject, path, expiry, again)
    elif begins and begins > now + 300:
        problem = f"the token in {path} is not valid before {date_of(begins)}: is the clock right?"
        yield Finding(subject, problem, set_clock())


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and value > 0 else 0.0


def _keyring(scene: Scene) -> Iterator[Finding]:
    from kubeauth.cache.keyring_key import NoKeyring, existing_key

    try:
        existing_key()
    except NoKeyring as error:
        problem = f"the keyring cannot be used ({error}); sessions are kept unencrypted"
        yield Finding("keyring", problem, scene.convert("--cache-storage", "file"))
    else:
        scene.seen.append(("keyring", "works"))
