"""Read a client secret from a file, a variable or the keyring."""

from __future__ import annotations

from collections.abc import Mapping

from kubeauth.errors import SettingsError
from kubeauth.files import read_text
from kubeauth.options.logins import find_login
from kubeauth.options.settings import FLAGS, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["read_client_secret", "secret_place"]

# By what a setting names.
_PLACES: Final = {
    "file": "the file {}",
    "variable": "the variable {}",
    "keyring item": "the keyring's item {}",
    "program": "the program {}",
}


def read_client_secret(settings: Settings, environ: Mapping[str, str]) -> str:
    """Return the secret: from the settings, else from the file, variable or keyring they name.

    Raises SettingsError if that place has no secret.
    """
    if settings.client_secret:
        return settings.client_secret
    if settings.client_secret_file:
        return _from_file(settings.client_secret_file)
    if settings.client_secret_env:
        # Scripts that read a file into a variable often leave its line break at the end.
        secret = environ.get(settings.client_secret_env, "").rstrip("\r\n")
        if not secret:
            raise SettingsError(
                f"client-secret-env: {settings.client_secret_env} is not set",
                hint="set that variable to the secret, or name another one",
            )
        return secret
    return _from_keyring(settings.client_secret_keyring)


def secret_place(settings: Settings) -> str:
    """Return the name of the secret's place, for people to read."""
    if settings.client_secret:
        return settings.origins.get("client_secret", "--client-secret")
    for flag in FLAGS:
        value = str(getattr(settings, flag.field) or "")
        if value and flag.names in _PLACES and flag.field in find_login(settings.login).entry.own:
            # NOTE: a program's arguments may hold a secret.
            shown = value.split()[0] if flag.names == "program" else value
            return _PLACES[flag.names].format(shown)
    return "the client secret"


def _from_file(path: str) -> str:
    try:
        secret = read_text(path).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise SettingsError(
            f"client-secret-file: cannot read {path} ({reason})",
            hint="name the file that holds the secret and nothing else",
        ) from error
    if not secret:
        raise SettingsError(f"client-secret-file: {path} is empty", hint="write the secret into it")
    if not secret.isprintable():
        raise SettingsError(
            f"client-secret-file: {path} holds several lines, or characters that no secret has",
            hint="name the file that holds the secret and nothing else",
        )
    return secret


def _from_keyring(name: str) -> str:
    from kubeauth.cache.keyring_key import NoKeyring, password_of

    service, slash, username = name.partition("/")
    if not (service and slash and username):
        raise SettingsError(
            f"client-secret-keyring: {name!r} names no item",
            hint="give it as SERVICE/USERNAME, as in `keyring set SERVICE USERNAME`",
        )
    try:
        secret = password_of(service, username)
    except NoKeyring as error:
        raise SettingsError(
            f"client-secret-keyring: {error}", hint="use --client-secret-file where there is none"
        ) from error
    if not secret:
        raise SettingsError(
            f"client-secret-keyring: the keyring has no item {name}",
            hint=f"put it there with `keyring set {service} {username}`",
        )
    return secret
