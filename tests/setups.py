"""Kubeconfigs for the simulated cluster whose users sign in with kubeauth."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness import Program

from kubeauth.testing import Simulator


def write_kubeconfig(
    program: Program,
    sim: Simulator,
    flags: Sequence[str],
    *,
    cluster: Mapping[str, Any] | None = None,
    block: Mapping[str, Any] | None = None,
    **more: Any,
) -> None:
    """Write a kubeconfig with the context "prod" into the home folder.

    ``flags`` go to get-token. ``cluster``, ``block`` and ``more`` replace fields of the cluster, of
    the exec block and of the file.
    """
    exec_block = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "kubeauth",
        "args": ["get-token", *program.always, *flags],
        "interactiveMode": "IfAvailable",
        **(block or {}),
    }
    place = {
        "server": sim.cluster.server,
        "certificate-authority-data": base64.b64encode(sim.cluster.ca_pem).decode(),
        **(cluster or {}),
    }
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": place}],
        "users": [{"name": "u", "user": {"exec": exec_block}}],
        **more,
    }
    folder = program.home / ".kube"
    folder.mkdir(exist_ok=True)
    (folder / "config").write_text(json.dumps(content))
    (folder / "config").chmod(0o600)
