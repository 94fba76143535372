"""One table: each secret input, each login, each outcome, each verbosity, and no secret anywhere.

Searched: stdout (the ExecCredential apart), stderr, every file that others could read, the
arguments and the environment of programs that kubeauth starts, and the addresses in the simulator's
log. The end of a test run prints how many cells were run.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from harness import Program, approving, install_program, noting_environ

from kubeauth.testing import AKS_CLIENT_ID, Application, Fault, Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(
        os.name == "nt", reason="it looks at modes, and its tools are scripts for sh"
    ),
]

PASSWORD = "p4ss w0rd/of+Anna"
CANARY = "canary-0f1e2d3c4b5a"
SUBJECT = "system:serviceaccount:shop:api"
INFO = json.dumps(
    {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "spec": {"interactive": True},
    }
)
KEYRING = """
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        return {secret!r} if (service, username) == ("aks", "ci") else None
    def set_password(self, service, username, password): raise NotImplementedError
    def delete_password(self, service, username): raise NotImplementedError
"""
# What the servers answer instead of a token; each repeats all that it was sent.
OUTCOMES: dict[str, tuple[int, bytes] | None] = {
    "success": None,
    "refusal": (
        400,
        b'{"error": "invalid_client", "error_description": "AADSTS7000215: {request}"}',
    ),
    "ids": (
        400,
        b'{"error": "{request}", "correlation_id": "{request}", "error_codes": ["{request}"]}',
    ),
    "no JSON": (200, b"<html>{request}"),
    "failure": (503, b"{request}"),
    "odd JSON": (200, b'["{request}"]'),
    "odd token": (200, b'{"access_token": "{request} ", "expires_in": "{request}"}'),
}
VERBOSITIES = ("0", "1", "9")
# The others, and the other verbosities, run with --run-slow.
EVERYDAY = ("success", "refusal", "no JSON")


def marked(value: str, everyday: bool) -> Any:
    return pytest.param(value, marks=[] if everyday else [pytest.mark.slow])


@dataclass
class Input:
    """One way to give a login its secret: flags, variables, and what must not be seen."""

    flags: tuple[str, ...]
    secrets: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)


class Desk:
    """One machine, with a tool that notes how it was started."""

    def __init__(self, sim: Simulator, program: Program) -> None:
        self.sim, self.program, self.folder = sim, program, program.home.parent
        self.app: Application = sim.tenant.add_application("ci")
        self.anna = sim.tenant.user("anna@contoso.example") or sim.tenant.add_user(
            "anna@contoso.example", PASSWORD
        )
        self.children = self.folder / "children"
        self.children.mkdir(mode=0o700)

    def identity(self, login: str) -> tuple[str, ...]:
        return ("-l", login, "-t", self.sim.tenant.id, "--client-id", self.app.client_id)

    def file(self, content: str | bytes) -> str:
        path = self.folder / f"secret-{len(list(self.folder.iterdir()))}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(0o600)
        return str(path)

    def noting(self, name: str, body: str) -> Path:
        """Write a program that notes its arguments and its environment."""
        notes = noting_environ(self.children / "environ")
        notes += (
            f"import sys\nopen({str(self.children / 'arguments')!r}, 'w').write(str(sys.argv))\n"
        )
        return install_program(self.folder / "bin", name, f"{notes}{body}\n")

    def federated(self) -> str:
        issuer = self.sim.add_issuer()
        self.app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
        return issuer.mint(subject=SUBJECT)

    def spn(self, *flags: str, **environ: str) -> Input:
        return Input((*self.identity("spn"), *flags), (self.app.secret,), environ)

    def locked_certificate(self) -> str:
        pem = self.app.new_certificate()
        key = load_pem_private_key(pem, None)
        locked = key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(CANARY.encode())
        )
        return self.file(locked + pem[pem.index(b"-----BEGIN CERTIFICATE") :])

    def person(self, login: str, *flags: str, **environ: str) -> Input:
        whom = ("-l", login, "-t", self.sim.tenant.id, "--client-id", AKS_CLIENT_ID)
        return Input((*whom, *flags), (PASSWORD,), environ)

    def workload(self, *flags: str, secret: str, **environ: str) -> Input:
        return Input((*self.identity("workloadidentity"), *flags), (secret,), environ)

    def job(self, login: str) -> Input:
        issuer = self.sim.add_issuer()
        self.app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
        connection = ("--azure-pipelines-service-connection-id", "c")
        if login == "azurepipelines":
            job = issuer.azure_pipelines(SUBJECT)
            return Input((*self.identity(login), *connection), (job["SYSTEM_ACCESSTOKEN"],), job)
        job = issuer.github_actions(SUBJECT)
        secret = job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
        return self.workload("--assertion-source", "github", secret=secret, **job)

    def minted(self) -> Input:
        token = self.federated()
        file = self.file(token)
        tool = self.noting("mint", f"print(open({file!r}).read())")
        return self.workload("--assertion-source", f"command:{tool} x", secret=token)

    def machine(self, host: str) -> Input:
        self.sim.add_managed_identity(self.sim.tenant, system_assigned=True)
        environ = getattr(self.sim.hosts, host).environ
        secrets = [environ[n] for n in ("IDENTITY_HEADER", "MSI_SECRET") if n in environ]
        return Input(("-l", "msi"), tuple(secrets), environ)

    def azure_cli(self) -> Input:
        (self.folder / "bin").mkdir()
        install_azure_cli(self.folder / "bin", self.sim, self.anna)
        sign_in(self.folder / "azure", self.anna)
        path = f"{self.folder / 'bin'}{os.pathsep}{self.program.environ['PATH']}"
        environ = {"PATH": path, "AZURE_CONFIG_DIR": str(self.folder / "azure")}
        return Input(("-l", "azurecli"), (CANARY,), {**environ, "AZURE_CLIENT_SECRET": CANARY})

    def keyring(self) -> Input:
        """A secret in the keyring, whose backend is a program of our own."""
        package = self.folder / "backend"
        package.mkdir()
        (package / "our_keyring.py").write_text(KEYRING.format(secret=self.app.secret))
        package.chmod(0o700)
        # The installed command takes nothing from PYTHONPATH.
        self.program.command = (sys.executable, "-m", "kubeauth_plugin")
        environ = {
            "PYTHONPATH": str(package),
            "PYTHON_KEYRING_BACKEND": "our_keyring.Keyring",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return self.spn("--client-secret-keyring", "aks/ci", **environ)

    def default(self) -> Input:
        """azure-identity's chain, whose first link reads the usual variables."""
        variables = {
            "AZURE_TENANT_ID": self.sim.tenant.id,
            "AZURE_CLIENT_ID": self.app.client_id,
            "AZURE_CLIENT_SECRET": self.app.secret,
        }
        return Input(("-l", "default"), (self.app.secret,), variables)

    def powershell(self) -> Input:
        token = self.sim.mint_token(self.anna)
        self.noting("pwsh", f"print('azsdk%{token}%4102444800')")
        path = f"{self.folder / 'bin'}{os.pathsep}{self.program.environ['PATH']}"
        environ = {"PATH": path, "AZURE_CLIENT_SECRET": CANARY}
        return Input(("-l", "azurepowershell"), (CANARY,), environ)

    def azd(self) -> Input:
        answer = {"token": self.sim.mint_token(self.anna), "expiresOn": "2099-01-01T00:00:00Z"}
        self.noting("azd", f"print({json.dumps(answer)!r})")
        path = f"{self.folder / 'bin'}{os.pathsep}{self.program.environ['PATH']}"
        environ = {"PATH": path, "AZURE_PASSWORD": CANARY, "ARM_CLIENT_SECRET": CANARY}
        return Input(("-l", "azd"), (CANARY,), environ)


