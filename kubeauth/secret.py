"""Text and variables that a debugger, a log line or a pickle must not show; digests of secrets.

A system in FIPS mode allows neither BLAKE2 (Red Hat's Python refuses it then) nor scrypt. There,
SHA-256 (FIPS 180-4) and PBKDF2 (NIST SP 800-132) take their places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, NoReturn, SupportsIndex

    from typing_extensions import Self

__all__ = ["Secret", "Variables", "fast_digest", "slow_digest", "unpicklable"]

_STARS: Final = "'***'"
# OWASP's number for PBKDF2 with SHA-256.
_PBKDF2_ROUNDS: Final = 600_000


def unpicklable(what: str) -> NoReturn:
    """Refuse to write ``what`` into a pickle, which others could read; raises TypeError."""
    raise TypeError(
        f"{what} cannot be pickled, since a pickle is readable: make another one where it is needed"
    )


def fast_digest(content: bytes, size: int = 16) -> str:
    """Return a digest of ``content`` with ``size`` bytes (at most 32), in hexadecimal digits."""
    try:
        from _blake2 import blake2b

        return blake2b(content, digest_size=size).hexdigest()
    except (ImportError, ValueError):
        from hashlib import sha256

        return sha256(content).hexdigest()[: 2 * size]


def slow_digest(secret: str, whose: str) -> str:
    """Return a digest of a secret that may be short; it differs for each owner (``whose``).

    NOTE: we store data that depends on it, and who can read that data could try guesses against
    it. These functions make each guess slow.
    """
    import hashlib

    text, salt = secret.encode("utf-8", "surrogatepass"), whose.encode()
    try:
        return hashlib.scrypt(text, salt=salt, n=2**14, r=8, p=1).hex()
    except (AttributeError, ValueError):  # a Python built without scrypt, or FIPS mode
        return hashlib.pbkdf2_hmac("sha256", text, salt, _PBKDF2_ROUNDS).hex()


class Secret(str):
    """Text like any other, but its ``repr`` shows stars and it cannot be pickled.

    NOTE: so ``vars``, ``dataclasses.asdict`` and reports of local variables do not show it.
    Printing it, or formatting it into other text, still does: only do that to send it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return _STARS if self else "''"

    def __copy__(self) -> Self:
        """Return the same text, which cannot change."""
        return self

    def __deepcopy__(self, _: Any) -> Self:
        """Return the same text, which cannot change."""
        return self

    def __reduce_ex__(self, _: SupportsIndex) -> Any:
        """Raise TypeError, unless it is empty."""
        if self:
            unpicklable("a secret")
        return str, ("",)


class Variables(Mapping[str, str]):
    """The variables of an environment, whose ``repr`` shows none and which cannot be pickled."""

    __slots__ = ("_held",)

    def __init__(self, held: Mapping[str, str]) -> None:
        self._held = held

    def __getitem__(self, name: str) -> str:
        return self._held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"<{len(self)} variables>"

    def __copy__(self) -> Self:
        """Return these variables."""
        return self

    def __deepcopy__(self, _: Any) -> Self:
        """Return these variables."""
        return self

    def __reduce_ex__(self, _: SupportsIndex) -> Any:
        """Raise TypeError."""
        unpicklable("an environment")
