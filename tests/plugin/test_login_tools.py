"""``--login azurecli`` and ``azd`` with stand-ins."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import install_program

from kubeauth.testing import Simulator

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program

HOUR = 3600


@pytest.fixture
def token(sim: Simulator) -> str:
    return sim.mint_token(sim.tenant.add_user("anna@contoso.example"))


class Tool:
    """A stand-in for ``az`` or ``azd`` that notes how it is called."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.calls = folder / "bin", folder / f"{name}-calls"
        self.folder.mkdir(exist_ok=True)
        self.name, self.file = name, self.folder / name

    def prints(self, stdout: bytes, stderr: bytes = b"", code: int = 0) -> None:
        self.file = install_program(
            self.folder,
            self.name,
            f"import sys; sys.stdout.buffer.write({stdout!r})\n"
            f"sys.stderr.buffer.write({stderr!r}); sys.exit({code})\n",
        )

    def answers(self, stdout: str, stderr: str = "", code: int = 0, wait: float = 0) -> None:
        self.file = install_program(
            self.folder,
            self.name,
            "import json, os, sys, time\n"
            f"open({str(self.calls)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
            f"time.sleep({wait}); sys.stdout.write({stdout!r})\n"
            f"sys.stderr.write({stderr!r}); sys.exit({code})\n",
        )

    @property
    def called(self) -> list[list[str]]:
        return [json.loads(line) for line in self.calls.read_text().splitlines()]


@pytest.fixture
def azd(tmp_path: Path, program: Program) -> Tool:
    tool = Tool(tmp_path, "azd")
    program.environ["PATH"] = f"{tool.folder}{os.pathsep}{program.environ['PATH']}"
    return tool


@pytest.fixture
def az(tmp_path: Path, program: Program) -> Tool:
    tool = Tool(tmp_path, "az")
    program.environ["PATH"] = f"{tool.folder}{os.pathsep}{program.environ['PATH']}"
    return tool


def in_an_hour(form: str = "%Y-%m-%dT%H:%M:%SZ") -> tuple[int, str]:
    moment = datetime.fromtimestamp(
        int(datetime.now(timezone.utc).timestamp()) + HOUR, timezone.utc
    )
    return int(moment.timestamp()), moment.strftime(form)


