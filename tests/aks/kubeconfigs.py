"""Forty kubeconfigs as people and programs leave them, to merge a cluster into."""

from __future__ import annotations

import re
from typing import Final

FETCHED = "{fetched}"
"""Stands for what Resource Manager sends, with the names that it has."""

_HEAD = "apiVersion: v1\nkind: Config\n"
_NONE = _HEAD + "clusters: {0}\ncontexts: {0}\nusers: {0}\n"


def _one(name: str, user: str = "token: abc", more: str = "", cluster: str = "") -> str:
    return (
        f"apiVersion: v1\nclusters:\n- cluster:\n    server: https://{name}.example\n{cluster}"
        f"  name: {name}\ncontexts:\n- context:\n    cluster: {name}\n    user: {name}\n"
        f"  name: {name}\ncurrent-context: {name}\nkind: Config\npreferences: {{}}\nusers:\n"
        f"- name: {name}\n  user:\n    {user}\n{more}"
    )


_EXEC = """exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args: [a, '--flag', "1", 'y', '08', '1e3', 'null', '']
      command: aws
      env: [{name: A, value: 'on'}]
      provideClusterInfo: false"""
_MINIKUBE = """    extensions:
    - extension:
        last-update: Mon, 01 Jan 2024 10:00:00 CET
        provider: minikube.sigs.k8s.io
        version: v1.32.0
      name: cluster_info
"""
_MANY = (
    _HEAD
    + "clusters:\n"
    + "".join(f"- cluster: {{server: 'https://c{n}'}}\n  name: c{n}\n" for n in range(60))
    + "contexts:\n"
    + "".join(f"- context: {{cluster: c{n}, user: u{n}}}\n  name: x{n}\n" for n in range(60))
    + "users:\n"
    + "".join(f"- name: u{n}\n  user: {{token: 't{n}'}}\n" for n in range(60))
    + "current-context: x7\npreferences: {}\n"
)

KUBECONFIGS: Final = {
    "empty": "",
    "only a line end": "\n",
    "only a comment": "# nothing yet\n",
    "a document mark": "---\n",
    "a null": "null\n",
    "empty lists": _NONE.format("[]"),
    "nulls": _NONE.format("null"),
    "nothing after the colon": _NONE.format(""),
    "one cluster": _one("other"),
    "two blanks at each list": re.sub("^([- ])", r"  \1", _one("other"), flags=re.MULTILINE),
    "no line end at the end": _one("other").rstrip("\n"),
    "blank lines": _one("other").replace("contexts:", "\n\ncontexts:"),
    "comments": "# mine\n" + _one("other").replace("kind: Config", "kind: Config # yes"),
    "no current context": _one("other").replace("current-context: other\n", ""),
    "an empty current context": _one("other").replace(
        "current-context: other", 'current-context: ""'
    ),
    "no preferences": _one("other").replace("preferences: {}\n", ""),
    "preferences with colours": _one("other").replace("{}", "{colors: true}"),
    "a namespace": _one("other").replace(
        "    user: other\n", "    namespace: mine\n    user: other\n"
    ),
    "extensions": _one("minikube", cluster=_MINIKUBE),
    "extensions at the top": _one("other", more="extensions:\n- extension: {a: 1}\n  name: x\n"),
    "unknown keys": _one("other", more="x-mine: [1, 2.5, true, ~]\nb: {c: d}\n"),
    "an exec block": _one("other", _EXEC),
    "a certificate": _one(
        "other", "client-certificate-data: " + "QUJD" * 60 + "\n    client-key-data: " + "Rk8=" * 3
    ),
    "a password": _one("other", "username: admin\n    password: 'p@ss: #1'"),
    "an auth-provider": _one(
        "other", "auth-provider: {config: {apiserver-id: a, tenant-id: t}, name: azure}"
    ),
    "quotes": _one("other").replace("name: other", "name: 'other'").replace("v1\n", '"v1"\n'),
    "flow style": (
        "{apiVersion: v1, kind: Config, clusters: [{name: o, cluster: {server: 'https://o'}}], "
        "contexts: [{name: o, context: {cluster: o, user: o}}], users: [{name: o, user: {}}], "
        "current-context: o}\n"
    ),
    "JSON": (
        '{"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [{"name": "u", "user": '
        '{"token": "t"}}], "contexts": [], "preferences": {}, "current-context": ""}\n'
    ),
    "letters beyond ASCII": _one("größe-東京"),
    "an emoji": _one("rocket-🚀"),
    "a long name": _one("arn:aws:eks:eu-west-1:123456789012:cluster/" + "long-" * 30),
    "names that look like numbers": _one("other").replace(": other", ': "123"'),
    "an anchor": _one("other", more="x: &a {k: v}\ny: *a\n"),
    "a block scalar": _one(
        "other", "exec:\n      command: c\n      installHint: |\n        a\n\n        b\n"
    ),
    "a text over several lines": _one("other", 'token: "one two\n      three"'),
    "Windows line ends": _one("other").replace("\n", "\r\n"),
    "tagged values": _one("other", "token: !!str 123"),
    "many": _MANY,
    "the same cluster, as fetched": FETCHED,
    "many, and a comment at the end": _MANY + "# end\n",
    "keys of several kinds": _one("other", more="x: {b: 1, 2: c, true: d}\n"),
    "dates and numbers": _one("other", more="x: [2024-01-01, 2024-01-01T10:00:00Z, 0x1f, 1_000]\n"),
    "a byte order mark": "\ufeff" + _one("other"),
    "shared parts": _one("other", more="x: &a {k: v}\ny: {<<: *a, l: w}\n"),
    "control characters": _one("other", 'token: "a\\tb\\u0085\\e"'),
    "insecure": _one("other", cluster="    insecure-skip-tls-verify: true\n"),
    "a proxy": _one("other", cluster="    proxy-url: socks5://p:1\n    tls-server-name: n\n"),
}
