"""``--login auto``, ``devicecode`` and ``ropc``: people without a browser of their own here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from typing import Any

import jwt
import pytest
from harness import KUBEAUTH, Program, approving, as_command, not_on_windows

from kubeauth.testing import AKS_CLIENT_ID, Fault, Simulator, User

pytestmark = pytest.mark.process

TOKEN = "/oauth2/v2.0/token"
INFO = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1"}
SOMEBODY_THERE = json.dumps({**INFO, "spec": {"interactive": True}})


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def anna(sim: Simulator) -> User:
    return sim.tenant.add_user("anna@contoso.example", "her-password")


@pytest.fixture
def identity(sim: Simulator) -> tuple[str, ...]:
    sim.device_code_interval = 1
    return ("--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)


@pytest.fixture
def program(program: Program) -> Program:
    program.environ["KUBERNETES_EXEC_INFO"] = SOMEBODY_THERE
    return program


ALWAYS_A_BROWSER = not_on_windows("Windows can always open a page")


class Waiting:
    """The program while a person has its code."""

    def __init__(self, program: Program, sim: Simulator, *args: str) -> None:
        self.sim = sim
        self.process = subprocess.Popen(
            [str(KUBEAUTH), "get-token", *program.always, *args],
            env=program.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def code(self) -> str:
        for _ in range(400):
            if pending := self.sim.pending_device_codes():
                return str(pending[0].user_code)
            time.sleep(0.05)
        raise AssertionError(self.process.poll())

    def end(self) -> tuple[int, str, str]:
        stdout, stderr = self.process.communicate(timeout=30)
        return self.process.returncode, stdout, stderr


def at_terminal(
    program: Program, sim: Simulator, person: User, *args: str, until: bytes = b" left"
) -> tuple[str, str]:
    """Run get-token with stderr on a terminal; let the person sign in when it shows ``until``.

    Return what the terminal shows, and stdout.
    """
    pty = pytest.importorskip("pty")
    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(KUBEAUTH), "get-token", *program.always, *args],
        env=program.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = b""
    while until not in shown:
        shown += os.read(mine, 4096)
    (pending,) = sim.pending_device_codes()
    sim.approve(pending.user_code, person)
    stdout, _ = process.communicate(timeout=30)
    os.set_blocking(mine, False)
    try:
        while more := os.read(mine, 4096):
            shown += more
    except OSError:  # nothing is left
        pass
    os.close(mine)
    assert process.returncode == 0, shown
    return shown.decode(), stdout


class TestWhatThePersonSees:
    def test_a_terminal_shows_the_time_left_and_who_signed_in(
        self, program: Program, sim: Simulator, anna: User, identity: tuple[str, ...]
    ) -> None:
        sim.device_code_interval = 2
        shown, stdout = at_terminal(program, sim, anna, "-l", "devicecode", *identity)
        assert re.search(r"\rwaiting for the code to be used, 14:5\d left", shown), shown
        assert shown.splitlines()[-1].endswith(f"signed in as {anna.upn}")
        assert "signed in" not in stdout and "left" not in stdout

    def test_a_terminal_tells_that_another_call_is_waited_for(
        self, program: Program, sim: Simulator, anna: User, identity: tuple[str, ...]
    ) -> None:
        flags = ("-l", "devicecode", *identity)
        first = Waiting(program, sim, *flags)
        assert first.code
        shown, stdout = at_terminal(program, sim, anna, *flags, until=b"waiting for it")
        text = "another kubeauth is signing in with 'devicecode'; waiting for it"
        assert f"\r{text}\r{' ' * len(text)}\r" in shown
        code, token, _ = first.end()
        assert code == 0 and token == stdout

    @pytest.mark.parametrize("login", ["devicecode", pytest.param("auto", marks=ALWAYS_A_BROWSER)])
    def test_without_a_terminal_there_is_the_code_only(
        self, program: Program, sim: Simulator, anna: User, identity: tuple[str, ...], login: str
    ) -> None:
        waiting = Waiting(program, sim, "-l", login, *identity)
        sim.approve(waiting.code, anna)
        code, _, stderr = waiting.end()
        lines = [line for line in stderr.splitlines() if not line.startswith("warning: ")]
        assert code == 0 and len(lines) == 4
        assert " left" not in stderr and "signed in" not in stderr and "\r" not in stderr

    def test_the_prompt_names_cluster_person_and_tenant(
        self, program: Program, sim: Simulator, anna: User, identity: tuple[str, ...]
    ) -> None:
        spec = {"interactive": True, "cluster": {"server": "https://shop.example:6443"}}
        program.environ["KUBERNETES_EXEC_INFO"] = json.dumps({**INFO, "spec": spec})
        flags = ("-l", "devicecode", *identity, "--login-hint", anna.upn)
        waiting = Waiting(program, sim, *flags)
        sim.approve(waiting.code, anna)
        first = waiting.end()[2].splitlines()[0]
        assert f"to the cluster https://shop.example:6443 as {anna.upn}" in first
        assert f"in tenant {sim.tenant.id}" in first

    @pytest.mark.parametrize(
        ("server_id", "name"),
        [
            ("6dae42f8-4368-4678-94ff-3960e28e3630", "Azure Kubernetes Service"),
            ("6256C85F-0aad-4d50-b960-e6e9b21efe35", "Azure Arc"),
            ("own-api", "the server own-api"),
        ],
    )
    def test_an_error_names_them_too(
        self, program: Program, identity: tuple[str, ...], server_id: str, name: str
    ) -> None:
        program.environ["KUBERNETES_EXEC_INFO"] = json.dumps({**INFO, "spec": {}})
        ran = program("get-token", "-l", "devicecode", *identity, "--server-id", server_id)
        assert ran.code == 5 and f"must sign in to {name} in tenant {identity[1]}" in ran.error

    def test_a_refusal_calls_nobody_by_the_applications_id(
        self, program: Program, sim: Simulator, identity: tuple[str, ...]
    ) -> None:
        waiting = Waiting(program, sim, "-l", "devicecode", *identity)
        sim.decline(waiting.code)
        code, _, stderr = waiting.end()
        assert code == 6 and f"sign-in of a person in tenant {identity[1]}" in stderr
        assert AKS_CLIENT_ID not in stderr


class TestAuto:
    def test_takes_the_browser_where_there_is_one(
        self, program: Program, sim: Simulator, anna: User, identity: tuple[str, ...]
    ) -> None:
        ran = program.get_token("-l", "auto", *identity, BROWSER=sim.browser_command(anna))
        assert claims(ran.status["token"])["upn"] == anna.upn
        assert sim.requests.count(service="entra", path="/oauth2/v2.0/devicecode") == 0

    @pytest.mark.parametrize("more", [pytest.param((), marks=ALWAYS_A_BROWSER), ("--no-browser",)])
    def test_takes_a_code_elsewhere(
        self,
        program: Program,
        sim: Simulator,
        anna: User,
        identity: tuple[str, ...],
        more: tuple[str, ...],
    ) -> None:
        waiting = Waiting(program, sim, "-l", "auto", *identity, *more)
        sim.approve(waiting.code, anna)
        code, stdout, stderr = waiting.end()
        assert code == 0, stderr
        assert claims(json.loads(stdout)["status"]["token"])["upn"] == anna.upn


class TestDeviceCode:
    def test_page_and_code_stand_on_lines_of_their_own(
        self, program: Program, sim: Simulator, anna: User, identity: tuple[str, ...]
    ) -> None:
        waiting = Waiting(program, sim, "-l", "devicecode", *identity)
        user_code = waiting.code
        sim.approve(user_code, anna)
        lines = [line.strip() for line in waiting.end()[2].splitlines()]
        assert user_code in lines and any(re.fullmatch(r"https://\S+", line) for line in lines)

    @not_on_windows("the code page of a pipe has no blocks; a console shows them")
    def test_the_page_can_be_a_picture(
        self, program: Program, sim: Simulator, anna: User, identity: tuple[str, ...]
    ) -> None:
        waiting = Waiting(program, sim, "-l", "devicecode", "--qr", *identity)
        sim.approve(waiting.code, anna)
        code, _, stderr = waiting.end()
        assert code == 0
        picture = [line for line in stderr.splitlines() if line and set(line) <= set("█▀▄ ")]
        assert len(picture) > 10 and len({len(line) for line in picture}) == 1

    @pytest.mark.parametrize("login", ["devicecode", pytest.param("auto", marks=ALWAYS_A_BROWSER)])
    @pytest.mark.parametrize("code", [50097, 50158, 53000, 53001, 53003])
    def test_a_policy_against_codes_names_the_way_that_works(
        self,
        program: Program,
        sim: Simulator,
        anna: User,
        identity: tuple[str, ...],
        login: str,
        code: int,
    ) -> None:
        if code == 53003:
            sim.tenant.block_device_code = True
        else:
            sim.fail_next(code)
        waiting = Waiting(program, sim, "-l", login, *identity)
        sim.approve(waiting.code, anna)
        exit_code, _, stderr = waiting.end()
        assert exit_code == 4 and f"AADSTS{code}" in stderr and "-l interactive" in stderr

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(service="entra", path=TOKEN, status=503, times=5),
            Fault(service="entra", path=TOKEN, status=429, times=5),
            Fault(service="entra", path=TOKEN, reset=True, times=5),
        ],
        ids=["503", "429", "lost connection"],
    )
    def test_waits_through_trouble(
        self,
        program: Program,
        sim: Simulator,
        anna: User,
        identity: tuple[str, ...],
        fault: Fault,
    ) -> None:
        sim.faults.add(fault)
        waiting = Waiting(program, sim, "-l", "devicecode", *identity)
        sim.approve(waiting.code, anna)
        code, stdout, stderr = waiting.end()
        assert code == 0, stderr
        assert stdout

    @not_on_windows("a program there cannot send Ctrl-C to one other")
    def test_ctrl_c_ends_it_at_once(
        self, program: Program, sim: Simulator, identity: tuple[str, ...]
    ) -> None:
        sim.device_code_interval = 5
        waiting = Waiting(program, sim, "-l", "devicecode", *identity)
        assert waiting.code
        time.sleep(0.3)
        begun = time.monotonic()
        waiting.process.send_signal(2)
        code, stdout, _ = waiting.end()
        assert (code, stdout) == (130, "") and time.monotonic() - begun < 1

    def test_opens_the_page_if_asked(
        self, program: Program, sim: Simulator, anna: User, identity: tuple[str, ...], tmp_path
    ) -> None:
        page = tmp_path / "page"
        # Without a semicolon, which separates several browsers on Windows.
        script = f"open({str(page)!r}, 'w').write(__import__('sys').argv[1])"
        program.environ["BROWSER"] = as_command([sys.executable, "-c", script])
        waiting = Waiting(program, sim, "-l", "devicecode", "--open", *identity)
        sim.approve(waiting.code, anna)
        assert waiting.end()[0] == 0
        deadline = time.monotonic() + 30  # nobody waits for a browser
        while not page.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert page.read_text().startswith("https://")

    @pytest.mark.parametrize(
        ("settle", "said"), [("decline", "declined"), ("expire", "not used in time")]
    )
    def test_declined_and_expired(
        self,
        program: Program,
        sim: Simulator,
        identity: tuple[str, ...],
        settle: str,
        said: str,
    ) -> None:
        waiting = Waiting(program, sim, "-l", "devicecode", *identity)
        getattr(sim, settle)(waiting.code)
        code, _, stderr = waiting.end()
        assert code == 6 and said in stderr


class TestRenewal:
    """A sign-in that does for one API server may not do for another, and is not lost over it."""

    @pytest.fixture
    def signed_in(
        self, program: Program, sim: Simulator, identity: tuple[str, ...], anna: User
    ) -> tuple[str, ...]:
        flags = ("-l", "interactive", *identity)
        first = program.get_token(*flags, BROWSER=sim.browser_command(anna))
        assert first.status["token"]
        sim.tenant.add_resource("api://other")
        return flags

    @pytest.mark.parametrize("code", [50076, 50079, 65001, 50158])
    def test_what_the_person_can_mend_is_told_where_nobody_is(
        self, program: Program, sim: Simulator, signed_in: tuple[str, ...], code: int
    ) -> None:
        nobody = {"KUBERNETES_EXEC_INFO": json.dumps({**INFO, "spec": {"interactive": False}})}
        sim.fail_next(code)
        ran = program.get_token(*signed_in, "--server-id", "api://other", **nobody)
        assert (
            ran.code == 5
            and f"AADSTS{code}" in ran.error
            and "kubeauth cannot ask one here" in ran.error
        )
        again = program.get_token(*signed_in, "--force-refresh", **nobody)
        assert again.status["token"], "the sign-in for the first is still good"

    def test_what_nobody_can_mend_is_a_refusal(
        self, program: Program, sim: Simulator, signed_in: tuple[str, ...]
    ) -> None:
        sim.fail_next(500011)
        ran = program.get_token(*signed_in, "--server-id", "api://other")
        assert ran.code == 4 and "AADSTS500011" in ran.error
        assert program.get_token(*signed_in, "--force-refresh").status["token"]

    @pytest.mark.parametrize("code", [50020, 50097, 50105, 53000, 53003])
    def test_what_a_browser_on_this_device_can_mend_is_shown_one(
        self, program: Program, sim: Simulator, signed_in: tuple[str, ...], code: int, anna: User
    ) -> None:
        sim.fail_next(code)
        browser = {"BROWSER": sim.browser_command(anna)}
        ran = program.get_token(*signed_in, "--server-id", "api://other", **browser)
        assert ran.status["token"]

    def test_a_code_shows_no_device(
        self, program: Program, sim: Simulator, identity: tuple[str, ...], anna: User
    ) -> None:
        flags = ("-l", "devicecode", *identity)
        with approving(sim, anna):
            assert program.get_token(*flags).status["token"]
        sim.fail_next(53000)
        ran = program.get_token(*flags, "--force-refresh")
        assert ran.code == 4 and "use -l interactive" in ran.stderr

    def test_a_dead_refresh_token_is_told_and_forgotten(
        self, program: Program, sim: Simulator, signed_in: tuple[str, ...], anna: User
    ) -> None:
        nobody = {"KUBERNETES_EXEC_INFO": json.dumps({**INFO, "spec": {"interactive": False}})}
        sim.revoke(anna)
        ran = program.get_token(*signed_in, "--force-refresh", **nobody)
        assert ran.code == 5 and "AADSTS50173" in ran.error
        assert not list(program.cache.glob("*.session.*"))
        asked = program.get_token(*signed_in, "--force-refresh", BROWSER=sim.browser_command(anna))
        assert asked.status["token"]


class TestPassword:
    @pytest.fixture
    def flags(self, identity: tuple[str, ...], anna: User) -> tuple[str, ...]:
        return ("-l", "ropc", *identity, "--username", anna.upn, "--password", "her-password")

    def test_signs_in_with_a_warning(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*flags)
        assert claims(ran.status["token"])["upn"] == anna.upn
        assert ran.stderr.startswith("warning: login ropc") and ran.stderr.count("\n") == 1
        assert program.get_token(*flags).stderr == "", "a cached token is no sign-in"

    def test_a_wrong_password(self, program: Program, anna: User, flags: tuple[str, ...]) -> None:
        assert program.get_token(*flags).status
        ran = program.get_token(*flags[:-1], "not-hers")
        assert "AADSTS50126" in ran.error and "not-hers" not in ran.stderr
        assert anna.upn in ran.error

    def test_multi_factor_authentication(
        self, program: Program, sim: Simulator, flags: tuple[str, ...]
    ) -> None:
        sim.fail_next(50076)
        ran = program.get_token(*flags)
        assert "AADSTS50076" in ran.error and "-l interactive" in ran.stderr

    def test_a_guests_name_stays_whole(
        self, program: Program, sim: Simulator, identity: tuple[str, ...]
    ) -> None:
        guest = sim.tenant.add_user("eve_other.example#EXT#@contoso.example", "pass word+&=ü")
        ran = program.get_token(
            *("-l", "ropc", *identity, "--username", guest.upn, "--password", "pass word+&=ü")
        )
        assert claims(ran.status["token"])["upn"] == guest.upn

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("AAD_USER_PRINCIPAL_NAME", "AAD_USER_PRINCIPAL_PASSWORD"),
            ("AZURE_USERNAME", "AZURE_PASSWORD"),
        ],
    )
    def test_from_variables(
        self, program: Program, anna: User, identity: tuple[str, ...], name: str, word: str
    ) -> None:
        ran = program.get_token(
            *("-l", "ropc", *identity), **{name: anna.upn, word: "her-password"}
        )
        assert claims(ran.status["token"])["upn"] == anna.upn

    def test_legacy_asks_for_the_prefixed_audience(
        self, program: Program, sim: Simulator, flags: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*flags, "--legacy")
        assert claims(ran.status["token"])["aud"] == f"spn:{sim.cluster.server_id}"

    @pytest.mark.parametrize("missing", ["--username", "--password"])
    def test_what_is_missing_is_named(
        self, program: Program, flags: tuple[str, ...], missing: str
    ) -> None:
        place = flags.index(missing)
        ran = program.get_token(*flags[:place], *flags[place + 2 :])
        assert f"{missing} is required" in ran.error and "AZURE_" in ran.stderr


@pytest.mark.parametrize("login", ["devicecode", "auto", "interactive"])
def test_a_person_has_the_time_that_is_asked_for(
    program: Program, sim: Simulator, identity: tuple[str, ...], login: str
) -> None:
    begun = time.monotonic()
    ran = program.get_token("-l", login, *identity, "--person-timeout", "2s", limit=30)
    assert (ran.code == 6 and "in time" in ran.stderr) or "within 2 seconds" in ran.stderr
    assert time.monotonic() - begun < 10
