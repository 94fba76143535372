"""The kubeconfig: which file, which context, how its user signs in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kubeauth.errors import KubeauthError, did_you_mean
from kubeauth.kubeconfig.entry import find_entry, read_kubeconfigs
from kubeauth.kubeconfig.files import find_files, load
from kubeauth.kubeconfig.merge import Merged, User, merge, text_of
from kubeauth.kubeconfig.sign_in import OtherUser, sign_in_of
from kubeauth.options.logins import find_login
from kubeauth_plugin.doctor import token_file
from kubeauth_plugin.doctor.finding import Finding, Scene, from_error, listed
from kubeauth_plugin.trust.rule import quoted
from kubeauth_plugin.whoami.target import find_target

__all__ = ["check"]

_SUBJECT: Final = "kubeconfig"
_FETCH: Final = (
    "kubeauth clusters  # then, with one of them: kubeauth get-credentials -g GROUP -n CLUSTER"
)


def check(scene: Scene) -> Iterator[Finding]:
    """Find the context and its user; without them, no later check can say anything."""
    if "server_id" in scene.flags and not scene.context:
        scene.seen.append(("sign-in", "by the flags alone"))
        yield from _target(scene)
        return
    files = find_files(scene.kubeconfig, scene.environ)
    scene.seen.append((_SUBJECT, os.pathsep.join(map(_shown, files)) or "KUBECONFIG is empty"))
    try:
        merged = read_kubeconfigs(scene.kubeconfig, scene.environ)
    except KubeauthError as error:
        is_there = any(os.path.lexists(path) for path in files)
        line = _readable_again(files) or error.hint
        yield Finding(_SUBJECT, str(error), line if is_there else _FETCH)
        return
    name = scene.context or merged.current_context
    if name not in merged.contexts:
        yield _no_context(scene, merged, name)
        return
    scene.context = name
    context = merged.contexts[name]
    scene.cluster_name, scene.namespace = context.cluster, context.namespace
    scene.user_name = context.user
    hidden = _also_in(files, name)[1:]
    note = f"; {listed(hidden)} has one of that name, too, which does not count" if hidden else ""
    scene.seen.append(("context", f"{name}, in {context.file.path}{note}"))
    yield from _cluster(scene)
    yield from _user(scene, merged.users.get(context.user))
    if scene.sign_in is not None:
        yield from _target(scene)


def _shown(path: Path) -> str:
    return str(path) if path.exists() else f"{path} (does not exist)"


def _readable_again(files: Sequence[Path]) -> str:
    """Return the command that lets this person read the first file that they may not; else ""."""
    locked = next((path for path in files if path.exists() and not os.access(path, os.R_OK)), None)
    if locked is None or sys.platform == "win32":
        return ""
    if locked.stat().st_uid == os.getuid():
        return quoted(["chmod", "u+r", str(locked)])
    return quoted(["sudo", "chown", str(os.getuid()), str(locked)])


def _also_in(files: Sequence[Path], context: str) -> list[str]:
    """Return the files that have a context of this name, in order."""
    found = []
    for path in files:
        try:
            file = load(path)
            if file is not None and context in merge([file]).contexts:
                found.append(str(path))
        except KubeauthError:
            continue
    return found


def _no_context(scene: Scene, merged: Merged, name: str) -> Finding:
    names = sorted(filter(None, merged.contexts))
    problem = f"the current context {name!r} does not exist" if name else "no current context"
    if scene.context:
        problem = f"there is no context {name!r}"
    near = did_you_mean(name, names) if name else ""
    line = _FETCH
    if names:
        first = next((each for each in names if near == f"did you mean {each}? "), names[0])
        line = scene.kubectl("config", "use-context", first)
        if scene.context:
            scene.context = ""
            line = quoted(["kubeauth", "doctor", *scene.named, "--context", first])
    return Finding(_SUBJECT, f"{problem}; there are: {listed(names)}", line)


def _target(scene: Scene) -> Iterator[Finding]:
    try:
        scene.target = find_target(scene.context, scene.kubeconfig, scene.flags, scene.environ)
    except KubeauthError as error:
        yield from_error(_SUBJECT, error)


def _cluster(scene: Scene) -> Iterator[Finding]:
    try:
        entry = find_entry(scene.context, scene.kubeconfig, scene.environ, signs_in=False)
    except KubeauthError as error:
        yield Finding("cluster", str(error), scene.fetch())
        return
    scene.cluster = entry.cluster
    scheme, _, rest = entry.cluster.server.partition("://")
    set_cluster = ("config", "set-cluster", scene.cluster_name)
    if scheme != "https":
        # NOTE: without TLS, kubectl sends no credentials; nor does this.
        scene.cluster = None
        address = f"https://{rest or scheme}"
        yield Finding(
            "cluster",
            f"the address {entry.cluster.server} does not begin with https://, so kubectl sends no "
            "token and is system:anonymous",
            scene.kubectl(*set_cluster, f"--server={address}"),
        )
    elif entry.cluster.insecure and not entry.cluster.ca_data:
        yield Finding(
            "cluster",
            "insecure-skip-tls-verify is set: whoever answers for "
            f"{urlsplit(entry.cluster.server).hostname} gets the token",
            scene.kubectl(*set_cluster, "--insecure-skip-tls-verify=false"),
        )


def _user(scene: Scene, user: User | None) -> Iterator[Finding]:
    if user is None:
        yield Finding(
            _SUBJECT,
            f"the context {scene.context!r} names a user that is in no file",
            scene.fetch(),
        )
        return
    try:
        found = sign_in_of(user)
    except KubeauthError as error:
        yield from_error(_SUBJECT, error)
        return
    if isinstance(found, OtherUser):
        if path := token_file.path_of(user):
            yield from token_file.check(scene, path)
            return
        problem = f"the user of {scene.context!r} does not sign in to Entra ID: {found.reason}"
        if "no credentials" in found.reason:
            problem += ", so the API server sees system:anonymous"
        yield Finding(_SUBJECT, problem, scene.fetch())
        return
    scene.sign_in = found
    yield from _block(scene, user)
    if found.kind != "kubeauth":
        what = "the removed azure auth-provider" if found.kind == "auth-provider" else "kubelogin"
        yield Finding("exec block", f"the user still signs in with {what}", scene.convert())
    if found.static:
        problem = f"the user also has {found.static}, which wins over the sign-in"
        line = scene.kubectl("config", "unset", f"users.{user.name}.{_field(user)}")
        yield Finding("exec block", problem, line)


def _field(user: User) -> str:
    """Return the field of a credential that wins over an exec block."""
    known = ("token", "tokenFile", "client-certificate-data", "client-certificate", "username")
    return next((name for name in known if name in user.fields("user")), "token")


def _block(scene: Scene, user: User) -> Iterator[Finding]:
    """Look at the exec block's fields as kubectl reads them."""
    block = user.fields("user").get("exec")
    if block is None or scene.sign_in is None:
        return
    pairs = {key.text: value for key, value in block.value().pairs}

    def text(name: str) -> str:
        return text_of(pairs.get(name), user.file, f"exec.{name}")

    scene.command = text("command")
    version = text("apiVersion")
    subject, short = "exec block", version.rpartition("/")[2]
    scene.seen.append((subject, f"runs {scene.command}, apiVersion {short}"))
    mode = text("interactiveMode")
    who = ("config", "set-credentials", user.name)
    may_ask = scene.kubectl(*who, "--exec-interactive-mode=IfAvailable")
    if short not in ("v1", "v1beta1") or not version.startswith("client.authentication.k8s.io/"):
        problem = f"the exec block has the apiVersion {version!r}, which kubectl refuses"
        yield Finding(subject, problem, scene.convert("--exec-api-version", "v1beta1"))
    elif short == "v1" and not mode:
        problem = "the exec block has apiVersion v1 without interactiveMode, which kubectl refuses"
        yield Finding(subject, problem, scene.convert("--exec-api-version", "v1"))
    if mode and mode not in ("Never", "IfAvailable", "Always"):
        problem = f"the exec block has the interactiveMode {mode!r}, which kubectl refuses"
        yield Finding(subject, problem, may_ask)
    elif mode == "Never" and find_login(scene.sign_in.login or "devicecode").human:
        problem = f"interactiveMode is Never, but the login {scene.sign_in.login} asks a person"
        yield Finding(subject, problem, may_ask)
    if "get-token" not in scene.sign_in.args:
        problem = "the exec block's arguments lack get-token, so the command prints no token"
        yield Finding(subject, problem, scene.convert())
    if scene.sign_in.kind == "kubeauth" and scene.sign_in.others:
        # NOTE: after a stray blank an argument may be a secret.
        names = [each.partition("=")[0] for each in scene.sign_in.others if each[:2] == "--"]
        problem = f"get-token does not know these arguments: {listed(names) if names else 'a word'}"
        line = f"remove them from the user {user.name} in {user.file.path}, with an editor"
        yield Finding(subject, problem, line)
