"""The programs in the documentation, run as they stand there.

A comment before each says in which surroundings it runs. They are those that its text tells of,
with the simulator in Azure's place: the kubeconfig's users carry the flags that point to it, and
what signs in without a kubeconfig is handed the same (`SIMULATED`).
"""

from __future__ import annotations

import contextlib
import inspect
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubeauth.testing import Simulator

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("library.md", "cookbook.md", "testing.md", "../README.md")
BLOCK = re.compile(
    r"(?:<!-- run: (?P<where>\w+) -->\n)?```python\n(?P<code>.*?)```\n"
    r"(?:\n```text\n(?P<output>.*?)```)?",
    re.DOTALL,
)
AUTHORITY = "authority_host=AUTHORITY, disable_instance_discovery=True"
SIMULATED = {
    "server_id=kubeauth.AKS_SERVER_ID,\n": f"server_id=kubeauth.AKS_SERVER_ID, {AUTHORITY},\n",
    "kubeauth.from_environ()": f"kubeauth.from_environ({AUTHORITY})",
    "kubeauth.from_environ,": f"lambda: kubeauth.from_environ({AUTHORITY}),",
}
# Two hours in three seconds, with tokens that live for two.
COMPRESSED = {"2 * 60 * 60": "3", "timeout_seconds=300": "timeout_seconds=1"}


@dataclass(frozen=True)
class Snippet:
    name: str
    where: str | None
    code: str
    output: str | None


def snippets() -> list[Snippet]:
    found = []
    for page in PAGES:
        text = (DOCS / page).read_text("utf-8")
        for block in BLOCK.finditer(text):
            headings = re.findall(r"^#+ (.*)", text[: block.start()], re.MULTILINE)
            name = f"{Path(page).name}: {headings[-1]}"
            found.append(Snippet(name, block["where"], block["code"], block["output"]))
    return found


SNIPPETS = snippets()


class Surroundings:
    """A home, a kubeconfig and variables; what a place adds is a method of its name."""

    def __init__(self, sim: Simulator, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sim, self.folder = sim, folder
        self.set = monkeypatch.setenv
        for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AAD_LOGIN_METHOD", "KUBECONFIG"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**sim.environ(), "HOME": str(folder)}.items():
            self.set(name, value)
        self.set("AZURE_TENANT_ID", sim.tenant.id)
        # This machine's owner names the authority, as a kubeconfig alone may not.
        self.set("AZURE_AUTHORITY_HOST", sim.authority)
        self.app = sim.tenant.add_application("docs")
        self._write_kubeconfig()

    def _write_kubeconfig(self) -> None:
        places = []
        for context in ("prod", "staging"):
            place = self.folder / f"{context}.yaml"
            flags = f"--authority-host={self.sim.authority}", "--disable-instance-discovery"
            lines = "".join(f"      - {flag}\n" for flag in flags)
            text = self.sim.kubeconfig("exec", context)
            place.write_text(text.replace("- get-token\n", f"- get-token\n{lines}"))
            places.append(str(place))
        self.set("KUBECONFIG", ":".join(places))

    def secret(self) -> None:
        self.set("AAD_LOGIN_METHOD", "spn")
        self.set("AZURE_CLIENT_ID", self.app.client_id)
        self.set("AZURE_CLIENT_SECRET", self.app.secret)

    def watch(self) -> None:
        self.secret()
        self.sim.token_lifetime = 2

    def pod(self) -> None:
        issuer = self.sim.add_issuer()
        subject = "system:serviceaccount:apps:operator"
        self.app.add_federated_credential(issuer=issuer.url, subject=subject)
        file = self.folder / "azure-identity-token"
        file.write_text(issuer.mint(subject=subject, audience="api://AzureADTokenExchange"))
        authority = self.folder / "ca.pem"
        authority.write_bytes(self.sim.cluster.ca_pem)
        self.set("AZURE_CLIENT_ID", self.app.client_id)
        self.set("AZURE_FEDERATED_TOKEN_FILE", str(file))
        self.set("CLUSTER_URL", self.sim.cluster.server)
        self.set("CLUSTER_CA_FILE", str(authority))

    def github(self) -> None:
        issuer = self.sim.add_issuer()
        subject = "repo:octo/app:ref:refs/heads/main"
        self.app.add_federated_credential(issuer=issuer.url, subject=subject)
        for name, value in issuer.github_actions(subject).items():
            self.set(name, value)
        self.set("AZURE_CLIENT_ID", self.app.client_id)

    def arc(self) -> None:
        self.secret()
        self.sim.cluster.require_pop = True
        self.set("ARC_CLUSTER_ID", self.sim.cluster.resource_id)

    def nobody(self) -> None:
        """A job in which no person is."""

    def simulator(self) -> None:
        """A test of the reader's own."""

    @contextlib.contextmanager
    def person(self):
        """Somebody who uses every code that is shown."""
        # Where there is no keyring, a warning would tell where the sign-in is kept.
        self.set("KUBEAUTH_CACHE_STORAGE", "file")
        user = self.sim.tenant.add_user(f"dana-{id(self)}@contoso.example")
        self.sim.device_code_interval = 1
        over = threading.Event()

        def act():
            while not over.wait(0.05):
                for flow in self.sim.pending_device_codes():
                    self.sim.approve(flow.user_code, user)

        thread = threading.Thread(target=act)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def surroundings(sim, tmp_path, monkeypatch):
    return Surroundings(sim, tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def without_a_default_client():
    yield
    import kubernetes.client
    import kubernetes_asyncio.client

    kubernetes.client.Configuration.set_default(None)
    kubernetes.client.ApiClient.set_default(None)
    kubernetes_asyncio.client.Configuration.set_default(None)


def test_every_program_is_found_and_says_where_it_runs():
    assert len(SNIPPETS) >= 15
    count = sum((DOCS / page).read_text("utf-8").count("```python") for page in PAGES)
    assert len(SNIPPETS) == count
    assert [snippet.name for snippet in SNIPPETS if snippet.where is None] == []


# Sessions that the programs leave to the end of the process.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda snippet: snippet.name)
def test_a_program_does_what_its_text_says(snippet, surroundings, sim, tmp_path, capsys):
    code = snippet.code
    for text, simulated in {
        **SIMULATED,
        **(COMPRESSED if snippet.where == "watch" else {}),
    }.items():
        code = code.replace(text, simulated)
    begun = time.time()
    with getattr(surroundings, snippet.where)() or contextlib.nullcontext():
        names = {"AUTHORITY": sim.authority, "__name__": "__main__"}
        exec(compile(code, snippet.name, "exec"), names)
        known = {"kubeauth_simulator": sim, "tmp_path": tmp_path}
        for name, function in names.items():
            if name.startswith("test_"):
                function(**{p: known[p] for p in inspect.signature(function).parameters})
    said = capsys.readouterr()
    assert said.err == ""
    if snippet.output is not None:
        assert said.out == snippet.output
    if snippet.where == "person":
        assert "type this code" in said.out
    if snippet.where == "watch":
        assert "ADDED web" in said.out and time.time() - begun > 2
        assert sim.requests.count(service="entra", path="/token") >= 3
