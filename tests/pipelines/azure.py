"""The Azure CLI for jobs: the real one from the package index, or a stand-in for the quick tests.

The real one takes more than a minute to install, so it is installed once, below XDG_CACHE_HOME.
"""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Iterable
from pathlib import Path

import pytest
from filelock import FileLock
from pipelines.machine import Machine

from kubeauth.testing import Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

RELEASE = "2.91.0"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubeauth-tests"
_FETCH = """\
#!/bin/sh
# Adds to the stand-in `aks get-credentials`, which copies a file, and `login --identity`, which
# signs in a user of the identity's name.
folder="{folder}"
case "$1 $2" in
"aks get-credentials")
    while [ $# -gt 0 ]; do [ "$1" = --file ] && file=$2; shift; done
    umask 077 && cp "$folder/fetched" "$file" ;;
"login --identity")
    mkdir -p "$AZURE_CONFIG_DIR"
    cp "$folder/profiles/$4" "$AZURE_CONFIG_DIR/azureProfile.json" ;;
*) exec "$folder/plain/az" "$@" ;;
esac
"""


def stand_in(
    machine: Machine, sim: Simulator, config: Path, identities: Iterable[str] = ()
) -> None:
    """Put a stand-in for `az` on PATH, with somebody signed in to it in the folder `config`.

    ``identities`` are the client ids that `az login --identity` knows.
    """
    number = len(sim.tenant.users)
    names = ("pipeline", *identities)
    users = [sim.tenant.add_user(f"{name}-{number}@contoso.example") for name in names]
    (machine.folder / "plain").mkdir()
    (machine.folder / "profiles").mkdir()
    install_azure_cli(machine.folder / "plain", sim, *users)
    (machine.folder / "fetched").write_text(machine.kubeconfig())
    machine.add_program("az", _FETCH.format(folder=machine.folder))
    for name, user in zip(names, users, strict=True):
        sign_in(machine.folder / "profile", user)
        os.replace(
            machine.folder / "profile" / "azureProfile.json", machine.folder / "profiles" / name
        )
    sign_in(config, users[0])


def real_az() -> Path:
    """Return the real Azure CLI's bin folder; skips where the package index cannot be reached."""
    folder = CACHE / f"azure-cli-{RELEASE}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "complete").exists():
            venv.create(folder, with_pip=True, clear=True)
            pip = [str(folder / "bin" / "pip"), "install", "--quiet", f"azure-cli=={RELEASE}"]
            done = subprocess.run(pip, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"azure-cli cannot be installed: {done.stderr.splitlines()[-1:]}")
            (folder / "complete").touch()
    return folder / "bin"


def use_real_az(machine: Machine, config: Path) -> None:
    """Put the real `az` on PATH, in the simulator's cloud; nobody is signed in yet."""
    os.symlink(real_az() / "az", machine.tools / "az")
    # The program is a script for /bin/sh that starts the Python on PATH with its own modules.
    arm = machine.sim.resource_manager.url
    az = f'AZURE_CONFIG_DIR="{config}" az'
    machine.shell(
        f"{az} config set core.instance_discovery=false core.collect_telemetry=false\n"
        f"{az} cloud register -n simulated --endpoint-resource-manager {arm}\n"
        f"{az} cloud set -n simulated\n",
        limit=120,
    )


def sign_in_with_token(machine: Machine, config: Path, client_id: str, token: str) -> None:
    """Sign the real `az` in as the tasks and actions of Azure do, with a federated token."""
    machine.shell(
        f'AZURE_CONFIG_DIR="{config}" az login --service-principal --username "$CLIENT" '
        '--tenant "$TENANT" --federated-token "$TOKEN" --output none',
        {"CLIENT": client_id, "TENANT": machine.sim.tenant.id, "TOKEN": token},
        limit=120,
    )
