"""``kubeauth token-file``, the installed program: the file, its signals and its program."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest
from harness import not_on_windows, until

from kubeauth.testing import AKS_CLIENT_ID, Application, Fault, Simulator

if TYPE_CHECKING:
    from harness import Program

pytestmark = [pytest.mark.process, not_on_windows("signals and permissions are those of POSIX")]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """A simulator of its own: tests change its clock and its tokens' life."""
    with Simulator() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "token"


@pytest.fixture
def words(program: Program, spn: tuple[str, ...], file: Path) -> tuple[str, ...]:
    return ("token-file", "--output", str(file), *program.always, *spn)


@contextmanager
def running(program: Program, *words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*program.command, *words],
        env=program.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def is_whole(token: str) -> bool:
    return bool(jwt.decode(token, options={"verify_signature": False})["exp"])


class TestOnce:
    def test_a_private_file_with_a_token_and_nothing_else(
        self, program: Program, words, file: Path
    ) -> None:
        ran = program(*words, "--once")
        assert ran.code == 0 and ran.stdout == "", ran.stderr
        assert is_whole(file.read_text()) and not file.read_text().endswith("\n")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "good until" in ran.stderr and file.read_text() not in ran.stderr
        assert set(os.listdir(file.parent)) == {"home", "token"}

    def test_mode_owner_and_group(self, program: Program, words, file: Path) -> None:
        mine = ("--owner", str(os.getuid()), "--group", str(os.getgid()))
        assert program(*words, "--once", "--mode", "0640", *mine).code == 0
        found = file.stat()
        assert stat.S_IMODE(found.st_mode) == 0o640
        assert (found.st_uid, found.st_gid) == (os.getuid(), os.getgid())

    def test_as_the_user_of_a_context(
        self, program: Program, sim: Simulator, app: Application, file: Path, tmp_path: Path
    ) -> None:
        config = tmp_path / "config"
        config.write_text(sim.kubeconfig())
        identity = ("--client-id", app.client_id, "--client-secret", app.secret)
        flags = (*identity, "--authority-host", sim.authority, "--disable-instance-discovery")
        ran = program(
            *("token-file", "--output", str(file), "--kubeconfig", str(config), "--once"),
            *("-l", "spn", *flags, "--tenant-id", sim.tenant.id),
        )
        assert ran.code == 0 and is_whole(file.read_text()), ran.stderr

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (("--mode", "0644"), "--mode"),
            (("--mode", "0200"), "--mode"),
            (("--mode", "rw"), "--mode"),
            (("--owner", "nobody-of-this-name"), "--owner"),
            (("--group", "nobody-of-this-name"), "--group"),
            (("true",), "--exec"),
            (("--exec",), "--exec"),
            (("--exec", "true"), "--once"),
        ],
    )
    def test_flags_that_make_no_sense(
        self, program: Program, words, sim: Simulator, more: tuple[str, ...], said: str
    ) -> None:
        ran = program(*words, "--once", *more)
        assert said in ran.error and ran.code == 2 and len(sim.requests) == 0

    def test_a_folder_that_is_not_there(self, program: Program, words, file: Path) -> None:
        ran = program(*words, "--once", "--output", str(file.parent / "no" / "token"))
        assert ran.code == 10 and "mkdir -m 700" in ran.stderr and "cannot write" in ran.error

    def test_a_folder_in_its_place(self, program: Program, words, file: Path) -> None:
        file.mkdir()
        ran = program(*words, "--once")
        assert ran.code == 10 and "path of a file" in ran.stderr
        assert os.listdir(file) == [] and set(os.listdir(file.parent)) == {"home", "token"}

    def test_a_refusal_leaves_the_old_file(
        self, program: Program, words, sim: Simulator, file: Path
    ) -> None:
        file.write_text("old")
        sim.fail_next(7000215)
        ran = program(*words, "--once")
        assert ran.code == 4 and "AADSTS7000215" in ran.error and file.read_text() == "old"

    def test_a_link_is_replaced_and_not_followed(
        self, program: Program, words, file: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "other"
        other.write_text("precious")
        file.symlink_to(other)
        (file.parent / ".token.new").symlink_to(other)
        assert program(*words, "--once").code == 0
        assert other.read_text() == "precious" and not file.is_symlink()

    def test_proof_of_possession_is_refused(self, program: Program, words, file: Path) -> None:
        variables = {"KUBECONFIG": str(file.parent / "config")}
        Path(variables["KUBECONFIG"]).write_text(
            "users: [{name: u, user: {exec: {command: kubeauth, apiVersion: "
            "client.authentication.k8s.io/v1beta1, args: [get-token, --server-id, s, --login, spn, "
            "--client-id, c, --tenant-id, t, --client-secret, x, --pop-enabled, --pop-claims, u=h]"
            "}}}]\ncontexts: [{name: c, context: {user: u, cluster: k}}]\ncurrent-context: c\n"
        )
        ran = program("token-file", "--output", str(file), "--once", **variables)
        assert ran.code == 2 and "proof of possession" in ran.error


class TestCheck:
    def check(self, program: Program, file: Path, seconds: str):
        return program("token-file", "--output", str(file), "--check", seconds)

    def test_is_good(self, program: Program, words, sim: Simulator, file: Path) -> None:
        program(*words, "--once")
        sim.requests.clear()
        assert self.check(program, file, "3000").code == 0
        assert len(sim.requests) == 0

    def test_is_not_good_for_so_long(self, program: Program, words, file: Path) -> None:
        program(*words, "--once")
        ran = self.check(program, file, "7200")
        assert ran.code == 10 and "is good for" in ran.error

    def test_has_expired(self, program: Program, sim: Simulator, app, file: Path) -> None:
        file.write_text(sim.mint_token(app, expires_in=-60))
        ran = self.check(program, file, "0")
        assert ran.code == 10 and "expired 6" in ran.error

    @pytest.mark.parametrize("text", [None, "", "x.y.z", "no token", "\0" * 9, "t" * (1 << 20)])
    def test_no_token(self, program: Program, file: Path, text: str | None) -> None:
        if text is not None:
            file.write_text(text)
        ran = self.check(program, file, "0")
        assert ran.code == 10 and "no token in" in ran.error


class TestKept:
    def test_renews_and_never_shows_half_a_token(
        self, program: Program, words, sim: Simulator, file: Path
    ) -> None:
        sim.token_lifetime = 362  # due two seconds after it was issued
        seen: set[str] = set()
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                seen.add(file.read_text() if file.exists() else "")

        with running(program, *words) as process:
            until(file.exists)
            reader = threading.Thread(target=read)
            reader.start()
            until(lambda: len(seen) >= 3)
            done.set()
            reader.join()
            process.terminate()
            assert process.wait(10) == 0
        assert all(map(is_whole, seen - {""}))

    @pytest.mark.parametrize("event", ["deleted", "replaced"])
    def test_a_file_that_somebody_touched_is_written_again(
        self, program: Program, words, sim: Simulator, file: Path, event: str
    ) -> None:
        with running(program, *words):
            until(file.exists)
            token = file.read_text()
            if event == "deleted":
                file.unlink()
            else:
                file.write_text("something else")
            until(lambda: file.exists() and file.read_text() == token)
            assert sim.requests.count(path="/token") == 1

    def test_kill_9_at_any_moment(self, program: Program, words, sim, file: Path) -> None:
        sim.token_lifetime = 361
        for pause in (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0, 1.5):
            with running(program, *words) as process:
                time.sleep(pause)
                process.kill()
            assert not file.exists() or is_whole(file.read_text())
        assert program(*words, "--once").code == 0
        assert is_whole(file.read_text()) and not (file.parent / ".token.new").exists()

    def test_survives_failures_while_the_old_token_lives(
        self, program: Program, words, sim: Simulator, file: Path
    ) -> None:
        sim.token_lifetime = 362
        with running(program, *words) as process:
            until(file.exists)
            old = file.read_text()
            sim.faults.add(Fault(service="entra", status=400, body=b"{}", times=None))
            assert process.stderr is not None
            assert "good until" in process.stderr.readline()
            line = process.stderr.readline()
            assert line.startswith("token-file: ") and "the last token is good for" in line
            assert file.read_text() == old and process.poll() is None

    def test_a_dead_token_leaves_the_file_and_a_new_one_follows_the_outage(
        self, program: Program, words, sim: Simulator, file: Path
    ) -> None:
        sim.token_lifetime = 5
        with running(program, *words) as process:
            until(file.exists)
            sim.faults.add(Fault(service="entra", status=400, body=b"{}", times=None))
            until(lambda: not file.exists(), limit=90)
            check = program("token-file", "--output", str(file), "--check", "0")
            assert check.code == 10 and "no token in" in check.error
            sim.token_lifetime = 3600
            sim.faults.clear()
            until(file.exists, limit=90)
            assert process.poll() is None
        assert program("token-file", "--output", str(file), "--check", "3000").code == 0

    def test_waits_at_its_start_for_a_network(
        self, program: Program, words, sim: Simulator, file: Path
    ) -> None:
        """What an earlier run has left goes, too."""
        file.write_text(sim.mint_token(sim.tenant.add_application("x"), expires_in=-60))
        sim.faults.add(Fault(service="entra", status=503, times=None))
        quick = ("--timeout", "2s")
        with running(program, *words, *quick) as process:
            assert process.stderr is not None
            line = process.stderr.readline()
            assert line.startswith("token-file: ") and "there is no token, next try in" in line
            until(lambda: not file.exists())
            sim.faults.clear()
            until(file.exists, limit=90)
            assert is_whole(file.read_text())

    def test_once_does_not_wait_for_a_network(self, program: Program, words, sim) -> None:
        sim.faults.add(Fault(service="entra", status=503, times=None))
        ran = program(*words, "--once", "--timeout", "2s")
        assert ran.code == 7, ran

    def test_a_first_refusal_ends_it(self, program: Program, words, sim: Simulator) -> None:
        sim.fail_next(7000215)
        with running(program, *words) as process:
            assert process.wait(30) == 4

    def test_ctrl_c(self, program: Program, words, file: Path) -> None:
        with running(program, *words) as process:
            until(file.exists)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130

    def test_a_rotated_projected_token(
        self, program: Program, sim: Simulator, app: Application, file: Path, tmp_path: Path
    ) -> None:
        issuer = sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject="pod")
        projected = tmp_path / "projected"
        projected.write_text(issuer.mint(subject="pod", expires_in=600, serial=1))
        sim.token_lifetime = 362
        ids = ("--tenant-id", sim.tenant.id, "--client-id", app.client_id)
        source = ("-l", "workloadidentity", *ids, "--federated-token-file", str(projected))
        with running(program, "token-file", "--output", str(file), *program.always, *source):
            until(file.exists)
            first = file.read_text()
            projected.write_text(issuer.mint(subject="pod", expires_in=600, serial=2))
            until(lambda: file.read_text() != first)

    def test_a_person_signs_in_once(self, program: Program, sim: Simulator, file: Path) -> None:
        person = sim.tenant.add_user("dana@contoso.example", "her-password")
        sim.token_lifetime = 362
        who = ("-l", "interactive", "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
        words = (*program.always, *who, "--cache-storage", "file")
        info = {"apiVersion": "client.authentication.k8s.io/v1", "spec": {"interactive": True}}
        ran = program(
            "get-token",
            *words,
            BROWSER=sim.browser_command(person),
            KUBERNETES_EXEC_INFO=json.dumps({"kind": "ExecCredential", **info}),
        )
        assert ran.status["token"]
        tokens = set[str]()
        with running(program, "token-file", "--output", str(file), *words):
            until(file.exists)
            until(lambda: tokens.add(file.read_text()) or len(tokens) >= 3)
        assert all(map(is_whole, tokens))


class TestExec:
    def test_starts_when_the_token_is_there_and_ends_with_its_code(
        self, program: Program, words, file: Path
    ) -> None:
        script = f"import sys; print(open({str(file)!r}).read()); sys.exit(7)"
        ran = program(*words, "--exec", sys.executable, "-c", script)
        assert ran.code == 7 and is_whole(ran.stdout.strip())

    def test_a_flag_of_the_program_is_its_own(self, program: Program, words) -> None:
        ran = program(*words, "--exec", "echo", "--once", "--mode")
        assert ran.code == 0 and ran.stdout == "--once --mode\n"

    @pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT"])
    def test_hands_signals_on(self, program: Program, words, name: str) -> None:
        script = (
            "import signal, sys, time\n"
            f"signal.signal(signal.{name}, lambda *_: sys.exit(9))\n"
            "print('ready', flush=True)\ntime.sleep(60)\n"
        )
        with running(program, *words, "--exec", sys.executable, "-c", script) as process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            process.send_signal(getattr(signal, name))
            assert process.wait(20) == 9

    def test_a_program_that_a_signal_ended(self, program: Program, words) -> None:
        script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        assert program(*words, "--exec", sys.executable, "-c", script).code == 137

    def test_a_program_that_is_not_there(self, program: Program, words) -> None:
        ran = program(*words, "--exec", "/nonexistent/program")
        assert ran.code == 2 and "cannot start /nonexistent/program" in ran.stderr

    def test_no_program_without_a_token(
        self, program: Program, words, sim: Simulator, tmp_path: Path
    ) -> None:
        sim.fail_next(7000215)
        ran = program(*words, "--exec", "touch", str(tmp_path / "mark"))
        assert ran.code == 4 and not (tmp_path / "mark").exists()
