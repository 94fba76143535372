"""A reader who pastes what a page shows: its command blocks, and a machine to paste them into.

The machine is the one that most pages are written for: a home with a kubeconfig for kubelogin, an
``az`` that is signed in, a person who uses every code and page that is shown, an application with a
secret and a certificate. Entra ID, Resource Manager and the cluster are the simulator. Programs
that are not ours (docker, ssh, pipx …) are stand-ins that accept everything.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness import BIN, basic_environ, install_program, posix_module

from kubeauth.testing import AKS_CLIENT_ID, Application, Simulator
from kubeauth.testing.azure_cli import install_azure_cli, sign_in

SUBJECT = "system:serviceaccount:shop:api"
AUDIENCE = "api://AzureADTokenExchange"
# Where a command block may begin: a program, a shell's word, or a variable for one command.
_STARTS = (
    ". ansible-playbook argocd aws az azd cat cd cp curl docker echo export flux for gcloud gh git "
    "helm if k9s kubeauth kubectl kubelogin ls mkdir openssl pip pipx py python python3 rm ssh "
    "sudo systemctl terraform unset until uv uvx while"
)
PROGRAMS = frozenset(_STARTS.split())
# Programs of others; what they would do is theirs.
OTHERS = (
    "ansible-playbook argocd docker flux gcloud gh helm k9s pip pipx py ssh sudo terraform uv uvx "
    "systemctl"
)
_BLOCK = re.compile(
    r"^<!-- before: (?P<before>[^\n]+) -->$|"
    r"(?:^<!-- (?P<how>run|not run)(?:: (?P<words>[^\n]*?))? -->\n\n?)?"
    r"(?:^```(?P<kind>\w*)\n(?P<fenced>.*?)^```$"
    r"|(?P<indented>(?:^    [^\n]*\n(?:^\n(?=    ))?)+))",
    re.MULTILINE | re.DOTALL,
)
_WRAPPER = """\
#!/bin/sh
# Names the simulated cloud where a reader needs to name none.
words="$*"
case " $words " in
" get-credentials "* | " clusters "*) set -- "$@" --resource-manager {manager} ;;
esac
case " $words " in
*" -l azurecli "* | *" -l azd "* | *" -l msi "* | *" --authority-host "*) ;;
" get-token "* | " get-credentials "* | " clusters "* | *" --server-id "*)
    set -- "$@" --authority-host {authority} --disable-instance-discovery ;;
esac
exec {kubeauth} "$@"
"""
_AZ = """
import os, subprocess, sys
words = sys.argv[1:]
if words[:2] == ["account", "get-access-token"]:
    os.execv({az!r}, [{az!r}, *words])
if words[:2] == ["aks", "get-credentials"]:
    named = [words[i + 1] for i, word in enumerate(words) if word in ("-f", "--file")]
    target = named[0] if named else os.path.expanduser("~/.kube/config")
    with open(target, "w", encoding="utf-8") as file:
        file.write({kubeconfig!r})
else:
    print("an-id")
"""


@dataclass(frozen=True)
class Block:
    """Commands to paste, with the output of each if the page shows it.

    What a comment `<!-- before: COMMAND -->` says is run as well; the reader has done that before.
    """

    page: str
    line: int
    commands: tuple[tuple[str, str | None], ...]
    fails: bool = False
    skipped: str = ""
    machine: tuple[str, ...] = ()
    marked: bool = False


def blocks(page: Path) -> Iterator[Block]:
    """Yield the command blocks of a page, also those that are marked as not run."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        if found["before"]:
            yield Block(page.name, 0, ((found["before"], None),))
            continue
        commands = tuple(_commands(found))
        if not commands:
            continue
        words = (found["words"] or "").split()
        yield Block(
            page.name,
            text.count("\n", 0, found.start()) + 1,
            commands,
            fails="fails" in words,
            skipped=(found["words"] or "?") if found["how"] == "not run" else "",
            machine=tuple(word for word in words if word != "fails"),
            marked=found["how"] == "run",
        )