INPUTS: dict[str, Callable[[Desk], Input]] = {
    "spn: flag": lambda d: d.spn("--client-secret", d.app.secret),
    "spn: AZURE_CLIENT_SECRET": lambda d: d.spn(AZURE_CLIENT_SECRET=d.app.secret),
    "spn: AAD variable": lambda d: d.spn(AAD_SERVICE_PRINCIPAL_CLIENT_SECRET=d.app.secret),
    "spn: ARM variable": lambda d: d.spn("--use-azurerm-env-vars", ARM_CLIENT_SECRET=d.app.secret),
    "spn: file": lambda d: d.spn("--client-secret-file", d.file(d.app.secret)),
    "spn: named variable": lambda d: d.spn("--client-secret-env", "MINE", MINE=d.app.secret),
    "spn: keyring": Desk.keyring,
    "spn: certificate's password, flag": lambda d: Input(
        (
            *d.identity("spn"),
            *("--client-certificate", d.locked_certificate()),
            *("--client-certificate-password", CANARY),
        ),
        (CANARY,),
    ),
    "spn: certificate's password, variable": lambda d: Input(
        (*d.identity("spn"), "--client-certificate", d.locked_certificate()),
        (CANARY,),
        {"AZURE_CLIENT_CERTIFICATE_PASSWORD": CANARY},
    ),
    "spn: wrong certificate's password": lambda d: Input(
        (*d.identity("spn"), "--client-certificate", d.locked_certificate()),
        (CANARY, "wrong-canary"),
        {"AZURE_CLIENT_CERTIFICATE_PASSWORD": "wrong-canary"},
    ),
    "ropc: flag": lambda d: d.person("ropc", "--username", d.anna.upn, "--password", PASSWORD),
    "ropc: AZURE_PASSWORD": lambda d: d.person(
        "ropc", AZURE_USERNAME=d.anna.upn, AZURE_PASSWORD=PASSWORD
    ),
    "ropc: AAD variable": lambda d: d.person(
        "ropc", AAD_USER_PRINCIPAL_NAME=d.anna.upn, AAD_USER_PRINCIPAL_PASSWORD=PASSWORD
    ),
    "devicecode": lambda d: d.person("devicecode"),
    "interactive": lambda d: d.person("interactive", BROWSER=d.sim.browser_command(d.anna)),
    "auto": lambda d: d.person("auto", BROWSER=d.sim.browser_command(d.anna)),
    "interactive: proof of possession": lambda d: d.person(
        *("interactive", "--pop-enabled", "--pop-claims", "u=localhost"),
        BROWSER=d.sim.browser_command(d.anna),
    ),
    "workloadidentity: file": lambda d: d.workload(
        "--federated-token-file", d.file(t := d.federated()), secret=t
    ),
    "workloadidentity: variable": lambda d: d.workload(
        "--assertion-source", "env:MY_JWT", secret=(t := d.federated()), MY_JWT=t
    ),
    "workloadidentity: ARM variable": lambda d: d.workload(
        "--use-azurerm-env-vars", secret=(t := d.federated()), ARM_OIDC_TOKEN=t
    ),
    "workloadidentity: command": Desk.minted,
    "workloadidentity: GitHub": lambda d: d.job("workloadidentity"),
    "azurepipelines": lambda d: d.job("azurepipelines"),
    "msi: App Service": lambda d: d.machine("app_service"),
    "msi: Machine Learning": lambda d: d.machine("machine_learning"),
    "msi: Service Fabric": lambda d: d.machine("service_fabric"),
    "azurecli, with a secret that is not its own": Desk.azure_cli,
    "azd, with secrets that are not its own": Desk.azd,
    "default": Desk.default,
    "vscode, with a secret that is not its own": lambda d: Input(
        ("-l", "vscode"), (CANARY,), {"AZURE_CLIENT_SECRET": CANARY}
    ),
    "azurepowershell, with a secret that is not its own": Desk.powershell,
}


