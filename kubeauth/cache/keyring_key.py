"""The key that refresh tokens are encrypted with, kept in the operating system's keyring.

Only a key goes there: some keyrings hold no more than 1,280 characters, less than a refresh token.
"""

from __future__ import annotations

import base64
import binascii
import logging
import secrets
import threading
from collections.abc import Callable
from typing import Any, Final

__all__ = ["NoKeyring", "existing_key", "forget_key", "make_key", "password_of"]

logger = logging.getLogger(__name__)

_SERVICE: Final = "kubeauth"
_ITEM: Final = "key of the kept sign-ins"
_KEY_BYTES: Final = 32
# A locked keyring may wait for a password box that nobody sees; no kubectl call waits longer.
_LIMIT: Final = 5.0


class NoKeyring(Exception):
    """No keyring can be used here; the text says why."""


def existing_key() -> bytes | None:
    """Return the key, or None if the keyring has none. Raises NoKeyring."""
    text = _ask(lambda keyring: keyring.get_password(_SERVICE, _ITEM))
    try:
        key = base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == _KEY_BYTES else None


def make_key() -> bytes:
    """Put a new key into the keyring and give it. Raises NoKeyring, also if it was not kept."""
    key = secrets.token_bytes(_KEY_BYTES)
    text = base64.b64encode(key).decode()
    _ask(lambda keyring: keyring.set_password(_SERVICE, _ITEM, text))
    # Some backends discard what they are given, by design.
    if existing_key() != key:
        raise NoKeyring("the keyring does not keep what it is given")
    return key


def password_of(service: str, username: str) -> str:
    """Return a password that the person put into the keyring, "" without one. Raises NoKeyring."""
    return _ask(lambda keyring: keyring.get_password(service, username)) or ""


def forget_key() -> bool:
    """Take the key out of the keyring; says whether there was one. Raises NoKeyring."""
    if _ask(lambda keyring: keyring.get_password(_SERVICE, _ITEM)) is None:
        return False
    _ask(lambda keyring: keyring.delete_password(_SERVICE, _ITEM))
    return True


def _ask(question: Callable[[Any], Any]) -> Any:
    """Ask the keyring, for a bounded time.

    The thread of a question that is never answered is left behind; it ends with the process.
    """
    answer: list[Any] = []
    failure: list[str] = []

    def run() -> None:
        try:
            import keyring
            import keyring.errors

            answer.append(question(keyring))
        except keyring.errors.NoKeyringError:
            failure.append("this machine has no keyring that can be used")
        except Exception as error:
            # NOTE: backends are third-party code; the text of their errors is not repeated.
            failure.append(f"the keyring failed with {type(error).__name__}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_LIMIT)
    if thread.is_alive():
        raise NoKeyring(f"the keyring gave no answer in {_LIMIT:g} s; it may be locked")
    if failure:
        raise NoKeyring(failure[0])
    return answer[0]