def _commands(found: re.Match[str]) -> Iterator[tuple[str, str | None]]:
    """Yield the commands of one block; none if it is no command block."""
    text = found["fenced"] if found["indented"] is None else found["indented"]
    lines = text.removesuffix("\n").split("\n")
    if found["indented"] is not None:
        lines = [line.removeprefix("    ") for line in lines]
    if any(line.startswith("$ ") for line in lines):
        shown = re.split(r"^\$ ", "\n".join(lines) + "\n", flags=re.MULTILINE)[1:]
        for part in shown:
            command, _, output = part.partition("\n")
            yield command, output
    elif found["kind"] in ("sh", "bash") or (found["kind"] is None and _is_command(lines[0])):
        yield "\n".join(lines), None


def _is_command(line: str) -> bool:
    words = [word for word in line.split() if not re.match(r"\w+=", word)]
    return bool(words) and (words[0] in PROGRAMS or bool(re.match(r"\w+=\$\(", line)))


@dataclass
class Reader:
    """Somebody with a machine, who pastes blocks in the order of a page."""

    sim: Simulator
    folder: Path
    app: Application
    environ: dict[str, str] = field(default_factory=dict)
    carried: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        home = self.folder / "home"
        (home / ".kube").mkdir(parents=True, mode=0o700)
        self.tools = self.folder / "tools"
        self.tools.mkdir()
        self.dana = self.sim.tenant.add_user("dana@contoso.example", "of-dana", groups=["platform"])
        self._install()
        environ = basic_environ(home, self.sim.environ())
        environ["PATH"] = os.pathsep.join([str(self.tools), environ["PATH"]])
        # This machine has no keyring, which is not what the pages are about.
        environ |= {"TERM": "xterm", "COLUMNS": "200", "KUBEAUTH_CACHE_STORAGE": "file"}
        environ["BROWSER"] = self.sim.browser_command(self.dana)
        self.environ = environ
        self.home = home
        self.write("home/.kube/config", self.kubeconfig("prod"))
        self.write("secret.txt", self.app.secret)
        self.write("certificate.pem", self.app.new_certificate().decode())
        self.write("token.jwt", self._token())
        self.write("home/.kube/ca.pem", self.sim.cluster.ca_pem.decode())
        sign_in(home / ".azure", self.dana)
        self.sim.resource_manager.add_cluster("shop", "prod")
        older = {"entra": False, "running": False, "version": "1.29.0"}
        self.sim.resource_manager.add_cluster("shop", "old", **older)

    def _install(self) -> None:
        real = self.folder / "real"
        real.mkdir()
        az = install_azure_cli(real, self.sim, self.dana)
        values = {"az": str(az), "kubeconfig": self.kubeconfig("prod")}
        install_program(self.tools, "az", _AZ.format(**values))
        token = self.sim.mint_token(self.dana)
        answer = json.dumps({"token": token, "expiresOn": "2099-01-01T00:00:00Z"})
        install_program(self.tools, "azd", f"print({answer!r})\n")
        for name in OTHERS.split():
            self.install(name, "#!/bin/sh\nexit 0\n")
        names = {"manager": self.sim.resource_manager.url, "authority": self.sim.authority}
        self.install("kubeauth", _WRAPPER.format(kubeauth=BIN / "kubeauth", **names))

    def install(self, name: str, text: str) -> None:
        (self.tools / name).touch(0o755)
        (self.tools / name).write_text(text)

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text(text)

    def kubeconfig(self, context: str) -> str:
        """Return what `az aks get-credentials` writes, in a cloud that is the simulator."""
        ours = (
            f"--authority-host\n      - {self.sim.authority}\n      - --disable-instance-discovery"
        )
        text = self.sim.kubeconfig("exec", context)
        assert "AzurePublicCloud" in text
        return text.replace("--environment\n      - AzurePublicCloud", ours)

    def _token(self) -> str:
        self.issuer = self.sim.add_issuer()
        self.app.add_federated_credential(issuer=self.issuer.url, subject=SUBJECT)
        return self.issuer.mint(subject=SUBJECT, audience=AUDIENCE)

    # What a block may say in its comment.

    def secret(self) -> Mapping[str, str]:
        return {"AZURE_CLIENT_SECRET": self.app.secret}

    def github(self) -> Mapping[str, str]:
        return self.issuer.github_actions(SUBJECT)

    def pipelines(self) -> Mapping[str, str]:
        job = self.issuer.azure_pipelines(SUBJECT)
        return {
            **job,
            "AZURESUBSCRIPTION_CLIENT_ID": self.app.client_id,
            "AZURESUBSCRIPTION_TENANT_ID": self.sim.tenant.id,
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "a-connection",
        }

    def pod(self) -> Mapping[str, str]:
        return {
            "AZURE_CLIENT_ID": self.app.client_id,
            "AZURE_TENANT_ID": self.sim.tenant.id,
            "AZURE_FEDERATED_TOKEN_FILE": str(self.folder / "token.jwt"),
            "AZURE_AUTHORITY_HOST": self.sim.authority,
        }

    def password(self) -> Mapping[str, str]:
        return {"AZURE_USERNAME": self.dana.upn, "AZURE_PASSWORD": "of-dana"}

    def names(self, text: str) -> str:
        """Return a text of a page with this machine's ids in place of the page's words."""
        for word, value in {
            "SERVER-ID": self.sim.cluster.server_id,
            "TENANT-ID": self.sim.tenant.id,
            "PUBLIC-CLIENT-ID": AKS_CLIENT_ID,
            "CLIENT-ID": self.app.client_id,
            "CLUSTER-ADDRESS": self.sim.cluster.server,
            "--server-id ID": f"--server-id {self.sim.cluster.server_id}",
            "--tenant-id ID": f"--tenant-id {self.sim.tenant.id}",
            "--assertion-source SOURCE": "--assertion-source file:token.jwt",
            "-g GROUP": "-g shop",
            "-n CLUSTER": "-n prod",
        }.items():
            text = re.sub(rf"(?<![\w-]){word}(?![\w-])", value, text)
        return text

    def paste(self, block: Block, command: str) -> tuple[int, str]:
        """Run a command as at a terminal; return its exit code and what it wrote."""
        more: dict[str, str] = {}
        for name in block.machine:
            if name != "terminal":
                more |= getattr(self, name)()
        command = self.names(command)
        mine, theirs = posix_module("pty").openpty()
        at_terminal = "terminal" in block.machine
        process = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail", "-c", "\n".join([*self.carried, command])],
            cwd=self.folder,
            env={**self.environ, **more},
            stdin=theirs,
            stdout=theirs if at_terminal else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            seen = (
                screen(mine)
                if at_terminal
                else process.communicate(timeout=60)[0].decode("utf-8", "replace")
            )
            code = process.wait(60)
        finally:
            process.kill()
            os.close(mine)
        self.carried += re.findall(r"^(?:export |unset ).*$", command, re.MULTILINE)
        return code, seen


def screen(terminal: int) -> str:
    """Return what stands on a terminal once its last program has ended."""
    seen = b""
    with contextlib.suppress(OSError):  # EIO: nobody has it open any more
        while part := os.read(terminal, 4096):
            seen += part
    text = re.sub(
        r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode("utf-8", "replace").replace("\r\n", "\n")
    )
    # A carriage return begins the line anew.
    return "\n".join(line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))


def fits(shown: str, seen: str) -> bool:
    """Return whether output is what a page shows; an ellipsis there stands for any text."""
    parts = [re.escape(" ".join(part.split())) for part in shown.split("…")]
    pattern = r"\s?.*?\s?".join(parts)
    return re.fullmatch(pattern, " ".join(seen.split())) is not None
