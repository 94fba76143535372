"""Run all checks in order, within thirty seconds, whatever hangs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from kubeauth.sanitize import masked
from kubeauth_plugin.doctor import (
    api_server,
    cache,
    entra,
    kubeconfig,
    needs,
    network,
    programs,
    settings,
)
from kubeauth_plugin.doctor.finding import Finding, Scene

__all__ = ["examine"]

_CHECKS: Final[tuple[tuple[str, Callable[[Scene], Iterator[Finding]]], ...]] = (
    ("kubeconfig", kubeconfig.check),
    ("programs", programs.check),
    ("settings", settings.check),
    ("login", needs.check),
    ("cache", cache.check),
    ("network", network.check),
    ("Entra ID", entra.check),
    ("API server", api_server.check),
)
# After a finding of these, a sign-in would only fail for the same cause; except for these subjects.
_BEFORE_SIGN_IN: Final = (settings.check, needs.check, network.check)
_HARMLESS: Final = ("clock", "keyring")
# A shorter secret may be a word of doctor's own sentences, which hold none.
_SHORTEST_SECRET: Final = 12
# These sign a person in, if that is allowed.
_MAY_ASK: Final = (entra.check, api_server.check)
# Seconds for all checks; a person who signs in has fifteen minutes more.
_LIMIT: Final = 28.0
_PERSON: Final = 900.0
# Seconds for one check.
_EACH: Final = 14.0


def examine(scene: Scene) -> list[Finding]:
    """Return what the checks found, each once; their texts hold no secret and no home folder."""
    end = time.monotonic() + _LIMIT
    found: list[Finding] = []
    for subject, check in _CHECKS:
        asks = scene.may_ask and check in _MAY_ASK
        limit = _PERSON if asks else min(_EACH, end - time.monotonic())
        rows = _within(limit, subject, check, scene)
        found += rows
        if check in _BEFORE_SIGN_IN and any(row.subject not in _HARMLESS for row in rows):
            scene.blocked = True
        if asks:
            end = time.monotonic() + _LIMIT / 2
    known = scene.target.settings.secrets if scene.target else ()
    secrets = [each for each in known if len(each) >= _SHORTEST_SECRET]
    home = os.path.expanduser("~")

    def shown(text: str) -> str:
        return masked(text.replace(home, "~") if len(home) > 1 else text, secrets)

    scene.seen = [(name, shown(text)) for name, text in scene.seen]
    clean = [Finding(one.subject, shown(one.problem), shown(one.next_step)) for one in found]
    # Two checks may meet the same cause; the first says it best.
    first: dict[str, Finding] = {}
    for row in clean:
        first.setdefault(row.problem, row)
    return list(first.values())


def _within(
    seconds: float, subject: str, check: Callable[[Scene], Iterator[Finding]], scene: Scene
) -> list[Finding]:
    """Run one check in a thread; one that hangs is a finding, too."""
    found: list[Finding] = []
    failed: list[str] = []

    def work() -> None:
        try:
            found.extend(check(scene))
        except Exception as error:
            # NOTE: not its text, which could quote a secret.
            failed.append(type(error).__name__)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(max(0.1, seconds))
    rows = list(found)
    if thread.is_alive():
        rows.append(Finding(subject, "this check got no answer in time", "kubeauth doctor"))
    elif failed:
        rows.append(Finding(subject, f"this check failed ({failed[0]})", "please report this"))
    return rows
