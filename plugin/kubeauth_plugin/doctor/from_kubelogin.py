"""What would change for users of kubelogin, and what the change mends; nothing is written."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from typing import Final

from kubeauth.errors import KubeauthError
from kubeauth.kubeconfig.files import find_files
from kubeauth.kubeconfig.sign_in import SignIn
from kubeauth_plugin.convert.command import command_for_kubectl
from kubeauth_plugin.convert.files import convert_files
from kubeauth_plugin.convert.plan import Selection
from kubeauth_plugin.convert.request import ConvertRequest
from kubeauth_plugin.doctor.finding import Scene

__all__ = ["changes"]

# Logins whose tokens kubelogin 0.2.19 does not keep on disk, so that each call signs in.
_NOT_KEPT: Final = frozenset({"azurecli", "azd", "msi"})
_PEOPLE: Final = frozenset({"devicecode", "interactive"})


def changes(scene: Scene) -> list[tuple[str, str]]:
    """Return what converting the context's user would change and mend, as subject and text."""
    found = scene.sign_in
    if found is None or found.kind == "kubeauth":
        return [("from kubelogin", "the user signs in with kubeauth already")]
    request = ConvertRequest(
        "", command=command_for_kubectl("auto", scene.environ, lambda _: None), keep_command=False
    )
    selection = Selection(contexts=(glob.escape(scene.context),))
    try:
        files = find_files(scene.kubeconfig, scene.environ)
        plan = convert_files(files, selection, request, write=False)
    except KubeauthError as error:
        return [("from kubelogin", str(error))]
    rows = [("would change", f"{row.before} -> {row.after or row.reason}") for row in plan.rows]
    return [*rows, *(("would mend", text) for text in _mended(found))]


def _mended(found: SignIn) -> Iterator[str]:
    if found.kind == "auth-provider":
        yield "kubectl has removed the azure auth-provider; an exec block works with each version"
    if found.login in _NOT_KEPT:
        yield f"{found.login} signs in at each call of kubelogin; kubeauth keeps its token"
    if found.login in _PEOPLE or found.kind == "auth-provider":
        yield "without a keyring, kubelogin asks again at each call; kubeauth keeps the session"
    if found.login == "workloadidentity":
        yield "kubeauth reads the federated token anew for each sign-in, and says if it has expired"
