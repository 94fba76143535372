"""A real kube-apiserver with etcd, which trusts the simulated Entra ID."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import requests
from realserver.process import BoundProcess

from kubeauth.testing import Application, Simulator
from kubeauth.testing.wire.jwt import rsa_key
from kubeauth.testing.wire.tls import CertificateAuthority, key_pem

# The user name of a person, by the claim of the token's version, or of an application.
USERNAME = "claims.?{name}.orValue(claims.oid)"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
NODES = ("node-0", "node-1")


class RealCluster:
    """The server at ``url``. Its administrator creates what the tests need.

    ``simulated`` is the address of the simulator's own API server.
    """

    simulated = ""

    def __init__(self, program: Path, sim: Simulator, api: Application, folder: Path) -> None:
        self.sim, self.folder = sim, folder
        self._api = api
        minor = re.search(r"-v1\.(\d+)\.", program.name)
        assert minor is not None
        self._config = "v1" if int(minor[1]) >= 34 else "v1beta1"
        self._admin = secrets.token_hex(16)
        self._not_before = 0
        etcd, peers, port = free_ports(3)
        self.url = f"https://localhost:{port}"
        self._write_files()
        self.trust()
        self._processes = [
            self._start("etcd", *self._etcd(etcd, peers)),
            self._start(str(program), *self._apiserver(etcd, port)),
        ]
        self.wait_for(lambda: self.ask("GET", "/readyz").status_code == 200)

    def close(self) -> None:
        """End both processes."""
        for process in reversed(self._processes):
            process.close()

    def ask(
        self, method: str, path: str, body: Any = None, token: str = "", **headers: str
    ) -> requests.Response:
        """Send one request, as the administrator if there is no ``token``."""
        return requests.request(
            method,
            self.url + path,
            headers={"Authorization": f"Bearer {token or self._admin}", **headers},
            json=body,
            verify=str(self.ca_file),
            timeout=30,
        )

    def admin_kubeconfig(self) -> Path:
        """Write a kubeconfig of the administrator, and return it."""
        place = {"server": self.url, "certificate-authority": str(self.ca_file)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "admin",
            "contexts": [{"name": "admin", "context": {"cluster": "c", "user": "admin"}}],
            "clusters": [{"name": "c", "cluster": place}],
            "users": [{"name": "admin", "user": {"token": self._admin}}],
        }
        file = self.folder / "admin.json"
        file.write_text(json.dumps(content))
        return file

    def create(self, path: str, **fields: Any) -> None:
        """Create an object as the administrator, unless it is there."""
        answer = self.ask("POST", path, fields)
        assert answer.status_code in (201, 409), answer.text

    def bind(self, role: str, kind: str, name: str) -> None:
        """Give a cluster role to a user or a group, until ``unbind``."""
        self.create(
            BINDINGS,
            metadata={"name": f"{role}-{secrets.token_hex(4)}", "labels": {"made": "here"}},
            roleRef={
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": role,
            },
            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}],
        )

    def unbind(self) -> None:
        """Take back every role that ``bind`` gave."""
        assert self.ask("DELETE", BINDINGS + "?labelSelector=made%3Dhere").status_code == 200

    def revoke_tokens(self) -> None:
        """Reject every token issued until now; the server reads its settings again by itself."""
        self._not_before = int(self.sim.clock.now())
        self.trust()

    def revoke_none(self) -> None:
        """Accept earlier tokens again."""
        self._not_before = 0
        self.trust()

    def trust(self) -> None:
        """Write whom the server trusts: AuthenticationConfiguration of apiserver.config.k8s.io."""
        tenant, authority = self.sim.tenant.id, self.sim.authority
        issuers = [
            {
                "url": f"https://sts.windows.net/{tenant}/",
                "discoveryURL": f"{authority}{tenant}/.well-known/openid-configuration",
                "audiences": [self.sim.cluster.server_id],
            },
            {"url": f"{authority}{tenant}/v2.0", "audiences": [self._api.client_id]},
        ]
        entries = [
            {
                "issuer": {**issuer, "certificateAuthority": self.sim.ca_pem.decode()},
                "claimValidationRules": [
                    {"expression": f"claims.iat > {self._not_before}", "message": "revoked"}
                ],
                "claimMappings": {
                    "username": {"expression": USERNAME.format(name=name)},
                    "groups": {"expression": "claims.?groups.orValue([])"},
                    "uid": {"expression": "claims.oid"},
                },
            }
            for issuer, name in zip(issuers, ("upn", "preferred_username"), strict=True)
        ]
        file = self.folder / "authentication.json"
        config = {
            "apiVersion": f"apiserver.config.k8s.io/{self._config}",
            "kind": "AuthenticationConfiguration",
            "jwt": entries,
        }
        file.with_suffix(".new").write_text(json.dumps(config))
        os.replace(file.with_suffix(".new"), file)

    def wait_for(self, condition: Any, limit: float = 120) -> None:
        """Wait until a condition holds; a connection that fails counts as no."""
        deadline = time.monotonic() + limit
        while True:
            try:
                if condition():
                    return
            except requests.ConnectionError:
                pass
            for process in self._processes:
                assert not process.has_ended, (self.folder / "log").read_text()[-3000:]
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.2)

    def _write_files(self) -> None:
        (self.folder / "accounts.pem").write_bytes(key_pem(rsa_key("accounts")))
        authority = CertificateAuthority()
        self.ca_pem, self.ca_file = authority.pem, self.folder / "ca.pem"
        self.ca_file.write_bytes(authority.pem)
        (self.folder / "server.pem").write_bytes(authority.server_pem())
        (self.folder / "tokens.csv").write_text(f"{self._admin},admin,admin,system:masters\n")

    def _start(self, *command: str) -> BoundProcess:
        return BoundProcess(*command, log=self.folder / "log")

    def _etcd(self, port: int, peers: int) -> list[str]:
        client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peers}"
        return [
            *(f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync", "--log-level=error"),
            *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
            *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"),
            f"--initial-cluster=default={peer}",
        ]

    def _apiserver(self, etcd: int, port: int) -> list[str]:
        folder = self.folder
        return [
            *(f"--etcd-servers=http://127.0.0.1:{etcd}", "--endpoint-reconciler-type=none"),
            *("--bind-address=127.0.0.1", f"--secure-port={port}"),
            f"--tls-cert-file={folder}/server.pem",
            f"--tls-private-key-file={folder}/server.pem",
            f"--authentication-config={folder}/authentication.json",
            f"--token-auth-file={folder}/tokens.csv",
            *("--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount"),
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder}/accounts.pem",
            f"--service-account-signing-key-file={folder}/accounts.pem",
            *(
                "--service-cluster-ip-range=10.0.0.0/24",
                f"--cert-dir={folder}",
                "--profiling=false",
            ),
        ]


def free_ports(count: int) -> list[int]:
    """Return free ports."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def missing_part(program: Path) -> str:
    """Return why there can be no real server here, "" if there can be one."""
    if shutil.which("etcd") is None:
        return "no etcd (Debian: etcd-server)"
    if not program.exists():
        return "no kube-apiserver: run python3 tests/realserver/build.py, which needs Go"
    return ""
