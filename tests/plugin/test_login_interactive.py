"""``--login interactive``: a person at a browser, played by the simulator's."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from harness import KUBEAUTH, Program, install_program, not_on_windows, posix_module

from kubeauth import Interactive, SignInRefused
from kubeauth.adapters.programs import split_command
from kubeauth.testing import AKS_CLIENT_ID, Fault, Simulator, User

TOKEN = "/oauth2/v2.0/token"
SOMEBODY_THERE = json.dumps(
    {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "spec": {"interactive": True},
    }
)


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def anna(sim: Simulator) -> User:
    return sim.tenant.add_user("anna@contoso.example", "her-password")


@pytest.fixture
def flags(sim: Simulator) -> tuple[str, ...]:
    return ("-l", "interactive", "--tenant-id", sim.tenant.id, "--client-id", AKS_CLIENT_ID)


@pytest.fixture
def program(program: Program) -> Program:
    program.environ["KUBERNETES_EXEC_INFO"] = SOMEBODY_THERE
    return program


def opening(sim: Simulator, user: User) -> str:
    """Return code for a browser of ours in which ``user`` signs in."""
    words = split_command(sim.browser_command(user).removesuffix(" &"))
    return (
        "import subprocess, sys, time\n"
        f"subprocess.run([*{words[:-1]!r}, sys.argv[1]], stdout=subprocess.DEVNULL)\n"
    )


class Running:
    """The program while it waits for a person, on a terminal of its own."""

    def __init__(self, program: Program, *args: str, **environ: str) -> None:
        fcntl, pty, termios = map(posix_module, ("fcntl", "pty", "termios"))
        ours, theirs = pty.openpty()
        self.terminal = ours

        def adopt() -> None:
            os.setsid()
            fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [str(KUBEAUTH), "get-token", *program.always, *args],
            env={**program.environ, **environ},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            preexec_fn=adopt,
        )
        os.close(theirs)
        self.said = ""

    def read_until(self, pattern: str, limit: float = 20) -> re.Match[str]:
        deadline = time.monotonic() + limit
        os.set_blocking(self.terminal, False)
        while time.monotonic() < deadline:
            try:
                self.said += os.read(self.terminal, 65536).decode()
            except BlockingIOError:
                time.sleep(0.02)
            except OSError:
                break
            if found := re.search(pattern, self.said):
                return found
        raise AssertionError(self.said)

    def address(self) -> str:
        return self.read_until(r"(https://\S+/authorize\?\S+)\s")[1]

    def paste(self, text: str) -> None:
        os.set_blocking(self.terminal, True)
        os.write(self.terminal, text.encode() + b"\n")

    def status(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        content = self.process.stdout.read()
        assert self.process.wait(20) == 0, self.said
        return json.loads(content)["status"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        os.close(self.terminal)


@pytest.fixture
def start(program: Program) -> Iterator[Any]:
    running: list[Running] = []

    def begin(*args: str, **environ: str) -> Running:
        running.append(Running(program, *args, **environ))
        return running[-1]

    yield begin
    for each in running:
        each.close()


def redirect_of(sim: Simulator, address: str, user: User) -> str:
    """Sign in without a listener, and return the address at which the browser ends."""
    opener = sim.browser._opener
    page = opener.open(address).read().decode()
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', page.replace("&amp;", "&")))
    fields |= {"username": user.upn, "password": user.password or "", "action": "signin"}

    class Stop(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):
            raise StopIteration(newurl)

    handlers = [h for h in opener.handlers if isinstance(h, urllib.request.HTTPSHandler)]
    stopping = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stop, *handlers)
    body = urllib.parse.urlencode(fields).encode()
    try:
        stopping.open(address.partition("?")[0], body)
    except StopIteration as stop:
        return str(stop.value)
    raise AssertionError("no redirect")


class TestSigningIn:
    def test_in_the_browser_of_the_variable(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*flags, BROWSER=sim.browser_command(anna))
        said = claims(ran.status["token"])
        assert (said["upn"], said["aud"]) == (anna.upn, sim.cluster.server_id)
        assert sim.requests.count(service="entra", path=TOKEN) == 1

    def test_in_the_browser_of_the_flag(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        command = sim.browser_command(anna)
        ran = program.get_token(*flags, "--browser-command", command, BROWSER="/nonexistent")
        assert ran.status["token"]

    @not_on_windows("the browser is a batch file there, and cmd ends an address at its first &")
    def test_a_browser_that_stays_open_blocks_nothing(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...], tmp_path: Path
    ) -> None:
        code = f"print('noise', flush=True)\n{opening(sim, anna)}time.sleep(30)\n"
        browser = install_program(tmp_path, "browser", code)
        begun = time.monotonic()
        assert program.get_token(*flags, BROWSER=str(browser)).status["token"]
        assert time.monotonic() - begun < 15

    def test_a_terminal_shows_the_time_left(
        self, start: Any, sim: Simulator, anna: User, flags: tuple[str, ...], tmp_path: Path
    ) -> None:
        browser = install_program(
            tmp_path, "browser", "import time\ntime.sleep(2)\n" + opening(sim, anna)
        )
        running = start(*flags, BROWSER=str(browser))
        assert running.status()["token"]
        running.read_until(f"signed in as {anna.upn}")
        lefts = re.findall(r"\rwaiting for the browser, (14:5\d|15:00) left", running.said)
        assert 2 <= len(lefts) <= 9 and len(set(lefts)) == len(lefts)
        assert re.search(r"left\r +\r\w", running.said), running.said

    def test_the_second_of_two_browsers(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        browsers = f"/nonexistent/browser{os.pathsep}{sim.browser_command(anna)}"
        assert program.get_token(*flags, BROWSER=browsers).status["token"]

    def test_once_then_without_the_person(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        program.get_token(*flags, BROWSER=sim.browser_command(anna))
        del program.environ["KUBERNETES_EXEC_INFO"]
        again = program.get_token(*flags, "--force-refresh")
        assert claims(again.status["token"])["upn"] == anna.upn

    def test_after_a_revocation_the_next_person_is_another_one(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        program.get_token(*flags, BROWSER=sim.browser_command(anna))
        sim.revoke(anna)
        bert = sim.tenant.add_user("bert@contoso.example", "his-password")
        for _ in range(2):
            ran = program.get_token(*flags, "--force-refresh", BROWSER=sim.browser_command(bert))
            assert claims(ran.status["token"])["upn"] == bert.upn
        assert sim.requests.count(service="entra", path="/oauth2/v2.0/authorize") == 4

    def test_two_users_side_by_side(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        bert = sim.tenant.add_user("bert@contoso.example", "his-password")
        for user in (anna, bert):
            hint = ("--login-hint", user.upn)
            program.get_token(*flags, *hint, BROWSER=sim.browser_command(user)).status["token"]
        for user in (anna, bert, anna):
            again = program.get_token(*flags, "--login-hint", user.upn.upper())
            assert claims(again.status["token"])["upn"] == user.upn

    def test_somebody_else_than_hinted_is_refused(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        hinted = (*flags, "--login-hint", "bert@contoso.example")
        for _ in range(2):
            ran = program.get_token(*hinted, BROWSER=sim.browser_command(anna))
            said = f"error: login interactive: {anna.upn} signed in, but --login-hint names bert@"
            assert said in ran.stderr
            assert (ran.code, ran.stdout) == (4, "")
        assert not list(program.cache.glob("*.session.*"))
        bert = sim.tenant.add_user("bert@contoso.example", "his-password")
        ran = program.get_token(*hinted, BROWSER=sim.browser_command(bert))
        assert claims(ran.status["token"])["upn"] == bert.upn


class TestRequest:
    def asked(self, sim: Simulator) -> dict[str, str]:
        record = next(r for r in sim.requests if r.path.endswith("/authorize"))
        return dict(record.query)

    def test_is_what_microsofts_own_clients_send(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        program.get_token(*flags, BROWSER=sim.browser_command(anna))
        asked = self.asked(sim)
        assert asked["prompt"] == "select_account" and asked["response_mode"] == "form_post"
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
        assert len(asked["state"]) >= 16 and len(asked["nonce"]) >= 16
        assert re.fullmatch(r"http://localhost:\d+", asked["redirect_uri"])
        assert f"{sim.cluster.server_id}/.default" in asked["scope"].split()

    @pytest.mark.parametrize(
        ("more", "field", "value"),
        [
            (("--prompt", "login"), "prompt", "login"),
            (("--login-hint", "anna@contoso.example"), "login_hint", "anna@contoso.example"),
            (("--login-hint", "anna@contoso.example"), "prompt", None),
        ],
    )
    def test_takes_wishes(
        self,
        program: Program,
        sim: Simulator,
        anna: User,
        flags: tuple[str, ...],
        more: tuple[str, ...],
        field: str,
        value: str | None,
    ) -> None:
        program.get_token(*flags, *more, BROWSER=sim.browser_command(anna)).status["token"]
        assert self.asked(sim).get(field) == value

    @pytest.mark.parametrize("path", ["", "/", "/back"])
    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
    def test_returns_where_it_is_told(
        self, program: Program, sim: Simulator, anna: User, host: str, path: str
    ) -> None:
        url = f"http://{host}{path}"
        app = sim.tenant.add_application("own", public=True, redirect_uris=[url])
        flags = ("-l", "interactive", "-t", sim.tenant.id, "--client-id", app.client_id)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        full = f"http://{host}:{port}{path}"
        command = sim.browser_command(anna)
        assert program.get_token(*flags, "--redirect-url", full, BROWSER=command).status["token"]
        assert self.asked(sim)["redirect_uri"] == full
        sim.requests.clear()
        ran = program.get_token(*flags, "--redirect-url", url, "--force-refresh", BROWSER=command)
        assert ran.status["token"]

    def test_takes_the_first_port_that_is_free(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
            busy = taken.getsockname()[1]
            probe.close()
            program.get_token(
                *(*flags, "--redirect-port", f"{busy},{free}"), BROWSER=sim.browser_command(anna)
            ).status["token"]
            assert self.asked(sim)["redirect_uri"] == f"http://localhost:{free}"
            ran = program.get_token(*flags, "--force-refresh", "--redirect-port", str(busy))
            assert ran.code == 0, "a kept sign-in needs no port"
            ran = program.get_token(*flags, "--login-hint", "x", "--redirect-port", str(busy))
            assert f"port {busy}" in ran.error


class TestNobodyThere:
    def test_nobody_is_asked(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        info = SOMEBODY_THERE.replace("true", "false")
        ran = program.get_token(
            *flags, KUBERNETES_EXEC_INFO=info, BROWSER=sim.browser_command(anna)
        )
        assert "kubeauth cannot ask one here" in ran.error and ran.code == 5
        assert len(sim.requests) == 0


class TestRefused:
    @pytest.mark.parametrize(
        ("more", "said"),
        [
            (("--redirect-url", "https://example.com/back"), "https://example.com/back"),
            (("--redirect-url", "http://localhost:99999"), "99999"),
            (("--redirect-port", "80x"), "80x"),
            (("--prompt", "nicely"), "nicely"),
        ],
    )
    def test_wishes_that_make_no_sense(
        self, program: Program, flags: tuple[str, ...], more: tuple[str, ...], said: str
    ) -> None:
        ran = program.get_token(*flags, *more, BROWSER="true")
        assert said in ran.error and ran.code == 2

    def test_the_person_declines(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        ran = program.get_token(*flags, BROWSER=sim.browser_command(anna, cancel=True))
        error = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
        assert "declined" in error[0] and ran.code == 6 and ran.stdout == ""

    def test_entra_refuses_the_code(
        self, program: Program, sim: Simulator, anna: User, flags: tuple[str, ...]
    ) -> None:
        sim.fail_next(53003)
        ran = program.get_token(*flags, BROWSER=sim.browser_command(anna))
        assert "AADSTS53003" in ran.stderr and ran.code == 4

    def test_a_browser_that_does_not_start_is_told(
        self, program: Program, sim: Simulator, anna: User, start: Any, flags: tuple[str, ...]
    ) -> None:
        running = start(*flags, BROWSER="false")
        running.read_until("did not open")
        page = sim.browser.sign_in(running.address(), anna.upn, "her-password")
        assert "You are signed in" in page
        assert running.status()["token"]


def unsigned(**claims: Any) -> str:
    return jwt.encode(claims, "k" * 32, "HS256")


class TestAnswersOfSomebodyElse:
    """State is tested below, at the page; these are answers to the exchange of the code."""

    @pytest.mark.parametrize(
        ("id_token", "said"),
        [
            (None, "no ID token"),
            ({}, "nonce"),
            ({"nonce": "another", "aud": AKS_CLIENT_ID, "exp": 4102444800}, "nonce"),
        ],
    )
    def test_an_id_token_that_is_not_for_us(
        self,
        program: Program,
        sim: Simulator,
        anna: User,
        flags: tuple[str, ...],
        id_token: dict[str, Any] | None,
        said: str,
    ) -> None:
        answer = {"access_token": "a.b.c", "token_type": "Bearer", "expires_in": 3600}
        if id_token is not None:
            answer["id_token"] = unsigned(sub="s", iss="https://x", **id_token)
        sim.faults.add(Fault(service="entra", path=TOKEN, body=json.dumps(answer).encode()))
        ran = program.get_token(*flags, BROWSER=sim.browser_command(anna))
        assert said in ran.stderr and ran.code == 4 and ran.stdout == ""

    @pytest.mark.parametrize(
        "wrong",
        [
            {"aud": "somebody-else"},
            {"exp": 1},
            {"exp": None},
            {"tid": "99999999-0000-0000-0000-000000000000"},
        ],
    )
    def test_the_claims_of_an_id_token(self, sim: Simulator, wrong: dict[str, Any]) -> None:
        provider = Interactive(
            server_id="s", tenant_id=sim.tenant.id, client_id="me", cache_storage="none"
        )
        good = {"aud": "me", "exp": time.time() + 60, "tid": sim.tenant.id}
        conversation = SimpleNamespace(what="sign-in")
        provider._check_person(conversation, good)
        for claims_ in ({**good, **wrong}, None):
            with pytest.raises(SignInRefused, match="no ID token"):
                provider._check_person(conversation, claims_)


class TestPage:
    def test_says_that_all_is_well(
        self, sim: Simulator, anna: User, start: Any, flags: tuple[str, ...]
    ) -> None:
        running = start(*flags, "--no-browser")
        page = sim.browser.sign_in(running.address(), anna.upn, "her-password")
        assert "You are signed in" in page and "close" in page
        assert running.status()["token"]

    def test_says_what_went_wrong(
        self, sim: Simulator, anna: User, start: Any, flags: tuple[str, ...]
    ) -> None:
        sim.fail_next(50076)
        running = start(*flags, "--no-browser")
        page = sim.browser.sign_in(running.address(), anna.upn, "her-password")
        assert "The sign-in failed" in page and "AADSTS50076" in page
        assert running.process.wait(10) == 4

    def test_takes_only_the_answer_it_waits_for(
        self, sim: Simulator, anna: User, start: Any, flags: tuple[str, ...]
    ) -> None:
        running = start(*flags, "--no-browser")
        address = running.address()
        port = re.search(r"localhost%3A(\d+)", address)[1]
        silent = socket.create_connection(("127.0.0.1", int(port)))
        for path, status in (
            ("/?code=x&state=wrong", 400),
            ("/?code=x", 400),
            ("/?code=x&state=a&state=b", 400),
            ("/elsewhere", 404),
            ("/", 400),
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    f"http://127.0.0.1:{port}{path}", timeout=5
                )
            refused.value.close()
            assert refused.value.code == status
        assert "signed in" in sim.browser.sign_in(address, anna.upn, "her-password")
        assert running.status()["token"]
        silent.close()

    def test_listens_on_loopback_only(self, start: Any, flags: tuple[str, ...], anna: User) -> None:
        running = start(*flags, "--no-browser")
        port = int(re.search(r"localhost%3A(\d+)", running.address())[1])
        table = Path("/proc/net/tcp").read_text().splitlines()[1:]
        listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
        assert [each for each in listening if each.endswith(f":{port:04X}")] == [
            f"0100007F:{port:04X}"
        ]


class TestPasting:
    def test_the_address_where_the_browser_ended(
        self, sim: Simulator, anna: User, start: Any, flags: tuple[str, ...]
    ) -> None:
        running = start(*flags, "--no-browser")
        address = running.address()
        running.read_until("press Enter")
        running.paste("http://localhost/?code=forged&state=forged")
        running.read_until("not the address")
        running.paste(redirect_of(sim, address, anna) + "&padding=" + 5000 * "x")
        assert running.status()["token"]
        assert "padding" not in running.said

    def test_gives_the_terminal_back(
        self, sim: Simulator, start: Any, flags: tuple[str, ...]
    ) -> None:
        running = start(*flags, "--no-browser")
        running.read_until("press Enter")
        termios = posix_module("termios")
        waiting = termios.tcgetattr(running.terminal)[3]
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 130
        after = termios.tcgetattr(running.terminal)[3]
        assert not waiting & termios.ECHO and after & termios.ECHO and after & termios.ICANON

    def test_where_no_browser_can_open(
        self, sim: Simulator, anna: User, start: Any, flags: tuple[str, ...]
    ) -> None:
        running = start(*flags)
        address = running.address()
        assert "response_mode" not in address
        assert running.said.startswith("To sign in to "), "MSAL's warning is for programmers"
        assert "signed in" in sim.browser.sign_in(address, anna.upn, "her-password")
        assert running.status()["token"]


def test_the_hint_of_a_wait_in_vain_leads_on(start: Any, flags: tuple[str, ...]) -> None:
    running = start(*flags, "--no-browser", "--person-timeout", "1s")
    running.read_until("hint: .*use -l devicecode")
    assert running.process.wait(10) == 6
    running = start(
        *flags, "--person-timeout", "1s", BROWSER=shlex.join([sys.executable, "-c", ""])
    )
    running.read_until("hint: .*with --no-browser it prints the address to open")


def test_ctrl_c_ends_the_wait_at_once(start: Any, flags: tuple[str, ...]) -> None:
    running = start(*flags, BROWSER=shlex.join([sys.executable, "-c", "pass"]))
    running.address()
    begun = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(30) == 130
    assert time.monotonic() - begun < 1
