"""One case for every login, ready to sign in against the simulator."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from harness import install_program

from kubeauth import Settings, System
from kubeauth.options.logins import LOGINS
from kubeauth.testing import AKS_CLIENT_ID, Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

SUBJECT = "system:serviceaccount:shop:api"
PASSWORD = "p4ssw0rd-of-anna"


@dataclass
class Case:
    """One login, ready to sign in; ``secrets`` must never be seen anywhere."""

    settings: Settings
    environ: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    prompt: Callable[[str], None] | None = None
    asks_entra: bool = True


class Place:
    """A simulator with somebody and something for every login."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.sim, self.folder = sim, folder
        self.anna = sim.tenant.user("anna@contoso.example") or sim.tenant.add_user(
            "anna@contoso.example", PASSWORD
        )

    def settings(self, login: str, **more: Any) -> Settings:
        return Settings(
            login=login,
            server_id=self.sim.cluster.server_id,
            authority_host=self.sim.authority,
            disable_instance_discovery=True,
            cache_dir=str(self.folder / "cache"),
            ca_file=str(self.sim.ca_file),
            **more,
        )

    def person(self, login: str, **more: Any) -> Settings:
        return self.settings(login, tenant_id=self.sim.tenant.id, client_id=AKS_CLIENT_ID, **more)

    def approve(self, _text: str) -> None:
        for waiting in self.sim.pending_device_codes():
            self.sim.approve(waiting.user_code, self.anna)

    def case(self, login: str) -> Case:
        return getattr(self, login)()

    def devicecode(self) -> Case:
        self.sim.device_code_interval = 1
        return Case(self.person("devicecode"), prompt=self.approve)

    def interactive(self) -> Case:
        environ = {"BROWSER": self.sim.browser_command(self.anna)}
        return Case(self.person("interactive"), environ, (PASSWORD,), prompt=lambda _: None)

    def auto(self) -> Case:
        return replace(self.interactive(), settings=self.person("auto"))

    def ropc(self) -> Case:
        given = {"username": self.anna.upn, "password": PASSWORD}
        return Case(self.person("ropc", **given), secrets=(PASSWORD,))

    def spn(self) -> Case:
        app = self.sim.tenant.add_application("ci")
        identity = {"tenant_id": self.sim.tenant.id, "client_id": app.client_id}
        return Case(
            self.settings("spn", client_secret=app.secret, **identity), secrets=(app.secret,)
        )

    def certificate(self) -> Case:
        app = self.sim.tenant.add_application("ci")
        file = self.folder / "certificate.pem"
        file.write_bytes(app.new_certificate())
        return Case(
            self.settings(
                "spn",
                tenant_id=self.sim.tenant.id,
                client_id=app.client_id,
                client_certificate=str(file),
                client_certificate_password="not-needed-but-secret",
            ),
            secrets=("not-needed-but-secret",),
        )

    def _federated(self, login: str, **more: Any) -> tuple[Settings, Any]:
        issuer = self.sim.add_issuer()
        app = self.sim.tenant.add_application("workload")
        app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
        identity = {"tenant_id": self.sim.tenant.id, "client_id": app.client_id}
        return self.settings(login, **identity, **more), issuer

    def workloadidentity(self) -> Case:
        settings, issuer = self._federated("workloadidentity", assertion_source="env:MY_JWT")
        token = issuer.mint(subject=SUBJECT)
        return Case(settings, {"MY_JWT": token}, (token,))

    def azurepipelines(self) -> Case:
        settings, issuer = self._federated(
            "azurepipelines", azure_pipelines_service_connection_id="c"
        )
        job = issuer.azure_pipelines(SUBJECT)
        return Case(settings, job, (job["SYSTEM_ACCESSTOKEN"],))

    def msi(self) -> Case:
        identity = self.sim.add_managed_identity(self.sim.tenant)
        return Case(self.settings("msi", client_id=identity.client_id), asks_entra=False)

    def azurecli(self) -> Case:
        folder = self.folder / "bin"
        folder.mkdir()
        install_azure_cli(folder, self.sim, self.anna)
        sign_in(self.folder / "azure", self.anna)
        environ = {"PATH": str(folder), "AZURE_CONFIG_DIR": str(self.folder / "azure")}
        return Case(self.settings("azurecli"), environ, (PASSWORD,), asks_entra=False)

    def azd(self) -> Case:
        folder = self.folder / "bin"
        folder.mkdir()
        token = self.sim.mint_token(self.anna)
        answer = json.dumps({"token": token, "expiresOn": "2099-01-01T00:00:00Z"})
        install_program(folder, "azd", f"print({answer!r})\n")
        return Case(self.settings("azd"), {"PATH": str(folder)}, asks_entra=False)


# What azure-identity does in its own ways is tested there; see tests/plugin/test_login_sdk.py.
PASSED_ON = ("default", "azurepowershell", "vscode")
CASES = [*(name for name in LOGINS if name not in PASSED_ON), "certificate"]
ENTRA = [c for c in CASES if c not in ("msi", "azurecli", "azd")]
# A browser or the tool itself is started for these.
STARTING = ("interactive", "auto", "azurecli", "azd")


def each(logins: list[str]) -> list[Any]:
    return [pytest.param(c, marks=pytest.mark.process) if c in STARTING else c for c in logins]


def system_of(place: Place, case: Case, said: list[str] | None = None) -> System:
    def tell(text: str) -> None:
        if said is not None:
            said.append(text)

    return System(
        environ={"PATH": os.environ["PATH"], **place.sim.environ(), **case.environ},
        prompt=case.prompt,
        warn=tell,
        open_terminal=lambda: None,
    )
