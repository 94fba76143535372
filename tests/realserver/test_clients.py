"""Other people's programs at a real API server: what each does with the plugin.

KUBEAUTH_CLIENTS_PAGE names a page whose table is written anew from what was seen; a client that was
not run keeps its row. KUBEAUTH_CLIENTS_ALL adds those whose builds take many minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from desk import kubectls
from harness import Ran
from realserver.client import Client, Missing
from realserver.clients import clients
from realserver.large_clients import large_clients

pytestmark = pytest.mark.process

# Ours, as the client shows them: the first line says what went wrong, the second what to do.
REFUSED = "AADSTS7000215"
# They do not notice a plugin that failed; they go on without a token.
ANONYMOUS = ("Python kubernetes", "fabric8", "client-java")
# What the plugin of Argo Rollouts lists.
ROLLOUTS = {
    "metadata": {"name": "rollouts.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"plural": "rollouts", "kind": "Rollout"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
HEADS = ("client", "version", "first call", "second call", "wrong secret", "rejected token")


def _everyone() -> list[Client]:
    """Return the oldest, a middle and the newest kubectl, and the other clients."""
    found = kubectls()
    chosen = {k.path: k for k in (found[:1] + found[len(found) // 2 :][:1] + found[-1:])}
    ours = [
        Client(
            f"kubectl 1.{k.minor}", k.name, lambda path=k.path: [path, "get", "nodes", "-o", "name"]
        )
        for k in chosen.values()
    ]
    large = large_clients() if os.environ.get("KUBEAUTH_CLIENTS_ALL") else []
    return ours + clients() + large


EVERYONE = _everyone()
CASES = [
    pytest.param(client, kind, id=f"{client.name}-{kind}".replace(" ", "-"))
    for client in EVERYONE
    for kind in client.kinds
]


@pytest.fixture(scope="module")
def seen():
    """What each client did, by name; written into the page at the end."""
    rows: dict[str, dict[str, str]] = {}
    yield rows
    page = os.environ.get("KUBEAUTH_CLIENTS_PAGE")
    if page:
        _write_table(Path(page), rows)


@pytest.fixture(scope="module")
def served(real):
    """The cluster, with the kinds of objects that the clients ask for."""
    if os.environ.get("KUBEAUTH_CLIENTS_ALL"):
        real.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", **ROLLOUTS)
        path = "/apis/argoproj.io/v1alpha1/rollouts"
        real.wait_for(lambda: real.ask("GET", path).status_code == 200, 60)
        real.create(
            "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts",
            apiVersion="argoproj.io/v1alpha1",
            kind="Rollout",
            metadata={"name": "node-0"},
        )
    return real


@pytest.fixture
def run(desk, served):
    """Run a client with the desk's kubeconfig, or with another home and its kubeconfig."""

    def run(client: Client, home: Path | None = None) -> Ran:
        try:
            command = client.prepare()
        except Missing as missing:
            pytest.skip(f"{client.name}: {missing}")
        variables = desk.variables()
        if home is not None:
            variables |= {"HOME": str(home), "KUBECONFIG": str(home / "config.yaml")}
        done = subprocess.run(
            command,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def _wait_until_admitted(real, desk, app):
    """Wait until the role has reached the server's authorizer."""
    token = desk.sim.mint_token(app)
    path = "/api/v1/nodes"
    real.wait_for(lambda: real.ask("GET", path, token=token).status_code == 200, 30)


@pytest.mark.parametrize(("client", "kind"), CASES)
def test_signs_in_once(real, desk, prepare, app, run, seen, client, kind):
    real.bind("cluster-admin", "User", app.object_id)
    desk.convert("exec", *prepare("spn"), "--exec-api-version", kind)
    assert f"client.authentication.k8s.io/{kind}" in desk.config.read_text()
    _wait_until_admitted(real, desk, app)
    first = run(client)
    assert first.code == 0, first.stderr
    assert client.shows in first.stdout
    asked = desk.sim.requests.count(service="entra", method="POST")
    assert asked == 1
    again = run(client)
    assert again.code == 0 and client.shows in again.stdout
    assert desk.sim.requests.count(service="entra", method="POST") == asked
    row = seen.setdefault(client.name, {"version": client.version})
    row |= {"first call": f"{asked} sign-in", "second call": "0 sign-ins"}


@pytest.mark.parametrize("client", [pytest.param(c, id=c.name) for c in EVERYONE])
def test_a_wrong_secret(real, desk, prepare, run, seen, client):
    desk.convert("exec", *prepare("spn"), "--exec-api-version", "v1beta1")
    desk.environ["AZURE_CLIENT_SECRET"] = "wrong"
    ran = run(client)
    shown = ran.stdout + ran.stderr
    assert client.shows not in ran.stdout
    assert (ran.code == 0) == client.hides_failures
    # Ansible hides it or not, as its own cache of the server's resources is there or not.
    assert REFUSED in shown or client.hides_errors, shown
    said = "our error, but exit code 0" if client.hides_failures else "our error"
    if client.name in ANONYMOUS or client.hides_errors:
        assert re.search("401|Unauthorized|Forbidden|403", shown), shown
        said = "403 only" if client.hides_errors else "401; our error is in the log"
    seen.setdefault(client.name, {})["wrong secret"] = said


def test_rejected_tokens(real, desk, prepare, app, run, seen, tmp_path):
    """One revocation for all, since the server takes half a minute to hear of it."""
    real.bind("cluster-admin", "User", app.object_id)
    desk.convert("exec", *prepare("spn"), "--exec-api-version", "v1beta1")
    _wait_until_admitted(real, desk, app)
    homes = {}
    for client in EVERYONE:
        home = tmp_path / re.sub(r"\W", "-", client.name)
        home.mkdir(0o700)
        shutil.copy(desk.config, home / "config.yaml")
        try:
            client.prepare()
        except Missing:
            continue
        assert run(client, home).code == 0, client.name
        homes[client] = home
    old = desk.program(
        "get-token",
        *prepare("spn"),
        "--server-id",
        desk.sim.cluster.server_id,
        "--tenant-id",
        desk.sim.tenant.id,
        AZURE_CLIENT_SECRET=app.secret,
    ).status["token"]
    time.sleep(1.1)  # tokens have whole seconds
    real.revoke_tokens()
    try:
        real.wait_for(lambda: real.ask("GET", "/api", token=old).status_code == 401, 90)
        time.sleep(1.1)
        for client, home in homes.items():
            ended = [client.shows in run(client, home).stdout for _ in range(3)]
            words = ", ".join("works" if one else "fails" for one in ended)
            seen.setdefault(client.name, {})["rejected token"] = words
            assert ended[0] == client.asks_again, "the first command meets the rejection"
            if not ended[-1]:
                config = str(home / "config.yaml")
                left = desk.program("logout", "--kubeconfig", config, HOME=str(home))
                assert left.code == 0, left.stderr
                assert run(client, home).code == 0, f"{client.name} after a logout"
    finally:
        real.revoke_none()


def _write_table(page: Path, rows: dict[str, dict[str, str]]) -> None:
    lines = ["| " + " | ".join(HEADS) + " |", "|" + " --- |" * len(HEADS)]
    for name, row in rows.items():
        cells = [name, *(row.get(head, "not run") for head in HEADS[1:])]
        lines.append("| " + " | ".join(cells) + " |")
    text = page.read_text()
    begin, end = "<!-- table: python3 dev.py clients -->\n", "<!-- end of table -->"
    before, _, rest = text.partition(begin)
    old, _, after = rest.partition(end)
    lines += [row for row in old.splitlines()[2:] if row.split("|")[1].strip() not in rows]
    page.write_text(before + begin + "\n".join(lines) + "\n" + end + after)
