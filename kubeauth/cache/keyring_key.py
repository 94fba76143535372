"""The key that encrypts sessions, stored in the operating system's keyring.

Only the key goes there: some keyrings hold at most 1,280 characters, less than a refresh token.
"""

from __future__ import annotations

import binascii
import contextlib
import os
import sys

from kubeauth.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

__all__ = ["NoKeyring", "existing_key", "forget_key", "make_key", "never_ask", "password_of"]

logger = Logger(__name__)

_SERVICE: Final = "kubeauth"
_ITEM: Final = "key of the kept sign-ins"
_KEY_BYTES: Final = 32
# How long to wait for the keyring; seconds. A locked one may wait for a hidden password dialog.
_LIMIT: Final = 5.0
# The backends that never show a dialog.
_SILENT: Final = ("keyring.backends.Windows",)
_SECRET_SERVICE: Final = "keyring.backends.SecretService"  # noqa: S105
_may_ask = True


class NoKeyring(Exception):
    """No keyring is usable here; the text says why."""


def never_ask() -> None:
    """From now on, do not use a keyring that might ask the person for a password."""
    global _may_ask
    _may_ask = False


def existing_key() -> bytes | None:
    """Return the key, or None if the keyring has none. Raises NoKeyring."""
    text = _from_secret_service() or _ask(lambda keyring: keyring.get_password(_SERVICE, _ITEM))
    try:
        key = binascii.a2b_base64(text or "")
    except ValueError:
        return None
    return key if len(key) == _KEY_BYTES else None


def make_key() -> bytes:
    """Store a new key in the keyring and return it. Raises NoKeyring, also if it was not stored."""
    key = os.urandom(_KEY_BYTES)
    text = binascii.b2a_base64(key, newline=False).decode()
    _ask(lambda keyring: keyring.set_password(_SERVICE, _ITEM, text))
    # Some backends discard every password, by design.
    if existing_key() != key:
        raise NoKeyring("the keyring does not store passwords")
    return key


def password_of(service: str, username: str) -> str:
    """Return a password that the person put into the keyring, "" without one. Raises NoKeyring."""
    return _ask(lambda keyring: keyring.get_password(service, username)) or ""


def forget_key() -> bool:
    """Delete the key from the keyring and return whether there was one. Raises NoKeyring."""
    if _ask(lambda keyring: keyring.get_password(_SERVICE, _ITEM)) is None:
        return False
    _ask(lambda keyring: keyring.delete_password(_SERVICE, _ITEM))
    return True


def _ask(question: Callable[[Any], Any]) -> Any:
    """Call ``question`` with the package keyring, and return its answer within five seconds.

    Raises NoKeyring.
    """

    def ask() -> Any:
        try:
            import keyring
            from keyring.errors import NoKeyringError
        except ImportError as error:
            raise NoKeyring("the package keyring cannot be imported") from error
        try:
            if not _may_ask and _might_ask(keyring.get_keyring()):
                raise NoKeyring("the keyring might ask for a password")
            return question(keyring)
        except NoKeyringError as error:
            raise NoKeyring("this machine has no usable keyring") from error

    return _within_limit(ask)


def _might_ask(backend: Any) -> bool:
    """Return whether reading from this keyring might show a dialog to the person."""
    kind = type(backend).__module__
    if kind != _SECRET_SERVICE:
        return kind not in _SILENT
    import secretstorage

    with contextlib.closing(secretstorage.dbus_init()) as bus:
        return bool(secretstorage.Collection(bus).is_locked())


def _from_secret_service() -> str:
    """Return the key's text if an unlocked Secret Service has it, else "".

    The package keyring would find it, too, after it has loaded each of its backends, which takes
    longer than a sign-in. It counts if somebody has chosen a backend.
    """
    if sys.platform != "linux" or "PYTHON_KEYRING_BACKEND" in os.environ:
        return ""
    if os.path.exists(os.path.expanduser("~/.config/python_keyring/keyringrc.cfg")):
        return ""

    try:
        return str(_within_limit(_look_up))
    except NoKeyring as error:
        logger.debug("no key from the Secret Service itself: %s", error)
        return ""


def _look_up() -> str:
    """Return the key's text from the Secret Service, "" if it is locked or has none.

    ("Secret Service API" of freedesktop.org.) NOTE: the session is a plain one: the text crosses
    the person's own bus, at which every program of theirs can ask for it.
    """
    from jeepney import DBusAddress, new_method_call
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    with contextlib.closing(open_dbus_connection("SESSION")) as bus:

        def call(path: str, kind: str, method: str, signature: str, *values: Any) -> Any:
            address = DBusAddress(path, "org.freedesktop.secrets", f"org.freedesktop.Secret.{kind}")
            message = new_method_call(address, method, signature, values)
            return unwrap_msg(bus.send_and_get_reply(message, timeout=_LIMIT))

        service = ("/org/freedesktop/secrets", "Service")
        _, session = call(*service, "OpenSession", "sv", "plain", ("s", ""))
        wanted = {"service": _SERVICE, "username": _ITEM}
        unlocked, _ = call(*service, "SearchItems", "a{ss}", wanted)
        for item in unlocked:
            (secret,) = call(item, "Item", "GetSecret", "o", session)
            return bytes(secret[2]).decode("utf-8", "replace")
    return ""


def _within_limit(work: Callable[[], Any]) -> Any:
    """Return the result of ``work`` within five seconds; raises NoKeyring.

    If a keyring hangs, its thread stays behind and ends with the process.
    """
    import threading

    answer: list[Any] = []
    failure: list[NoKeyring] = []

    def run() -> None:
        try:
            answer.append(work())
        except NoKeyring as error:
            failure.append(error)
        except Exception as error:
            # NOTE: backends are third-party code, so do not repeat the text of their errors.
            failure.append(NoKeyring(f"the keyring failed with {type(error).__name__}"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_LIMIT)
    if thread.is_alive():
        raise NoKeyring(f"the keyring gave no answer in {_LIMIT:g} s; it may be locked")
    if failure:
        raise failure[0]
    return answer[0]
