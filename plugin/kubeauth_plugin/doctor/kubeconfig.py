"""The kubeconfig: which file, which context, how its user signs in."""

from __future__ import annotations

import os
from collections.abc import Iterator

from kubeauth.errors import KubeauthError
from kubeauth.kubeconfig.entry import read_kubeconfigs
from kubeauth.kubeconfig.files import find_files
from kubeauth.kubeconfig.sign_in import OtherUser, sign_in_of
from kubeauth_plugin.doctor.finding import Finding, Scene, from_error
from kubeauth_plugin.whoami.target import find_target

__all__ = ["check"]

_SUBJECT = "kubeconfig"


def check(scene: Scene) -> Iterator[Finding]:
    """Find the context and its user; without them, no later check can say anything."""
    files = find_files(scene.kubeconfig, scene.environ)
    found = [str(path) for path in files if path.exists()]
    scene.seen.append((_SUBJECT, os.pathsep.join(found) or "none found"))
    try:
        merged = read_kubeconfigs(scene.kubeconfig, scene.environ)
    except KubeauthError as error:
        hint = error.hint if found else "kubeauth get-credentials -g GROUP -n CLUSTER"
        yield Finding(_SUBJECT, str(error), hint)
        return
    name = scene.context or merged.current_context
    names = sorted(merged.contexts)
    if name not in merged.contexts:
        problem = f"the current context {name!r} does not exist" if name else "no current context"
        if scene.context:
            problem = f"there is no context {name!r}"
        first = names[0] if names else ""
        line = f"kubectl config use-context {first}" if first else "kubeauth get-credentials --help"
        yield Finding(_SUBJECT, f"{problem}; there are: {', '.join(names) or 'none'}", line)
        return
    scene.context = name
    scene.seen.append(("context", name))
    yield from _user(scene, merged.users.get(merged.contexts[name].user))
    if scene.sign_in is None:
        return
    try:
        scene.target = find_target(name, scene.kubeconfig, {}, scene.environ)
    except KubeauthError as error:
        yield from_error(_SUBJECT, error)


def _user(scene: Scene, user: object) -> Iterator[Finding]:
    from kubeauth.kubeconfig.merge import User, text_of

    if not isinstance(user, User):
        yield Finding(
            _SUBJECT,
            f"the context {scene.context!r} names a user that is in no file",
            "kubeauth get-credentials -g GROUP -n CLUSTER --overwrite-existing",
        )
        return
    try:
        found = sign_in_of(user)
    except KubeauthError as error:
        yield from_error(_SUBJECT, error)
        return
    if isinstance(found, OtherUser):
        problem = f"the user of {scene.context!r} does not sign in to Entra ID: {found.reason}"
        yield Finding(_SUBJECT, problem, "kubeauth get-credentials -g GROUP -n CLUSTER")
        return
    scene.sign_in = found
    block = user.fields("user").get("exec")
    if block is not None:
        pairs = {key.text: value for key, value in block.value().pairs}
        scene.command = text_of(pairs.get("command"), user.file, "exec.command")
        version = text_of(pairs.get("apiVersion"), user.file, "exec.apiVersion")
        if version.rpartition("/")[2] not in ("v1", "v1beta1"):
            problem = f"the exec block has the apiVersion {version!r}, which kubectl refuses"
            yield Finding("exec block", problem, scene.convert())
    if found.kind != "kubeauth":
        what = "the removed azure auth-provider" if found.kind == "auth-provider" else "kubelogin"
        yield Finding("exec block", f"the user still signs in with {what}", scene.convert())
    if found.static:
        problem = f"the user also has {found.static}, which wins over the sign-in"
        yield Finding("exec block", problem, f"kubectl config view --context {scene.context}")
