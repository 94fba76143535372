"""Every login that the simulator can play, made ready at a desk for a tenant of one's choice."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from desk import SUBJECT, Desk, Kubectl
from harness import Ran, approving, install_program

from kubeauth.testing import AKS_CLIENT_ID, Application, Tenant, User
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

__all__ = ["SIGN_INS", "SignIn"]

TOOL = Path(__file__).resolve().parent / "programs" / "developer_tool.py"
PASSWORD = "pw"


class SignIn:
    """A login with what it needs. ``user`` is whom the server sees, once ``convert`` was called.

    A subclass prepares one login: `prepare` gives its flags and may set the desk's variables.
    """

    def __init__(self, desk: Desk, tenant: Tenant) -> None:
        self.desk, self.tenant = desk, tenant
        self.user = ""

    def prepare(self) -> tuple[str, ...]:
        """Prepare the desk; return the flags that convert-kubeconfig needs."""
        raise NotImplementedError

    def convert(self, *flags: str) -> None:
        """Write the kubeconfig of this login."""
        authority = ("--authority-host", self.desk.sim.authority, "--disable-instance-discovery")
        self.desk.convert("exec", *self.prepare(), *authority, *flags)

    def kubectl(self, kubectl: Kubectl, *words: str) -> Ran:
        """Run kubectl where no terminal is."""
        return self.desk.kubectl(kubectl, *words)

    def add_application(self) -> tuple[Application, tuple[str, ...]]:
        """Return a new application, and the flags that name it."""
        app = self.tenant.add_application("ci")
        self.user = app.object_id
        return app, ("--client-id", app.client_id, "--tenant-id", self.tenant.id)

    def add_person(self) -> User:
        """Return a new person."""
        name = f"dana-{secrets.token_hex(4)}@{self.tenant.name}"
        person = self.tenant.add_user(name, PASSWORD)
        self.user = person.upn
        return person

    def add_program_folder(self) -> Path:
        """Return a folder of programs, the first on PATH."""
        folder = self.desk.folder / "bin"
        folder.mkdir()
        self.desk.environ["PATH"] = f"{folder}{os.pathsep}{self.desk.program.environ['PATH']}"
        return folder


class Secret(SignIn):
    def prepare(self) -> tuple[str, ...]:
        app, named = self.add_application()
        self.desk.environ["AZURE_CLIENT_SECRET"] = app.secret
        return ("--login", "spn", *named)


class Certificate(SignIn):
    def prepare(self) -> tuple[str, ...]:
        app, named = self.add_application()
        file = self.desk.folder / "certificate.pem"
        file.write_bytes(app.new_certificate())
        return ("--login", "spn", *named, "--client-certificate", str(file))


class WorkloadIdentity(SignIn):
    def prepare(self) -> tuple[str, ...]:
        app, named = self.add_application()
        issuer = self.desk.sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
        file = self.desk.folder / "azure-identity-token"
        file.write_text(issuer.mint(subject=SUBJECT))
        return ("--login", "workloadidentity", *named, "--federated-token-file", str(file))


class GitHub(SignIn):
    def prepare(self) -> tuple[str, ...]:
        app, named = self.add_application()
        issuer = self.desk.sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
        self.desk.environ |= issuer.github_actions(SUBJECT)
        return ("--login", "workloadidentity", *named, "--assertion-source", "github")


class AzurePipelines(SignIn):
    def prepare(self) -> tuple[str, ...]:
        app, named = self.add_application()
        issuer = self.desk.sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
        self.desk.environ |= issuer.azure_pipelines(SUBJECT)
        connection = ("--azure-pipelines-service-connection-id", "connection")
        return ("--login", "azurepipelines", *named, *connection)


class ManagedIdentity(SignIn):
    def prepare(self) -> tuple[str, ...]:
        identity = self.desk.sim.add_managed_identity(self.tenant)
        self.user = identity.object_id
        return ("--login", "msi", "--client-id", identity.client_id)


class AzureCli(SignIn):
    def prepare(self) -> tuple[str, ...]:
        person, config = self.add_person(), self.desk.folder / "azure"
        install_azure_cli(self.add_program_folder(), self.desk.sim, person)
        sign_in(config, person)
        where = ("--azure-config-dir", str(config))
        return ("--login", "azurecli", *where, "--tenant-id", self.tenant.id)


class DeveloperTool(SignIn):
    """A login that asks a tool, for which `developer_tool` stands."""

    login, tool = "", ""

    def prepare(self) -> tuple[str, ...]:
        person, folder = self.add_person(), self.add_program_folder()
        form = {"client_id": AKS_CLIENT_ID, "username": person.upn, "password": PASSWORD}
        url = f"{self.desk.sim.authority}{self.tenant.id}/oauth2/v2.0/token"
        known = {"url": url, "ca_file": str(self.desk.sim.ca_file), "form": form}
        (folder / f"{self.tool}.json").write_text(json.dumps(known))
        install_program(folder, self.tool, TOOL.read_text())
        return ("--login", self.login)


class AzureDeveloperCli(DeveloperTool):
    login, tool = "azd", "azd"


class AzurePowerShell(DeveloperTool):
    login, tool = "azurepowershell", "pwsh"


class Default(SignIn):
    def prepare(self) -> tuple[str, ...]:
        app, _ = self.add_application()
        names = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET")
        values = (app.client_id, self.tenant.id, app.secret)
        self.desk.environ |= dict(zip(names, values, strict=True))
        return ("--login", "default")


class Password(SignIn):
    def prepare(self) -> tuple[str, ...]:
        person = self.add_person()
        self.desk.environ |= {"AZURE_USERNAME": person.upn, "AZURE_PASSWORD": PASSWORD}
        named = ("--client-id", AKS_CLIENT_ID, "--tenant-id", self.tenant.id)
        return ("--login", "ropc", *named)


class Person(SignIn):
    """A login for which a person acts, at a terminal, with a browser."""

    login = ""

    def prepare(self) -> tuple[str, ...]:
        self._person = self.add_person()
        browser = self.desk.sim.browser_command(self._person)
        self.desk.environ |= {"BROWSER": browser, "DISPLAY": ":0"}
        named = ("--client-id", AKS_CLIENT_ID, "--tenant-id", self.tenant.id)
        return ("--login", self.login, *named)

    def kubectl(self, kubectl: Kubectl, *words: str) -> Ran:
        """Run kubectl at a terminal, with somebody there who signs in."""
        with approving(self.desk.sim, self._person):
            return self.desk.kubectl_at_terminal(kubectl, *words)


class DeviceCode(Person):
    login = "devicecode"


class Interactive(Person):
    login = "interactive"


class Auto(Person):
    login = "auto"


# A login of VS Code is not among them: its credential needs a program of Microsoft's.
SIGN_INS: dict[str, type[SignIn]] = {
    "spn-secret": Secret,
    "spn-certificate": Certificate,
    "workloadidentity": WorkloadIdentity,
    "workloadidentity-github": GitHub,
    "azurepipelines": AzurePipelines,
    "msi": ManagedIdentity,
    "azurecli": AzureCli,
    "azd": AzureDeveloperCli,
    "azurepowershell": AzurePowerShell,
    "default": Default,
    "ropc": Password,
    "devicecode": DeviceCode,
    "interactive": Interactive,
    "auto": Auto,
}
