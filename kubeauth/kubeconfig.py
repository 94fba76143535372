"""What a kubeconfig says of one context: where its cluster is, and how its user signs in.

Files are found and merged as kubectl does it ("Organizing Cluster Access Using kubeconfig Files" in
its documentation): KUBECONFIG lists them, and of what several files have, the first file's counts.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kubeauth import _env
from kubeauth.errors import KubeconfigError, SettingsError
from kubeauth.options.flags import BY_NAME, FlagError, parse, value_of

__all__ = ["INT128", "Cluster", "Entry", "find_entry", "kind_of_plugin"]

_SECTIONS: Final = {"clusters": "cluster", "contexts": "context", "users": "user"}
# What the legacy auth-provider calls the fields of Settings.
_AUTH_PROVIDER: Final = {
    "apiserver-id": "server_id",
    "client-id": "client_id",
    "tenant-id": "tenant_id",
    "environment": "environment",
}
# int128's plugin is called kubelogin, too; its arguments name an OpenID Connect issuer.
INT128: Final = ("--oidc-issuer-url", "--oidc-client-id")
_OURS: Final = ("kubeauth", "kubectl-kubeauth")
_MODULES: Final = ("kubeauth", "kubeauth_plugin")
# The single-file program carries its release in its name.
_FILE: Final = re.compile(r"(.*[/\\])?kubeauth[^/\\]*\.pyz", re.DOTALL)
# Plain scalars that mean nothing; everything is read as text.
_NULLS: Final = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where an API server is, and whom to trust there.

    ``ca_data`` are certificates (PEM) to trust instead of the system's. ``tls_server_name`` is the
    name in the server's certificate if it is not that of its address, ``proxy_url`` the proxy on
    the way. ``insecure`` checks no certificate at all.
    """

    server: str
    ca_data: bytes = field(default=b"", repr=False)
    tls_server_name: str = ""
    proxy_url: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One context: ``values`` are its user's flags by field of Settings.

    ``environ`` are the variables that kubectl would set for the plugin.
    """

    context: str
    namespace: str
    cluster: Cluster
    values: Mapping[str, Any] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    root: Mapping[str, Any]


def find_entry(
    context: str,
    path: str | os.PathLike[str] | None,
    environ: Mapping[str, str],
    *,
    signs_in: bool = True,
) -> Entry:
    """Give what the kubeconfig says of ``context``, by default its current one.

    ``path`` is read instead of the files that ``environ`` names. With ``signs_in`` False, the user
    is not looked at. Raises KubeconfigError for a file
    that cannot be understood or a user that does not sign in to Entra ID, SettingsError for a name
    that is in no file.
    """
    files = _files(path, environ)
    name = context or next(filter(None, (_text(f.root.get("current-context")) for f in files)), "")
    if not name:
        raise SettingsError(
            "no context is chosen, and the kubeconfig has no current one", hint="name a context"
        )
    chosen, _ = _entry(files, "contexts", name)
    values: dict[str, Any] = {}
    variables: dict[str, str] = {}
    if signs_in:
        user, owner = _entry(files, "users", _text(chosen.get("user")))
        values, variables = _sign_in(user, owner, f"context {name!r}")
    cluster = _cluster(*_entry(files, "clusters", _text(chosen.get("cluster"))))
    return Entry(name, _text(chosen.get("namespace")), cluster, values, variables)


def _files(path: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> list[_File]:
    if path is not None:
        paths = [Path(path).expanduser()]
    else:
        listed = [part for part in environ.get(_env.KUBECONFIG, "").split(os.pathsep) if part]
        paths = [Path(part) for part in dict.fromkeys(listed)]
        paths = paths or [Path(environ.get("HOME") or "~").expanduser() / ".kube" / "config"]
    found = [_File(each, _read(each)) for each in paths if path is not None or each.is_file()]
    if not found:
        raise KubeconfigError(
            f"there is no kubeconfig ({os.pathsep.join(map(str, paths))})",
            hint="name one with path=, or with the variable KUBECONFIG",
        )
    return found


def _read(path: Path) -> Mapping[str, Any]:
    """Read the first document of a file, all scalars as text; its content is never quoted."""
    import yaml

    try:
        text = path.read_bytes().decode("utf-8-sig")
        # NOTE: the base loader makes nothing but text, lists and mappings.
        loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
        root = next(iter(yaml.load_all(text, Loader=loader)), None)
    except OSError as error:
        raise KubeconfigError(
            f"{path}: cannot be read ({error.strerror or type(error).__name__})",
            hint="check that the file is there and that you may read it",
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        raise KubeconfigError(
            f"{path}:{where} this is not YAML that can be read",
            hint="`kubectl config view` tells what kubectl makes of the file",
        ) from None
    return _map(root, path, "the file")


def _map(value: Any, path: Path, what: str) -> Mapping[str, Any]:
    """Give a mapping, merged as YAML means ``<<``; an empty one for null."""
    if value is None or (isinstance(value, str) and value in _NULLS):
        return {}
    if not isinstance(value, dict):
        raise _malformed(path, f"{what} is not a mapping")
    sources = value.get("<<", ())
    merged: dict[str, Any] = {}
    for source in [sources] if isinstance(sources, dict) else sources:
        merged = {**_map(source, path, what), **merged}
    return {**merged, **{key: each for key, each in value.items() if key != "<<"}}


def _list(value: Any, path: Path, what: str) -> Sequence[Any]:
    if value is None or (isinstance(value, str) and value in _NULLS):
        return ()
    if not isinstance(value, list):
        raise _malformed(path, f"{what} is not a list")
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value not in _NULLS else ""


def _malformed(path: Path, problem: str) -> KubeconfigError:
    return KubeconfigError(f"{path}: {problem}", hint="correct the file")


def _entry(files: Sequence[_File], section: str, name: str) -> tuple[Mapping[str, Any], Path]:
    """Give the content of a named entry, and the file it is in."""
    known = []
    for file in files:
        for item in _list(file.root.get(section), file.path, section):
            entry = _map(item, file.path, f"an entry of {section}")
            if entry.get("name") == name and name:
                kind = _SECTIONS[section]
                return _map(entry.get(kind), file.path, f"the {kind} {name!r}"), file.path
            known.append(_text(entry.get("name")))
    listed = ", ".join(sorted(filter(None, known))) or "none"
    raise SettingsError(
        f"{_SECTIONS[section]} {name!r} is in no kubeconfig", hint=f"there are: {listed}"
    )


def _cluster(fields: Mapping[str, Any], path: Path) -> Cluster:
    server, data = _text(fields.get("server")), _text(fields.get("certificate-authority-data"))
    if not server:
        raise _malformed(path, "the cluster has no server")
    try:
        pem = base64.b64decode(data, validate=False)
        if not data and (name := _text(fields.get("certificate-authority"))):
            pem = (path.parent / name).read_bytes()
    except (binascii.Error, OSError) as error:
        raise _malformed(path, "the cluster's certificate authority cannot be read") from error
    return Cluster(
        server,
        pem,
        _text(fields.get("tls-server-name")),
        _text(fields.get("proxy-url")),
        _text(fields.get("insecure-skip-tls-verify")).lower() == "true",
    )


def _sign_in(
    user: Mapping[str, Any], path: Path, where: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the flags of a user that signs in to Entra ID, and the variables of its exec block."""
    block = _map(user.get("exec"), path, f"{where}: exec")
    if block:
        args = [_text(each) for each in _list(block.get("args"), path, f"{where}: exec.args")]
        kind = kind_of_plugin(_text(block.get("command")), args)
        if not kind:
            raise _foreign(where, "its plugin is another one")
        return _flags(args, path, where), _variables(block, path, where)
    provider = _map(user.get("auth-provider"), path, f"{where}: auth-provider")
    if provider.get("name") != "azure":
        raise _foreign(where, "it has neither an exec block nor the azure auth-provider")
    config = _map(provider.get("config"), path, f"{where}: auth-provider.config")
    values: dict[str, Any] = {
        name: _text(config.get(key)) for key, name in _AUTH_PROVIDER.items() if config.get(key)
    }
    values["legacy"] = _text(config.get("config-mode")) in ("", "0")
    return values, {}


