"""A user who reads a token from a file: whether the file has one, and until when."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from typing import Final

from kubeauth.errors import KubeauthError
from kubeauth.files import read_text
from kubeauth.kubeconfig.files import find_files
from kubeauth.kubeconfig.merge import User, text_of
from kubeauth.system import System
from kubeauth_plugin.convert.plan import Selection
from kubeauth_plugin.convert.token_file import TOKEN_FILE
from kubeauth_plugin.convert.undo.run import undo
from kubeauth_plugin.doctor.finding import Finding, Scene, Token
from kubeauth_plugin.trust.rule import quoted
from kubeauth_plugin.whoami.facts import date_of, facts_of

__all__ = ["check", "expired", "keep_again", "path_of", "read_token"]

_SUBJECT: Final = "token file"


def path_of(user: User) -> str:
    """Return a user's token file, which is relative to its kubeconfig; "" without one."""
    fields = user.fields("user")
    name = text_of(fields.get("tokenFile"), user.file, "tokenFile")
    return os.path.join(user.file.path.parent, name) if name else ""


def keep_again(scene: Scene, path: str) -> str:
    """Return the line that has kubectl sign in by itself again, or what else helps."""
    try:
        files = find_files(scene.kubeconfig, scene.environ)
        undone = undo(
            files, Selection(users=(glob.escape(scene.user_name),)), scene.environ, write=False
        )
        if any(not user.reason for one in undone if not one.reason for user in one.users):
            return scene.command_line("convert-kubeconfig", "--undo")
    except (KubeauthError, OSError):
        pass
    return f"start again what keeps it: kubeauth {TOKEN_FILE} --output {quoted([path])} …"


def check(scene: Scene, path: str) -> Iterator[Finding]:
    """Read the token for the API server's check; say if it is none."""
    scene.seen.append((_SUBJECT, path))
    again = keep_again(scene, path)
    text = read_token(_SUBJECT, path, again)
    if isinstance(text, Finding):
        yield text
        return
    ends = facts_of(text).expires_at
    if ends is not None and ends < System().now():
        yield expired(_SUBJECT, path, ends, again)
        return
    scene.token = Token(text, text, file=path)


def read_token(subject: str, path: str, again: str) -> str | Finding:
    """Return the text of a file that holds a token, or why there is none."""
    try:
        text = read_text(path).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        return Finding(subject, f"{path} cannot be read ({reason})", again)
    return text or Finding(subject, f"{path} is empty", again)


def expired(subject: str, path: str, ended: float, again: str) -> Finding:
    """Return the finding for a file whose token ended at ``ended`` (epoch seconds)."""
    return Finding(subject, f"the token in {path} expired on {date_of(ended)}", again)
