"""Write records for the fast path, and detect a caller that asks again."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from kubeauth._env import KUBERNETES_EXEC_INFO
from kubeauth.cache.state import due_on, renewable_on, usable_until
from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.cache.storage.names import LAST_CALLER, RECORD
from kubeauth.cache.tokens import CachedToken
from kubeauth.log import Logger
from kubeauth.record import Record
from kubeauth_plugin import _hot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["CallerHistory", "leave_record"]

logger = Logger(__name__)

# Seconds until the same caller may cause another new token; doubles after each one.
_FIRST_PAUSE: Final = _hot.YOUNG_FOR
_LONGEST_PAUSE: Final = 320


class CallerHistory(Record):
    """One call by a caller, with the history of its earlier calls.

    client-go (kubectl, helm and others) runs its plugin once, and once more for each request that
    the API server answered with 401, without giving the reason. So if the same process asks again,
    the API server has most likely rejected its token.
    """

    digest: str
    caller: str
    judged_from: float = 0.0
    times: int = 0
    renewals: int = 0

    @classmethod
    def now(
        cls,
        argv: Sequence[str],
        environ: Mapping[str, str],
        folder: PrivateFolder | None,
        *,
        counts: bool = True,
    ) -> CallerHistory:
        """Return the history for this call; its caller is "" unless kubectl made the call.

        With ``counts`` false, kubeauth itself made the call, so the caller is "", too.
        """
        name = _hot.digest(list(argv), dict(environ))
        if not counts or KUBERNETES_EXEC_INFO not in environ:
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
        asks_again = self.times >= _expected_visits() and now >= self.judged_from
        return asks_again and _hot.may_be_client_go()

    def note(self, folder: PrivateFolder, kept: CachedToken, now: float, *, renewed: bool) -> None:
        """Store that the caller got ``kept`` at ``now``, and whether it was a new token."""
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
            logger.debug("cannot store the caller: %s", error)


def leave_record(
    folder: PrivateFolder,
    digest: str,
    credential: bytes,
    kept: CachedToken,
    stamped: Iterable[str],
    *,
    ahead: bool,
) -> None:
    """Write a record of ``credential``, made from ``kept``, for calls with the same ``digest``.

    ``ahead`` says that the token may be renewed in the background. Calls then return the credential
    until the token's last minutes, also while the renewal runs or fails.
    """
    now = time.time()
    until = usable_until(kept.token) if ahead else due_on(kept)
    due = min(until, max(renewable_on(kept), kept.retry_on)) if ahead else until
    if until <= now:
        return
    times = f"{now:.0f} {kept.obtained_on:.0f} {due:.0f} {until:.0f} {len(credential)}"
    lines = [times.encode()]
    lines += [b" ".join([*_hot.stamp(path), os.fsencode(path)]) for path in stamped]
    if any(b"\n" in line for line in lines):
        return
    try:
        content = b"\n".join([*lines, b"", credential])
        folder.write(digest + RECORD, _hot.MAGIC + _hot.checksum(content) + b"\n" + content)
    except OSError as error:
        logger.debug("cannot write a record for the fast path: %s", error)


def _expected_visits() -> int:
    """Return how often kubectl asks for a token if the API server accepts every request.

    A command that reads a manifest from stdin has two clients in one process, which ask once each.
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
