"""The token cache: access tokens by key, and the keys of tokens and sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth.cache.storage.names import DIGEST_LENGTH, TOKEN
from kubeauth.cache.storage.store import Store
from kubeauth.log import Logger
from kubeauth.record import Record, field
from kubeauth.secret import fast_digest
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["CachedToken", "Entry", "Key", "TokenCache"]

logger = Logger(__name__)

# Part of every digest, so that a new format ignores old files instead of misreading them.
_VERSION: Final = "3"


class Key(Record):
    """Everything that decides whose a token is and which server accepts it.

    ``identity`` says who signs in, where and how. One session can get tokens for many scopes.
    """

    identity: tuple[tuple[str, str], ...] = field(repr=False)
    scope: str

    @classmethod
    def of(cls, identity: Mapping[str, str], scope: str) -> Key:
        """Make a key from named parts, in any order; drop the empty ones."""
        return cls(tuple(sorted((k, v) for k, v in identity.items() if v)), scope)

    @property
    def digest(self) -> str:
        """The name of this key's token.

        NOTE: an identity may hold a client secret, so that another secret is another identity. The
        cache writes only this digest of all parts together.
        """
        return _digest([self.identity, self.scope])

    @property
    def session_digest(self) -> str:
        """The name of the session, the same for every scope."""
        return _digest([self.identity])


def _digest(parts: list[Any]) -> str:
    text = json.dumps([_VERSION, *parts])
    return fast_digest(text.encode(), DIGEST_LENGTH // 2)


class CachedToken(Record):
    """A cached token, when it was obtained, and when to try to replace it next (epoch seconds)."""

    token: AccessToken
    obtained_on: float
    retry_on: float = 0.0


class Entry(Record):
    """One cached token with its description; ``session`` is the digest of its session."""

    digest: str
    session: str
    about: Mapping[str, str]
    kept: CachedToken


class TokenCache:
    """The cached tokens of a store. An unreadable token counts as absent, not as an error."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: Key) -> CachedToken | None:
        """Return the cached token for ``key``, fresh or not; None without one."""
        entry = self._entry(key.digest)
        return None if entry is None else entry.kept

    def keep(self, key: Key, kept: CachedToken, about: Mapping[str, str]) -> None:
        """Store a token; ``about`` describes it for people and holds no secret."""
        fields = {
            "token": kept.token.token,
            "expires_on": kept.token.expires_on,
            "refresh_on": kept.token.refresh_on,
            "obtained_on": kept.obtained_on,
            "retry_on": kept.retry_on,
            "session": key.session_digest,
            "about": dict(about),
        }
        self._store.write(key.digest + TOKEN, packed(fields))

    def entries(self) -> list[Entry]:
        """Return all cached tokens, in any order."""
        names = [name for name in self._store.names() if name.endswith(TOKEN)]
        found = [self._entry(name.removesuffix(TOKEN)) for name in names]
        return [entry for entry in found if entry is not None]

    def forget(self, digest: str) -> None:
        """Delete one token."""
        self._store.delete(digest + TOKEN)

    def _entry(self, digest: str) -> Entry | None:
        content = self._store.read(digest + TOKEN)
        try:
            fields = unpacked(content)
            refresh_on = fields["refresh_on"]
            token = AccessToken(
                str(fields["token"]),
                int(fields["expires_on"]),
                None if refresh_on is None else int(refresh_on),
            )
            kept = CachedToken(token, float(fields["obtained_on"]), float(fields["retry_on"]))
            about = {str(name): str(value) for name, value in fields["about"].items()}
            return Entry(digest, str(fields["session"]), about, kept)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return None
