"""The conversion of kubeconfig files: lock, read, decide, save."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from kubeauth.errors import KubeconfigError
from kubeauth_plugin.convert import Wish
from kubeauth_plugin.convert_plan import Plan, Selection, plan
from kubeauth_plugin.kubeconfig import load
from kubeauth_plugin.kubeconfig_lock import locked
from kubeauth_plugin.kubeconfig_save import save

__all__ = ["convert_files"]


def convert_files(
    paths: Sequence[Path], selection: Selection, wish: Wish, *, write: bool, strict: bool = False
) -> Plan:
    """Convert the selected users of these files and say what became of each.

    Without ``write`` nothing is locked or saved; with ``strict`` nothing is saved when any user
    could not be converted. Raises KubeconfigError, with no file touched.
    """
    with locked(paths) if write else contextlib.nullcontext():
        files = [file for path in paths if (file := load(path)) is not None]
        if not files:
            raise KubeconfigError(
                f"no kubeconfig: {', '.join(map(str, paths))} does not exist",
                hint="fetch a cluster with `az aks get-credentials`, or name a --kubeconfig",
            )
        result = plan(files, selection, wish)
        if result.failures and strict:
            result.hold_back()
        if write and result.texts:
            save(result.texts)
        return result
