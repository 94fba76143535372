"""Choose the subscription: by id, by name, the only one, or from a list."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Final

from kubeauth.errors import SettingsError, SignInCancelled, near_names
from kubeauth.resource_manager.client import ResourceManager
from kubeauth.resource_manager.subscriptions import Subscription, list_subscriptions
from kubeauth_plugin.output import columns
from kubeauth_plugin.prompt import is_terminal

__all__ = ["ask_at_terminal", "choose_subscription", "named_subscription"]

_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SHOWN: Final = 20


def choose_subscription(
    manager: ResourceManager,
    named: str,
    origin: str,
    ask: Callable[[str], str] | None,
) -> Subscription:
    """Return the subscription called ``named``, else the only one, else the one a person chooses.

    ``origin`` says where the name came from. ``ask`` shows a text and returns the person's answer;
    it is None if nobody is there. Raises SettingsError, SignInCancelled and what Resource Manager
    raises.
    """
    if _ID.fullmatch(named):
        return Subscription(named.lower())
    known = list_subscriptions(manager)
    if named:
        return named_subscription(known, named, origin)
    if not known:
        raise SettingsError(
            "subscription: this account can see none in this tenant",
            hint="give --tenant-id of another tenant, or have somebody give you a role in this one",
        )
    if len(known) == 1:
        return known[0]
    if ask is None:
        raise SettingsError(
            f"subscription: name one of these {len(known)}: {_listed(known)}",
            hint=f"give one of them, by id or name, like -s {_word(known[0].name)}",
        )
    return _chosen(known, ask)


def named_subscription(known: Sequence[Subscription], named: str, origin: str) -> Subscription:
    """Return the one with this id or name, in upper or lower case; raises SettingsError."""
    wanted = named.lower()
    found = [one for one in known if wanted in (one.id.lower(), one.name.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            f"subscription: {len(found)} are called {named!r}",
            hint=f"give its id: {' or '.join(one.id for one in found)}",
        )
    near = near_names(named, (one.name for one in known))
    raise SettingsError(
        f"subscription: there is no {named!r} (from {origin})",
        hint=f"did you mean {' or '.join(map(_word, near))}?"
        if near
        else f"the subscriptions are: {_listed(known)}"
        if known
        else "check --tenant-id: this account can see no subscription in this tenant",
    )


def _chosen(known: Sequence[Subscription], ask: Callable[[str], str]) -> Subscription:
    rows = [(str(number), one.name, one.id) for number, one in enumerate(known, 1)]
    text = f"Which subscription?\n{columns(rows)}\n"
    while True:
        answer = ask(f"{text}Number or name: ").strip()
        if not answer:
            raise SignInCancelled("no subscription was chosen", hint="give one with -s")
        if answer.isdecimal() and 0 < int(answer) <= len(known):
            return known[int(answer) - 1]
        try:
            return named_subscription(known, answer, "your answer")
        except SettingsError as error:
            text = f"{error}; {error.hint}\n"


def ask_at_terminal() -> Callable[[str], str] | None:
    """Return a function that asks the person at the terminal; None if nobody is there.

    The question goes to stderr: stdout is for the command's result.
    """
    streams = (sys.stdin, sys.stderr)
    if not all(map(is_terminal, streams)):
        return None

    def ask(text: str) -> str:
        sys.stderr.write(text)
        sys.stderr.flush()
        return sys.stdin.readline()

    return ask


def _listed(known: Sequence[Subscription]) -> str:
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(f"{_word(one.name)} ({one.id})" for one in known[:_SHOWN]) + more


def _word(name: str) -> str:
    return f'"{name}"' if " " in name else name