class TestAzureDeveloperCli:
    def test_asks_as_azure_identity_does(
        self, program: Program, sim: Simulator, azd: Tool, token: str
    ) -> None:
        azd.answers(json.dumps({"token": token, "expiresOn": in_an_hour()[1]}))
        ran = program.get_token("-l", "azd", "--tenant-id", sim.tenant.id)
        assert ran.status["token"] == token
        scope = f"{sim.cluster.server_id}/.default"
        assert azd.called == [
            [
                *("auth", "token", "--output", "json", "--no-prompt"),
                *("--scope", scope, "--tenant-id", sim.tenant.id),
            ]
        ]

    @pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "UTC"])
    @pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.1234567Z"])
    def test_reads_the_expiry_as_utc(
        self, program: Program, azd: Tool, token: str, zone: str, form: str
    ) -> None:
        epoch, text = in_an_hour(form)
        azd.answers(json.dumps({"token": token, "expiresOn": text}))
        status = program.get_token("-l", "azd", TZ=zone).status
        told = datetime.strptime(status["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")
        assert 290 <= epoch - told.replace(tzinfo=timezone.utc).timestamp() <= 310

    def test_a_kept_token_dies_when_somebody_else_signs_in(
        self, program: Program, azd: Tool, token: str
    ) -> None:
        folder = program.home / ".azd"
        folder.mkdir()
        azd.answers(json.dumps({"token": token, "expiresOn": in_an_hour()[1]}))
        for account in ("anna", "anna", "bert"):
            (folder / "auth.json").write_text(account)
            assert program.get_token("-l", "azd").status["token"]
        assert len(azd.called) == 2

    @pytest.mark.parametrize(
        "stderr",
        [
            '{"error":"not logged in","message":"x","suggestion":"y"}',
            '{"type":"consoleMessage","data":{"message":"\\nERROR: not logged in, run azd"}}',
            '{"type":"consoleMessage","data":{"message":""}}\n{"error":"not logged in"}',
            "ERROR: not logged in",
        ],
    )
    def test_says_what_failed_in_every_version(
        self, program: Program, azd: Tool, token: str, stderr: str
    ) -> None:
        azd.answers(token, stderr + "\n", 1)
        ran = program.get_token("-l", "azd")
        assert "not logged in" in ran.error and "azd auth login" in ran.stderr
        assert token not in ran.stderr and ran.code == 8

    def test_a_token_of_yesterday(self, program: Program, azd: Tool, token: str) -> None:
        azd.answers(json.dumps({"token": token, "expiresOn": "2026-01-01T00:00:00Z"}))
        ran = program.get_token("-l", "azd")
        assert ran.code == 8 and "has already expired" in ran.error and "azd auth" in ran.stderr

    @pytest.mark.timeout(60)
    def test_a_flood_of_words_is_cut_short(self, program: Program, azd: Tool) -> None:
        azd.answers("", "x" * 3_000_000, 1)
        ran = program.get_token("-l", "azd", limit=30)
        assert ran.code == 8 and len(ran.error) < 1000

    @pytest.mark.parametrize("answer", ["", "[]", "{}", '{"token": null, "expiresOn": "x"}'])
    def test_an_answer_that_is_none(self, program: Program, azd: Tool, answer: str) -> None:
        azd.answers(answer)
        assert "could not be read" in program.get_token("-l", "azd").error

    def test_is_not_there(self, program: Program) -> None:
        ran = program.get_token("-l", "azd", PATH="/nonexistent")
        assert "`azd` is not on PATH" in ran.error

    def test_takes_too_long(self, program: Program, azd: Tool) -> None:
        azd.answers("", wait=60)
        ran = program.get_token("-l", "azd", "--timeout", "1", limit=20)
        assert "no answer after 1 s" in ran.error


class TestAzureCli:
    def test_asks_with_tenant_and_subscription(
        self, program: Program, sim: Simulator, az: Tool, token: str
    ) -> None:
        az.answers(json.dumps({"accessToken": token, "expires_on": in_an_hour()[0]}))
        more = ("--tenant-id", sim.tenant.id, "--subscription", "My subscription")
        assert program.get_token("-l", "azurecli", *more).status["token"] == token
        assert az.called == [
            [
                *("account", "get-access-token", "--output", "json"),
                *("--resource", sim.cluster.server_id, "--tenant", sim.tenant.id),
                *("--subscription", "My subscription"),
            ]
        ]

    @pytest.mark.parametrize("value", ["--debug", "a;b", "$(id)", "a&b"])
    def test_hands_on_nothing_that_a_shell_would_read(
        self, program: Program, az: Tool, value: str
    ) -> None:
        az.answers("{}")
        ran = program.get_token("-l", "azurecli", f"--subscription={value}")
        assert "cannot be handed to az" in ran.error and not az.calls.exists()

    def test_says_what_az_said(self, program: Program, az: Tool, token: str) -> None:
        az.answers("", f"WARNING: x\nERROR: Please run 'az login' {token}\n", 1)
        ran = program.get_token("-l", "azurecli", "--tenant-id", "contoso.example")
        assert "Please run 'az login'" in ran.error and token not in ran.stderr
        assert "az login --tenant contoso.example" in ran.stderr

    @pytest.mark.parametrize("token", [None, "", "  ", "a b", 7], ids=repr)
    def test_no_token(self, program: Program, az: Tool, token: object) -> None:
        az.answers(json.dumps({"accessToken": token, "expires_on": in_an_hour()[0]}))
        assert "could not be read" in program.get_token("-l", "azurecli").error

    def test_a_line_end_is_not_of_the_token(self, program: Program, az: Tool, token: str) -> None:
        az.answers(json.dumps({"accessToken": f"{token}\n", "expires_on": in_an_hour()[0]}))
        assert program.get_token("-l", "azurecli").status["token"] == token

    def test_milliseconds_are_no_time(self, program: Program, az: Tool, token: str) -> None:
        az.answers(json.dumps({"accessToken": token, "expires_on": in_an_hour()[0] * 1000}))
        assert "could not be read" in program.get_token("-l", "azurecli").error


# What may stand around the answer: colours, titles of windows, warnings, other objects, progress.
AROUND = [
    ("", "\x1b[0m"),
    ("\x1b[33mWARNING: a new version {2.99} is out\x1b[0m\r\n", "\r\n"),
    ("\x1b]0;az\x07", "\n\x1b[?25h"),
    ('{"type": "consoleMessage", "data": {"message": "hello {you}"}}\n', "\nDone in 1.2 s\n"),
    ("Fetching [====  ] 60%\rFetching [======] 100%\r\n", "\n}\n"),
    ("{" * 40, '\n{"accessToken": 1, "token": 1}'),
]


class TestWhatStandsAround:
    @pytest.mark.parametrize(("before", "after"), AROUND)
    @pytest.mark.parametrize("indent", [None, 2])
    def test_az(
        self, program: Program, az: Tool, token: str, before: str, after: str, indent: int | None
    ) -> None:
        answer = {"accessToken": token, "expires_on": in_an_hour()[0]}
        az.answers(before + json.dumps(answer, indent=indent) + after)
        assert program.get_token("-l", "azurecli").status["token"] == token

    @pytest.mark.parametrize(("before", "after"), AROUND)
    def test_azd(self, program: Program, azd: Tool, token: str, before: str, after: str) -> None:
        azd.answers(before + json.dumps({"token": token, "expiresOn": in_an_hour()[1]}) + after)
        assert program.get_token("-l", "azd").status["token"] == token

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_encodings(self, program: Program, az: Tool, token: str, encoding: str) -> None:
        answer = {"accessToken": token, "expires_on": in_an_hour()[0], "name": "Jos\xe9 \xfc\xdf"}
        az.prints(json.dumps(answer, ensure_ascii=False).encode(encoding))
        assert program.get_token("-l", "azurecli").status["token"] == token

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
    def test_an_encoding_without_its_mark(
        self, program: Program, az: Tool, token: str, encoding: str
    ) -> None:
        answer = {"accessToken": token, "expires_on": in_an_hour()[0]}
        az.prints(f"{json.dumps(answer)}\r\n".encode(encoding))
        assert program.get_token("-l", "azurecli").status["token"] == token

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
    def test_a_complaint_in_another_encoding(
        self, program: Program, az: Tool, encoding: str
    ) -> None:
        az.prints(b"", "ERROR: Das Verzeichnis f\xfcr Jos\xe9 fehlt".encode(encoding), 1)
        assert "f\xfcr Jos\xe9 fehlt" in program.get_token("-l", "azurecli").error

    def test_objects_without_end(self, program: Program, az: Tool) -> None:
        az.answers('{"a":' * 150_000)
        assert "could not be read" in program.get_token("-l", "azurecli", limit=20).error

    def test_verbose_names_program_place_time_and_exit_code(
        self, program: Program, az: Tool, token: str
    ) -> None:
        az.answers(json.dumps({"accessToken": token, "expires_on": in_an_hour()[0]}))
        said = program.get_token("-l", "azurecli", "-v", "1").stderr
        assert f"Azure CLI: {az.file} took " in said and " s and ended with exit code 0" in said
        az.answers("", "ERROR: no", 3)
        said = program.get_token("-l", "azurecli", "-v", "1", "--force-refresh").stderr
        assert "ended with exit code 3" in said and token not in said


EXPIRED = """\
ERROR: AADSTS700082: The refresh token has expired due to inactivity. Trace ID: x
Interactive authentication is needed. Please run:
az logout
az login --tenant "11111111-2222-3333-4444-555555555555" --scope "api://of.mine/.default"
"""


class TestTheirOwnAdvice:
    @pytest.mark.parametrize(
        ("stderr", "hint"),
        [
            (
                EXPIRED,
                'run `az logout` and `az login --tenant "11111111-2222-3333-4444-555555555555" '
                '--scope "api://of.mine/.default"`, as az says',
            ),
            (
                "ERROR: the session is over\r\n\taz login --scope api://of.mine/.default.\r\n",
                "run `az login --scope api://of.mine/.default`, as az says",
            ),
            ("ERROR: Please run 'az login' to set up an account.", "sign in with `az login`"),
            (EXPIRED.replace("700082", "50057"), "an administrator can enable it"),
            (EXPIRED.replace("az l", "aaz l"), "`az login --tenant TENANT`"),
        ],
    )
    def test_az(self, program: Program, az: Tool, stderr: str, hint: str) -> None:
        az.answers("", stderr, 1)
        ran = program.get_token("-l", "azurecli")
        assert ran.code == 8 and ran.error and hint in ran.stderr

    @pytest.mark.parametrize(
        "stderr",
        [
            "ERROR: fetching token: AADSTS700082: expired\n\nSuggestion: login expired, run "
            "`azd auth login --scope https://x.example/.default` to acquire a new token.\n",
            '{"error": "expired", "suggestion": "run `azd auth login --scope '
            'https://x.example/.default`"}\n',
        ],
    )
    def test_azd(self, program: Program, azd: Tool, stderr: str) -> None:
        azd.answers("", stderr, 1)
        ran = program.get_token("-l", "azd")
        assert ran.code == 8 and "`azd auth login --scope https://x.example/.default`" in ran.stderr

    @pytest.mark.parametrize(
        "said",
        [
            "Subscription 'shop' not found. Check the spelling and casing and try again.",
            "The subscription of 'shop' doesn't exist in cloud 'AzureCloud'.",
        ],
    )
    def test_a_subscription_that_az_lacks(self, program: Program, az: Tool, said: str) -> None:
        az.answers("", f"ERROR: {said}\n", 1)
        ran = program.get_token("-l", "azurecli", "--subscription", "shop")
        assert ran.code == 8 and "`az account list --all`" in ran.stderr
        assert "check --subscription" in ran.stderr


class TestLongTexts:
    @pytest.mark.parametrize("length", range(270, 301, 3))
    def test_no_address_is_cut(self, program: Program, az: Tool, length: int) -> None:
        address = "https://entra.example/docs/what-to-do-about-it/in-detail"
        az.answers("", "ERROR: " + ("word " * 60)[: length - 1] + f" {address} and more", 1)
        said = program.get_token("-l", "azurecli").error
        assert ("https" in said) == (address in said)
        assert said.endswith(("…)", "and more)"))