def forms(secret: str) -> set[str]:
    raw = secret.encode()
    encoded = {base64.b64encode(raw).decode().rstrip("="), quote(secret, safe=""), quote(secret)}
    return {secret, secret.upper(), json.dumps(secret)[1:-1], *encoded}


def readable_by_others(folder: Path) -> list[Path]:
    """Return the files whose mode lets other users read them."""
    return [
        file
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink() and stat.S_IMODE(file.stat().st_mode) & 0o044
    ]


@pytest.mark.parametrize("verbosity", [marked(v, v == "9") for v in VERBOSITIES])
@pytest.mark.parametrize("outcome", [marked(o, o in EVERYDAY) for o in OUTCOMES])
@pytest.mark.parametrize("way", INPUTS)
def test_no_secret_is_seen(
    program: Program, sim: Simulator, way: str, outcome: str, verbosity: str
) -> None:
    desk = Desk(sim, program)
    given = INPUTS[way](desk)
    before = {file: file.read_bytes() for file in readable_by_others(desk.folder)}
    answer = OUTCOMES[outcome]
    if answer is not None:
        for path in ("oken", "/devicecode", "/github"):
            fault = Fault(path=path, status=answer[0], body=answer[1], times=None)
            sim.faults.add(fault)
    person = approving(sim, desk.anna) if way == "devicecode" else nullcontext()
    with person:
        ran = program.get_token(
            *given.flags,
            *("-v", verbosity, "--timeout", "5s", "--person-timeout", "5s"),
            **{**given.environ, "KUBERNETES_EXEC_INFO": INFO},
        )
    assert (ran.code == 0) == bool(ran.stdout)
    secrets = set(given.secrets)
    if ran.code == 0:
        secrets.add(json.loads(ran.stdout)["status"]["token"])
    texts = {"stderr": ran.stderr}
    texts |= {
        str(file): file.read_bytes().decode("latin-1")
        for file in readable_by_others(desk.folder)
        if file not in before
    }
    texts |= {str(file): file.read_text("latin-1") for file in desk.children.iterdir()}
    texts["addresses"] = "\n".join(f"{r.path} {dict(r.query)}" for r in sim.requests)
    for where, text in texts.items():
        found = [s for secret in secrets for s in forms(secret) if s in text]
        assert not found, f"{where}: {text[:500]}"


@pytest.mark.parametrize(
    ("name", "login", "more"),
    [
        ("IDENTITY_ENDPOINT", "msi", {"IDENTITY_HEADER": "h"}),
        ("MSI_ENDPOINT", "msi", {"MSI_SECRET": "s"}),
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "workloadidentity",
            {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t"},
        ),
        ("HTTPS_PROXY", "spn", {"AZURE_CLIENT_SECRET": "some-secret"}),
    ],
)
@pytest.mark.parametrize("command", ["get", "explain"])
def test_a_password_in_an_address_is_not_seen(
    program: Program, sim: Simulator, name: str, login: str, more: dict[str, str], command: str
) -> None:
    desk = Desk(sim, program)
    address = f"http{'s' if 'URL' in name else ''}://dana:{CANARY}@127.0.0.1:9/x"
    source = ("--assertion-source", "github") if login == "workloadidentity" else ()
    flags = ("--explain",) if command == "explain" else ("-v", "9", "--timeout", "3s")
    ran = program.get_token(*desk.identity(login), *source, *flags, **{name: address}, **more)
    assert CANARY not in ran.stdout + ran.stderr
