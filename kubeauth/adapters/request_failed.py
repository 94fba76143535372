"""The error for a request without a usable answer, whichever HTTP client sent it."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["SOCKS", "RequestFailed", "causes_of"]

# The module of PySocks, whose errors requests wraps as if no proxy was there.
SOCKS = "socks"


class RequestFailed(Exception):
    """A request got no usable answer; ``__cause__`` has the reason, if another error caused it.

    ``url`` is the request's. ``kind`` is "tls", "proxy", "timeout", "connection" or "answer".
    """

    def __init__(self, url: str, kind: str, text: str = "") -> None:
        super().__init__(text or kind)
        self.url = url
        self.kind = kind


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything that it wraps, outermost first."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        reason = getattr(inner, "reason", None)
        wrapped = [reason, *inner.args, inner.__cause__, inner.__context__]
        inner = next((each for each in wrapped if isinstance(each, BaseException)), None)
