"""What `python -m kubeauth.testing` prints: the variables to export, and a sign-in for each login.

Each line is for a shell of POSIX, as it is.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from kubeauth.testing.azure_cli import install_azure_cli, sign_in
from kubeauth.testing.entra.browser import browser_command
from kubeauth.testing.entra.directory import AKS_CLIENT_ID, Application, User
from kubeauth.testing.simulator import Simulator

__all__ = ["introduction"]

_DAY = 86_400


def introduction(sim: Simulator) -> str:
    """Add an application, a person and an identity; return the lines for a shell."""
    app = sim.tenant.add_application("pipeline")
    user = sim.tenant.add_user(f"dana@{sim.tenant.name}", groups=["platform-team"])
    sim.add_managed_identity(system_assigned=True)
    sim.resource_manager.add_cluster("rg", "simulated")
    kubeconfig = sim.folder / "kubeconfig.yaml"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_text(sim.kubeconfig(), encoding="utf-8")
    exports = {
        **sim.environ(),
        "AZURE_AUTHORITY_HOST": sim.authority,
        "AZURE_TENANT_ID": sim.tenant.id,
        "AZURE_CLIENT_ID": app.client_id,
        "AZURE_CLIENT_SECRET": app.secret,
        "KUBECONFIG": str(kubeconfig),
    }
    lines = [
        *(_export(name, value) for name, value in exports.items()),
        "# Paste these lines into another shell, then sign in there as the application:",
        *_as_the_application(sim, app),
        *_as_somebody(sim, user),
        f"# API server: {sim.cluster.server}; Ctrl-C stops all",
    ]
    return "".join(f"{line}\n" for line in lines)


def _export(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"


def _commands(*commands: str) -> Iterator[str]:
    """Yield the commands of one sign-in, which ends with a question to the API server."""
    yield from (f"#   {command}" for command in (*commands, "kubectl get nodes"))


def _convert(sim: Simulator, login: str, *flags: str) -> str:
    words = ("kubeauth", "convert-kubeconfig", "-l", login, *flags)
    return shlex.join((*words, *_authority(sim)))


def _authority(sim: Simulator) -> tuple[str, ...]:
    return ("--authority-host", sim.authority, "--disable-instance-discovery")


def _as_the_application(sim: Simulator, app: Application) -> Iterator[str]:
    yield from _commands(_convert(sim, "spn"))
    yield "# or fetch the credentials of the cluster anew, without that file:"
    fetch = ("kubeauth", "get-credentials", "-g", "rg", "-n", "simulated", "-l", "spn")
    place = ("--resource-manager", sim.resource_manager.url, "--overwrite-existing")
    yield from _commands(shlex.join((*fetch, *_authority(sim), *place)))
    yield "# or with a federated token in place of the secret, good for a day:"
    issuer = sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject="pipeline")
    token = sim.folder / "federated-token"
    token.write_text(issuer.mint(subject="pipeline", expires_in=_DAY), encoding="utf-8")
    yield from _commands(_convert(sim, "workloadidentity", "--federated-token-file", str(token)))
    yield "# or with whatever azure-identity finds, here the variables:"
    yield from _commands(_convert(sim, "default"))
    yield "# or with a certificate:"
    certificate = sim.folder / "certificate.pem"
    certificate.touch(mode=0o600)
    certificate.write_bytes(app.new_certificate())
    yield from _commands(
        "unset AZURE_CLIENT_SECRET",
        _convert(sim, "spn", "--client-certificate", str(certificate)),
    )


def _as_somebody(sim: Simulator, user: User) -> Iterator[str]:
    yield "# or as the managed identity of this machine:"
    yield from _commands("unset AZURE_CLIENT_ID", "kubeauth convert-kubeconfig -l msi")
    yield f"# or as {user.upn}, through a stand-in for the Azure CLI:"
    profile = sim.folder / "azure"
    sign_in(profile, user)
    az = install_azure_cli(sim.folder, sim, user)
    yield from _commands(
        _export("AZURE_CONFIG_DIR", str(profile)),
        f'export PATH={shlex.quote(str(az.parent))}:"$PATH"',
        "kubeauth convert-kubeconfig -l azurecli",
    )
    public = ("--client-id", AKS_CLIENT_ID, "--tenant-id", sim.tenant.id)
    yield "# or with a password, any one:"
    yield from _commands(
        "unset AZURE_CLIENT_ID",
        f"{_export('AZURE_USERNAME', user.upn)} AZURE_PASSWORD=any",
        _convert(sim, "ropc", *public),
    )
    yield "# or in a browser, whose part a program plays:"
    person = sim.folder / "browser.json"
    played = {"ca_file": str(sim.ca_file), "username": user.upn, "password": "", "cancel": False}
    person.write_text(json.dumps(played), encoding="utf-8")
    yield from _commands(
        _export("BROWSER", browser_command(person)), _convert(sim, "interactive", *public)
    )
    yield f"# or with a code, at {sim.authority}devicelogin:"
    yield from _commands(_convert(sim, "devicecode", *public))
