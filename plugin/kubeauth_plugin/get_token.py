"""Perform ``get-token``: sign in, and write an ExecCredential to stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from kubeauth._env import KUBERNETES_EXEC_INFO
from kubeauth.errors import KubeauthError, SettingsError
from kubeauth.jwt import whose
from kubeauth.log import Logger
from kubeauth.options.logins import find_login
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import Settings
from kubeauth.providers.base import provider_for
from kubeauth.system import System
from kubeauth_plugin import _ahead, _hot, _leader
from kubeauth_plugin.diagnostics import ShownAbove, exit_code, naming_variables, warn
from kubeauth_plugin.execinfo import ExecInfo, read_exec_info, render
from kubeauth_plugin.hot_records import CallerHistory, leave_record
from kubeauth_plugin.prompt import progress_line, prompt_for
from kubeauth_plugin.trust.strict import is_strict, read_caller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["get_token", "hand_out"]


def get_token(flags: Mapping[str, Any], argv: Sequence[str]) -> bytes:
    """Return the ExecCredential for ``flags`` (by field of Settings) and the environment.

    ``argv`` is the command line without the program. Write nothing to stdout. Raises SettingsError
    or SignInError.
    """
    environ = dict(os.environ)
    info = read_exec_info(environ.get(KUBERNETES_EXEC_INFO, ""))
    allowed = _allowed(flags, argv, environ)
    settings = resolve(flags, allowed)
    with naming_variables(settings):
        return _signed_in(settings, info, argv, environ, allowed)


def _allowed(
    flags: Mapping[str, Any], argv: Sequence[str], environ: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the variables that may decide this sign-in; all of them, unless there is a policy.

    Raises UntrustedKubeconfig. NOTE: a renewal in the background repeats a call that was allowed,
    but a policy may have come since. It has lost its caller, so it trusts fewer variables.
    """
    if KUBERNETES_EXEC_INFO not in environ:
        return environ
    caller = None if _ahead.in_background else read_caller()
    if not is_strict(environ, caller):
        return environ
    from kubeauth_plugin.trust.rule import environ_for_call

    return environ_for_call(flags, environ, caller, argv)


def _signed_in(
    settings: Settings,
    info: ExecInfo,
    argv: Sequence[str],
    environ: Mapping[str, str],
    allowed: Mapping[str, str],
) -> bytes:
    """Sign in and render the answer.

    ``environ`` decides the record's name; the sign-in reads only the variables in ``allowed``.
    """
    system = _silent_system(allowed) if _ahead.in_background else _system(info, allowed)
    provider = provider_for(settings, system)
    folder = provider.cache_folder
    leaves_record = (
        folder is not None
        and provider.is_repeatable
        and not settings.force_refresh
        and not Logger("kubeauth").is_heard()
    )
    if find_login(settings.login).human or not leaves_record:
        _leader.step_down()
    history = CallerHistory.now(argv, environ, folder, counts=not _ahead.in_background)
    rejected = history.seems_rejected(system.now())
    kept = provider.obtain(
        rejected=rejected, asked_on=_leader.waited_since, ahead=_ahead.in_background
    )
    if provider.asked_person and system.progress is not None and system.prompt is not None:
        system.prompt(f"signed in as {whose(kept.token.token)}")
    credential = render(provider.presented(kept.token), info.api_version, system.now())
    if folder is not None and not settings.force_refresh:
        history.note(folder, kept, system.now(), renewed=rejected)
        if leaves_record:
            ahead = (
                not settings.no_background_refresh
                and not _ahead.in_ci(dict(environ))
                and provider.renews_alone
            )
            files = provider.stamped_files()
            leave_record(folder, history.digest, credential, kept, files, ahead=ahead)
    return credential


def _system(info: ExecInfo, environ: Mapping[str, str]) -> System:
    """Return the ports of a call that kubectl or a person waits for."""
    return System(
        environ=environ,
        prompt=prompt_for(info.interactive),
        progress=progress_line(),
        purpose=f"the cluster {info.server}" if info.server else "",
        warn=warn,
        caller=(client := _hot.caller() if KUBERNETES_EXEC_INFO in environ else ""),
        process=client or _other_program(),
        owns_process=True,
    )


def _other_program() -> str:
    """Return the name of a caller that is no Kubernetes client; "" for a shell, or if unknown.

    Programs in Java, Python and others may ask for ever, too. A shell runs what a person wrote.
    """
    name = _hot.caller(but=_hot.SHELLS)
    return "" if name.isdigit() else name


def _silent_system(environ: Mapping[str, str]) -> System:
    """Return the ports of a renewal in the background, which cannot show anything to a person."""
    from kubeauth.cache import keyring_key

    keyring_key.never_ask()
    return System(
        environ=environ,
        prompt=None,
        warn=lambda _: None,
        open_browser=lambda *_: None,
        open_terminal=lambda: None,
        process="",
        owns_process=True,
    )


def hand_out(flags: Mapping[str, Any], argv: Sequence[str]) -> None:
    """Write the ExecCredential for ``flags`` to stdout as the last step; see ``get_token``."""
    with parked_stdout() as stdout:
        credential = _obtained(flags, argv)
        if _ahead.in_background:
            return
        try:
            while credential:
                credential = credential[os.write(stdout, credential) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise SettingsError(
                f"get-token: cannot write the credential to stdout ({error.strerror})",
                hint="make room on the disk that stdout goes to; kubectl reads it through a pipe",
            ) from error


def _obtained(flags: Mapping[str, Any], argv: Sequence[str]) -> bytes:
    """Return the ExecCredential; raise ShownAbove for a failure that the caller shows already."""
    try:
        return get_token(flags, argv)
    except KubeauthError as error:
        from kubeauth_plugin.shown import is_shown

        if is_shown(error, argv):
            raise ShownAbove(exit_code(error)) from error
        raise


@contextmanager
def parked_stdout() -> Iterator[int]:
    """Reserve stdout for the credential: yield a descriptor of it, and point fd 1 at stderr.

    So the output of a library or a child process cannot damage what kubectl reads. Raises
    SettingsError if stdout is closed.
    """
    _open_closed(0, os.O_RDONLY)
    _open_closed(2, os.O_WRONLY)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        real = os.dup(1)
    except OSError as error:
        raise SettingsError(
            "get-token: stdout is closed",
            hint="run the command with an open stdout, which kubectl reads",
        ) from error
    os.set_inheritable(real, False)
    os.dup2(2, 1)
    try:
        yield real
    finally:
        os.dup2(real, 1)
        os.close(real)


def _open_closed(descriptor: int, mode: int) -> None:
    """Point a closed standard stream at the null device.

    Otherwise the next file that this process opens would take its place, even stdout's copy.
    """
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, mode)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
