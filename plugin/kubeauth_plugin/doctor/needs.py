"""What the login needs on this machine: a program, an account, a certificate, a federated token."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kubeauth.adapters.programs import find_program
from kubeauth.errors import KubeauthError
from kubeauth.files import read_text
from kubeauth.jwt import claims_of
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings
from kubeauth.system import System
from kubeauth_plugin.aks.azure_profile import read_azure_profile
from kubeauth_plugin.doctor.finding import Finding, Scene, from_error

__all__ = ["check"]


def check(scene: Scene) -> Iterator[Finding]:
    """Look at what the login of the context needs, without signing in."""
    target = scene.target
    if target is None:
        return
    settings = target.settings
    system = System(environ=target.environ, warn=lambda _: None)
    if settings.login in ("azurecli", "azd"):
        yield from _tool(scene, settings.login)
    if settings.client_certificate:
        yield from _certificate(settings, system)
    if settings.federated_token_file:
        yield from _federated(settings.federated_token_file, system.now())
    wants_keyring = settings.cache_storage in ("", "auto") and find_login(settings.login).human
    if settings.cache_storage == "keyring" or wants_keyring:
        yield from _keyring(scene)


def _tool(scene: Scene, login: str) -> Iterator[Finding]:
    program = "az" if login == "azurecli" else "azd"
    if not find_program(program, scene.environ):
        problem = f"the login {login} needs the program {program}, which is not on PATH"
        yield Finding("login", problem, scene.convert("--login", "devicecode"))
    elif login == "azurecli" and not read_azure_profile(scene.environ).signed_in:
        yield Finding("login", "az has no account signed in", "az login")


def _certificate(settings: Settings, system: System) -> Iterator[Finding]:
    from kubeauth.providers._entra.certificate import load_certificate

    try:
        load_certificate(settings, system.now())
    except KubeauthError as error:
        yield from_error("certificate", error)


def _federated(path: str, now: float) -> Iterator[Finding]:
    subject, again = "federated token", "have the platform issue a new token into that file"
    try:
        token = read_text(path).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        yield Finding(subject, f"{path} cannot be read ({reason})", again)
        return
    claims = claims_of(token)
    if not claims:
        yield Finding(subject, f"{path} holds no JWT", again)
        return
    expiry = claims.get("exp")
    if isinstance(expiry, (int, float)) and 0 < expiry < now:
        date = datetime.fromtimestamp(expiry).astimezone().isoformat(" ", "seconds")
        yield Finding(subject, f"the token in {path} has expired ({date})", again)


def _keyring(scene: Scene) -> Iterator[Finding]:
    from kubeauth.cache.keyring_key import NoKeyring, existing_key

    try:
        existing_key()
    except NoKeyring as error:
        problem = f"the keyring cannot be used ({error}); sessions are kept unencrypted"
        yield Finding("keyring", problem, scene.convert("--cache-storage", "file"))
