"""Renewal in the background: no call but the first waits for the network."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ageing import children, grow_older, wait_for_child
from harness import KUBEAUTH, Program, approving

from kubeauth.testing import AKS_CLIENT_ID, Fault, Simulator
from kubeauth_plugin import _ahead

TOKEN = "/oauth2/v2.0/token"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither flock nor /proc")


def asked(sim: Simulator) -> int:
    return sim.requests.count(service="entra", path=TOKEN)


@pytest.fixture
def due(program: Program, spn: tuple[str, ...]) -> str:
    """The token in the cache, three quarters of whose life are over."""
    token: str = program.get_token(*spn).status["token"]
    grow_older(program, 2700)
    return token


@pytest.fixture
def hanging(sim: Simulator, due: str) -> Iterator[None]:
    """Entra ID takes requests for tokens and does not answer."""
    sim.faults.add(Fault(service="entra", path=TOKEN, hang=20, times=None))
    yield
    sim.faults.clear()


@pytest.mark.parametrize(
    ("calls", "limit"), [(60, 120), pytest.param(1000, 600, marks=pytest.mark.slow)]
)
def test_in_two_hours_only_the_first_call_waits(
    program: Program, sim: Simulator, spn: tuple[str, ...], calls: int, limit: float
) -> None:
    assert program.get_token(*spn).status["token"]
    for _ in range(calls - 1):
        grow_older(program, 7200 / calls)
        (record,) = program.cache.glob("*.hot")
        ready = record.read_bytes().partition(b"\n\n")[2].decode()
        assert program.get_token(*spn).stdout == ready
        wait_for_child(program)
    assert 3 <= asked(sim) <= 5
    assert not [file for file in program.cache.iterdir() if file.name.startswith(".kubeauth-")]


def test_many_calls_at_once_start_one_renewal(
    program: Program, sim: Simulator, spn: tuple[str, ...], due: str
) -> None:
    words = [str(KUBEAUTH), "get-token", *program.always, *spn]
    running = [
        subprocess.Popen(words, env=program.environ, stdout=subprocess.PIPE) for _ in range(12)
    ]
    tokens = {json.loads(process.communicate()[0])["status"]["token"] for process in running}
    wait_for_child(program)
    assert due in tokens and len(tokens) <= 2
    assert asked(sim) == 2
    assert program.get_token(*spn).status["token"] != due


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.usefixtures("hanging")
def test_the_child_has_nothing_of_the_call(
    program: Program, sim: Simulator, spn: tuple[str, ...], due: str, tmp_path: Path
) -> None:
    """A reader of the call's streams, or of another pipe it got, does not wait for the renewal."""
    words = " ".join(f"'{word}'" for word in ("get-token", *program.always, *spn))
    command = f"exec 7>'{tmp_path / 'other'}'; {KUBEAUTH} {words} 7>&7"
    begun = time.monotonic()
    ran = subprocess.run(
        ["sh", "-c", command], env=program.environ, capture_output=True, timeout=15, check=True
    )
    assert json.loads(ran.stdout)["status"]["token"] == due
    assert ran.stderr == b""
    assert time.monotonic() - begun < 15, "the pipes were closed while the child was at work"
    (child,) = children(program)
    assert os.getsid(child) == child
    deadline = time.monotonic() + 10
    while asked(sim) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    opened = {int(link.name): os.readlink(link) for link in Path(f"/proc/{child}/fd").iterdir()}
    assert {opened[number] for number in range(3)} == {os.devnull}
    more = {path for number, path in opened.items() if number > 2}
    files = {path for path in more if not path.startswith("socket:")} - {os.devnull}
    assert all(path.endswith((".leader", ".lock")) for path in files), files
    os.killpg(child, 9)


@pytest.mark.usefixtures("hanging")
def test_a_child_at_work_is_enough(program: Program, spn: tuple[str, ...], due: str) -> None:
    for _ in range(3):
        assert program.get_token(*spn).status["token"] == due
    (child,) = children(program)
    os.killpg(child, 9)
    assert program.get_token(*spn).status["token"] == due
    assert children(program) == [], "and the next does not come at once"


def test_what_fails_is_silent_and_tried_again_later(
    program: Program, sim: Simulator, spn: tuple[str, ...], due: str
) -> None:
    sim.fail_next(7000215, times=1)
    for seconds in (0, 1, 10):
        grow_older(program, seconds)
        ran = program.get_token(*spn)
        assert (ran.status["token"], ran.stderr) == (due, "")
        wait_for_child(program)
    assert asked(sim) == 2
    grow_older(program, 400)
    assert program.get_token(*spn).status["token"] == due
    wait_for_child(program)
    assert program.get_token(*spn).status["token"] != due


