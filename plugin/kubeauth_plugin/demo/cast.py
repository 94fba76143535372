"""Who signs in during the demo, for each way to sign in, and what has to be prepared for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kubeauth.testing import AKS_CLIENT_ID, Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

__all__ = ["CASTS", "Cast"]

_SUBJECT: Final = "system:serviceaccount:shop:deployer"


@dataclass(frozen=True, slots=True)
class Cast:
    """What one way to sign in needs: flags for convert-kubeconfig, variables for kubectl.

    ``typist`` is started before kubectl and plays the person, if one is needed.
    """

    who: str
    flags: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    typist: Callable[[], None] | None = None


def _service_principal(sim: Simulator, _folder: Path, _wait: float) -> Cast:
    app = sim.tenant.add_application("kubeauth-demo")
    return Cast(
        f"application {app.name}, with its client secret (in AZURE_CLIENT_SECRET, in no file)",
        ("--client-id", app.client_id),
        {"AZURE_CLIENT_SECRET": app.secret},
    )


def _managed_identity(sim: Simulator, _folder: Path, _wait: float) -> Cast:
    sim.add_managed_identity(sim.tenant, system_assigned=True)
    return Cast("the managed identity of this (pretended) Azure machine, asked for at IMDS")


def _workload_identity(sim: Simulator, folder: Path, _wait: float) -> Cast:
    issuer = sim.add_issuer()
    app = sim.tenant.add_application("kubeauth-demo")
    app.add_federated_credential(issuer=issuer.url, subject=_SUBJECT)
    file = folder / "azure-identity-token"
    file.touch(mode=0o600)
    file.write_text(issuer.mint(subject=_SUBJECT, audience="api://AzureADTokenExchange"))
    return Cast(
        f"application {app.name}, with the token of {_SUBJECT} from a file",
        ("--federated-token-file", str(file)),
        {"AZURE_CLIENT_ID": app.client_id, "AZURE_TENANT_ID": sim.tenant.id},
    )


def _azure_cli(sim: Simulator, folder: Path, _wait: float) -> Cast:
    user = sim.tenant.add_user(f"dana@{sim.tenant.name}", password="demo")  # noqa: S106
    programs, config = folder / "bin", folder / "azure"
    programs.mkdir()
    install_azure_cli(programs, sim, user)
    sign_in(config, user)
    return Cast(
        f"{user.upn}, signed in to the Azure CLI (a stand-in for `az`, played by the simulator)",
        (),
        {"AZURE_CONFIG_DIR": str(config), "PATH": str(programs)},
    )


def _device_code(sim: Simulator, _folder: Path, wait: float) -> Cast:
    user = sim.tenant.add_user(f"dana@{sim.tenant.name}", password="demo")  # noqa: S106
    sim.device_code_interval = 1

    def type_the_code() -> None:
        """Play the person for a person who does not: approve what waits after a while."""
        time.sleep(wait)
        for flow in sim.pending_device_codes():
            sim.approve(flow.user_code, user)

    def start() -> None:
        threading.Thread(target=type_the_code, daemon=True).start()

    return Cast(
        f"{user.upn}, who types a code on a page; after {wait:g} s without them, the demo does",
        ("--client-id", AKS_CLIENT_ID),
        typist=start,
    )


def _browser(sim: Simulator, _folder: Path, _wait: float) -> Cast:
    user = sim.tenant.add_user(f"dana@{sim.tenant.name}", password="demo")  # noqa: S106
    return Cast(
        f"{user.upn}, in a browser (played by the simulator) that opens by itself",
        ("--client-id", AKS_CLIENT_ID, "--login-hint", user.upn),
        {"BROWSER": sim.browser_command(user)},
    )


CASTS: Final[Mapping[str, Callable[[Simulator, Path, float], Cast]]] = {
    "spn": _service_principal,
    "devicecode": _device_code,
    "interactive": _browser,
    "auto": _browser,
    "azurecli": _azure_cli,
    "msi": _managed_identity,
    "workloadidentity": _workload_identity,
}
