"""What a check found, and what all checks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kubeauth.errors import KubeauthError

if TYPE_CHECKING:
    from kubeauth.kubeconfig.sign_in import SignIn
    from kubeauth_plugin.whoami.target import Target

__all__ = ["REQUEST_LIMIT", "Finding", "Scene", "from_error"]

# Seconds for one request or program; all checks together have thirty.
REQUEST_LIMIT: Final = 6.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``next_step`` is a line to type, or what to do."""

    subject: str
    problem: str
    next_step: str


@dataclass(slots=True)
class Scene:
    """What is looked at. The check of the kubeconfig fills in the sign-in and the target.

    to print, in order.
    """

    environ: Mapping[str, str] = field(repr=False)
    context: str = ""
    kubeconfig: str | None = None
    may_ask: bool = False
    sign_in: SignIn | None = None
    command: str = ""
    target: Target | None = None
    authority_answered: bool = False
    blocked: bool = False
    token: str = field(default="", repr=False)
    fresh_token: str = field(default="", repr=False)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def convert(self, *flags: str) -> str:
        """Return the command that changes this context's user in the kubeconfig."""
        from kubeauth_plugin.trust.rule import quoted

        file = ("--kubeconfig", self.kubeconfig) if self.kubeconfig else ()
        named = ("--context", self.context) if self.context else ()
        return quoted(["kubeauth", "convert-kubeconfig", *file, *named, *flags])


def from_error(subject: str, error: KubeauthError) -> Finding:
    """Return the finding for an error of kubeauth's: its text and its hint."""
    return Finding(subject, str(error), error.hint)
