"""A user who reads a token from a file: whether the file has one, and until when."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from kubeauth.files import read_text
from kubeauth.kubeconfig.merge import User, text_of
from kubeauth.system import System
from kubeauth_plugin.convert.token_file import TOKEN_FILE
from kubeauth_plugin.doctor.finding import Finding, Scene, Token
from kubeauth_plugin.trust.rule import quoted
from kubeauth_plugin.whoami.facts import date_of, facts_of

__all__ = ["check", "path_of"]

_SUBJECT: Final = "token file"


def path_of(user: User) -> str:
    """Return a user's token file, which is relative to its kubeconfig; "" without one."""
    fields = user.fields("user")
    name = text_of(fields.get("tokenFile"), user.file, "tokenFile")
    return os.path.join(user.file.path.parent, name) if name else ""


def check(scene: Scene, path: str) -> Iterator[Finding]:
    """Read the token for the API server's check; say if it is none."""
    scene.seen.append((_SUBJECT, path))
    again = (
        f"start what keeps it again: kubeauth {TOKEN_FILE} --output {quoted([path])} with the "
        f"flags of its sign-in; {scene.command_line('convert-kubeconfig', '--undo')} goes back"
    )
    try:
        text = read_text(path).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        yield Finding(_SUBJECT, f"{path} cannot be read ({reason})", again)
        return
    if not text:
        yield Finding(_SUBJECT, f"{path} is empty", again)
        return
    ends = facts_of(text).expires_at
    if ends is not None and ends < System().now():
        yield Finding(_SUBJECT, f"the token in {path} expired on {date_of(ends)}", again)
        return
    scene.token = Token(text, text, file=path)