def _foreign(where: str, reason: str) -> KubeconfigError:
    return KubeconfigError(
        f"{where}: its user does not sign in to Entra ID ({reason})", hint="name another context"
    )


def _flags(args: Sequence[str], path: Path, where: str) -> dict[str, Any]:
    start = args.index("get-token") + 1 if "get-token" in args else 0
    try:
        typed, _ = parse(args[start:])
        return {BY_NAME[name].field: value_of(BY_NAME[name], v) for name, v in typed.items()}
    except (FlagError, ValueError) as error:
        raise _malformed(path, f"{where}: exec.args: {error}") from None


def _variables(block: Mapping[str, Any], path: Path, where: str) -> dict[str, str]:
    pairs = [
        _map(each, path, f"{where}: exec.env")
        for each in _list(block.get("env"), path, f"{where}: exec.env")
    ]
    return {_text(pair.get("name")): _text(pair.get("value")) for pair in pairs if pair.get("name")}


def kind_of_plugin(command: str, args: Sequence[str]) -> str:
    """Give kubelogin (Azure's) or kubeauth for an exec block, nothing for another plugin's."""
    if any(argument.startswith(INT128) for argument in args):
        return ""
    name = re.split(r"[/\\]", command)[-1].lower().removesuffix(".exe")
    words = list(args[: args.index("get-token")] if "get-token" in args else args)
    sub_command = name == "kubectl" and words[:1] == ["kubeauth"]
    module = "-m" in words[:-1] and words[words.index("-m") + 1] in _MODULES
    file = any(_FILE.fullmatch(word) for word in (command, *words))
    if name in _OURS or sub_command or module or file:
        return "kubeauth"
    return (
        "kubelogin" if name == "kubelogin" or ("kubelogin" in name and "get-token" in args) else ""
    )