@pytest.mark.parametrize(
    ("policy", "renewals"), [("", 1), ("credentialPluginPolicy: Allowlist", 0)]
)
def test_a_policy_that_came_since_counts(
    program: Program, sim: Simulator, spn: tuple[str, ...], policy: str, renewals: int
) -> None:
    """The credential in the cache is still good, but nothing new goes to the authority."""
    info = {"apiVersion": "client.authentication.k8s.io/v1", "spec": {"interactive": False}}
    program.environ["KUBERNETES_EXEC_INFO"] = json.dumps({"kind": "ExecCredential", **info})
    *words, _, secret = spn
    program.environ["AZURE_CLIENT_SECRET"] = secret  # the person's, and not the kubeconfig's
    token = program.get_token(*words).status["token"]
    grow_older(program, 2700)
    preferences = program.home / ".kube" / "kuberc"
    preferences.write_text(
        f"apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n{policy}\n"
    )
    assert program.get_token(*words).status["token"] == token
    wait_for_child(program)
    assert asked(sim) == 1 + renewals


OFF = [
    (("--no-background-refresh",), {}),
    ((), {"KUBEAUTH_BACKGROUND_REFRESH": "0"}),
    *(((), {name: "true"}) for name in ("CI", "GITHUB_ACTIONS", "TF_BUILD", "GITLAB_CI")),
    ((), {"JENKINS_URL": "https://ci.example/"}),
]


@pytest.mark.parametrize(("flags", "environ"), OFF)
def test_can_be_switched_off_and_is_off_in_ci(
    program: Program,
    sim: Simulator,
    spn: tuple[str, ...],
    flags: tuple[str, ...],
    environ: dict[str, str],
) -> None:
    program.environ.update(environ)
    first = program.get_token(*spn, *flags).status["token"]
    grow_older(program, 2550)
    assert program.get_token(*spn, *flags).status["token"] == first
    assert children(program) == []
    wait_for_child(program)
    assert asked(sim) == 1
    grow_older(program, 700)
    assert program.get_token(*spn, *flags).status["token"] != first


def test_a_variable_that_says_no_is_no_ci(program: Program, spn: tuple[str, ...]) -> None:
    assert not _ahead.in_ci({"CI": "false", "TF_BUILD": ""})


class TestPerson:
    @pytest.fixture
    def flags(self, sim: Simulator, program: Program) -> tuple[str, ...]:
        program.environ["KUBEAUTH_CACHE_STORAGE"] = "file"
        program.environ["KUBERNETES_EXEC_INFO"] = json.dumps(
            {
                "kind": "ExecCredential",
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "spec": {"interactive": True},
            }
        )
        return ("-l", "devicecode", "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)

    def test_is_not_asked_while_the_session_lasts(
        self, program: Program, sim: Simulator, flags: tuple[str, ...]
    ) -> None:
        with approving(sim, sim.tenant.add_user("dana")):
            first = program.get_token(*flags).status["token"]
        grow_older(program, 2700)
        assert program.get_token(*flags).status["token"] == first
        wait_for_child(program)
        assert program.get_token(*flags).status["token"] != first
        assert sim.requests.count(path="/devicecode") == 1

    def test_is_not_asked_when_it_is_over(
        self, program: Program, sim: Simulator, flags: tuple[str, ...]
    ) -> None:
        with approving(sim, sim.tenant.add_user("emil")):
            first = program.get_token(*flags).status["token"]
        grow_older(program, 2700)
        sim.fail_next(50173, times=None)
        for _ in range(3):
            ran = program.get_token(*flags)
            assert (ran.status["token"], ran.stderr) == (first, "")
            wait_for_child(program)
            grow_older(program, 31)
        assert sim.requests.count(path="/devicecode") == 1
        assert children(program) == []


def test_windows_gets_no_console_and_none_of_our_handles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: dict[str, object] = {}
    monkeypatch.setattr(subprocess, "Popen", lambda command, **how: seen.update(how, args=command))
    _ahead._start_detached(["kubeauth", _ahead.RENEWAL], -1)
    null = subprocess.DEVNULL
    assert (seen["stdin"], seen["stdout"], seen["stderr"]) == (null, null, null)
    assert (seen["creationflags"], seen["close_fds"]) == (0x208, True)
