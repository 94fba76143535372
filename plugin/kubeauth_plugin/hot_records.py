"""Leaving records for the fast way, and noticing that a caller asks again."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from kubeauth._env import KUBERNETES_EXEC_INFO
from kubeauth.cache.folder import PrivateFolder
from kubeauth.cache.names import LAST_CALLER, RECORD
from kubeauth.cache.state import fresh_until
from kubeauth.cache.tokens import Kept
from kubeauth.log import Logger
from kubeauth.record import Record
from kubeauth_plugin import _hot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["CallerHistory", "leave_record"]

logger = Logger(__name__)

# How long, in seconds, until the same caller may cause another new token; doubles with each.
_FIRST_PAUSE: Final = _hot.YOUNG_FOR
_LONGEST_PAUSE: Final = 320


class CallerHistory(Record):
    """One call by one caller, with what is remembered of its earlier calls.

    kubectl runs its plugin once, and once more for each request that a server refused with 401,
    without telling why. So the same process that asks again has most likely been refused.
    """

    digest: str
    caller: str
    judged_from: float = 0.0
    times: int = 0
    renewals: int = 0

    @classmethod
    def now(
        cls, argv: Sequence[str], environ: Mapping[str, str], folder: PrivateFolder | None
    ) -> CallerHistory:
        """Return this call; without exec info, kubectl did not make it, so it names no caller."""
        name = _hot.digest(list(argv), dict(environ))
        if KUBERNETES_EXEC_INFO not in environ:
            return cls(name, "")
        history = cls(name, _hot.caller())
        try:
            kept = (folder.read(name + LAST_CALLER) if folder else None) or b""
            caller, numbers = kept.decode().split("\n")[:2]
            judged_from, times, renewals = numbers.split()
            if caller == history.caller:
                return cls(name, caller, float(judged_from), int(times), int(renewals))
        except (OSError, ValueError):
            pass
        return history

    def seems_rejected(self, now: float) -> bool:
        """Return whether the caller seems to ask because the API server rejected its token."""
        return self.times >= _expected_visits() and now >= self.judged_from

    def note(self, folder: PrivateFolder, kept: Kept, now: float, *, renewed: bool) -> None:
        """Remember that the caller asked, was given ``kept``, and whether that was a new token."""
        if not self.caller:
            return
        judged_from = max(self.judged_from, kept.obtained_on + _hot.YOUNG_FOR)
        if renewed:
            judged_from = now + min(_FIRST_PAUSE * 2**self.renewals, _LONGEST_PAUSE)
        counts = f"{self.times + 1} {self.renewals + renewed}"
        try:
            line = f"{self.caller}\n{judged_from:.0f} {counts}\n"
            folder.write(self.digest + LAST_CALLER, line.encode())
        except OSError as error:
            logger.debug("cannot remember the caller: %s", error)


def leave_record(
    folder: PrivateFolder, digest: str, credential: bytes, kept: Kept, stamped: Iterable[str]
) -> None:
    """Leave ``credential``, made of ``kept``, for the next call with the same ``digest``."""
    now, until = time.time(), fresh_until(kept.token)
    if until <= now:
        return
    times = f"{now:.0f} {kept.obtained_on:.0f} {until:.0f} {len(credential)}"
    lines = [_hot.MAGIC, times.encode()]
    lines += [b" ".join([*_hot.stamp(path), os.fsencode(path)]) for path in stamped]
    if any(b"\n" in line for line in lines):
        return
    try:
        folder.write(digest + RECORD, b"\n".join([*lines, b"", credential]))
    except OSError as error:
        logger.debug("no record for the fast way: %s", error)


def _expected_visits() -> int:
    """Return how often kubectl asks without having been refused.

    Commands that read a manifest from stdin have two clients in one process, which ask once each.
    """
    if not sys.platform.startswith("linux"):
        return 1
    try:
        with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
            command = file.read().split(b"\0")
    except OSError:
        return 1
    reads_stdin = any(
        argument in (b"-f-", b"-f=-", b"--filename=-")
        or (argument in (b"-f", b"--filename") and following == b"-")
        for argument, following in pairwise(command)
    )
    return 2 if reads_stdin else 1
