"""Signing in through ``az``, with another program in its place: its questions and failures."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from harness import install_program

from kubeauth import AzureCli, SettingsError, System, ToolError
from kubeauth.adapters.programs import Completed

EXPIRY = int(time.time()) + 3600
ANSWER = {
    "accessToken": "t0k3n",
    "expiresOn": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(EXPIRY)),
    "expires_on": EXPIRY,
    "tenant": "t",
    "tokenType": "Bearer",
}


class Az:
    """A program that gives the answer of a test and records its arguments."""

    def __init__(self, stdout="", *, code=0, stderr="", error=None):
        self.completed = Completed(code, stdout or json.dumps(ANSWER), stderr)
        self.error = error
        self.asked = []

    def __call__(self, argv, *, environ, limit):
        self.asked.append((list(argv), dict(environ), limit))
        if self.error is not None:
            raise self.error
        return self.completed


@pytest.fixture
def place(tmp_path):
    """A PATH with something called az on it, and a folder for its profile."""
    install_program(tmp_path, "az", "raise SystemExit(9)\n")
    return {
        "PATH": str(tmp_path),
        "AZURE_CONFIG_DIR": str(tmp_path / "azure"),
        "KUBEAUTH_CACHE_DIR": str(tmp_path / "cache"),
    }


def provider(az, place, **options):
    system = System(environ=place, run_program=az, warn=lambda _: None)
    return AzureCli(**{"server_id": "s3rv3r", "system": system, **options})


class TestAsking:
    def test_asks_for_the_resource_alone(self, place, tmp_path):
        az = Az()
        token = provider(az, place, server_id="s3rv3r/.default").get_token()
        ((argv, _, limit),) = az.asked
        assert Path(argv[0]).parent == tmp_path and Path(argv[0]).stem == "az"
        assert argv[1:] == [
            *("account", "get-access-token", "--output", "json"),
            *("--resource", "s3rv3r"),
        ]
        assert limit == 60
        assert (token.token, token.expires_on) == ("t0k3n", EXPIRY)

    def test_tells_tenant_and_subscription_where_given(self, place):
        az = Az()
        provider(az, place, tenant_id="T.example", subscription="my sub", timeout=5.0).get_token()
        ((argv, _, limit),) = az.asked
        assert argv[-4:] == ["--tenant", "t.example", "--subscription", "my sub"]
        assert limit == 5

    def test_hands_on_the_environment_and_the_certificates(self, place):
        az = Az()
        provider(az, {**place, "HTTPS_PROXY": "http://p"}, ca_file="/ca.pem").get_token()
        environ = az.asked[0][1]
        assert environ["HTTPS_PROXY"] == "http://p"
        assert environ["REQUESTS_CA_BUNDLE"] == "/ca.pem"

    @pytest.mark.parametrize("value", ["a;b", "$(id)", "a&b", "a|b", "%PATH%", "-x", 'a"b', "a\nb"])
    def test_never_hands_on_what_a_shell_would_read(self, place, value):
        az = Az()
        with pytest.raises(SettingsError):
            provider(az, place, subscription=value).get_token()
        assert az.asked == []


class TestCache:
    def test_asks_once(self, place):
        az = Az()
        assert provider(az, place).get_token() == provider(az, place).get_token()
        assert len(az.asked) == 1

    @pytest.mark.parametrize(
        "other", [{"tenant_id": "u"}, {"subscription": "u"}, {"server_id": "u"}]
    )
    def test_another_question_is_another_token(self, place, other):
        az = Az()
        provider(az, place).get_token()
        provider(az, place, **other).get_token()
        assert len(az.asked) == 2

    def test_another_login_of_the_cli_is_another_token(self, place, tmp_path):
        az = Az()
        provider(az, place).get_token()
        (tmp_path / "azure").mkdir()
        (tmp_path / "azure" / "azureProfile.json").write_text('{"subscriptions": []}')
        provider(az, place).get_token()
        provider(az, {**place, "AZURE_CONFIG_DIR": str(tmp_path / "other")}).get_token()
        assert len(az.asked) == 3


class TestAnswers:
    def test_an_old_cli_tells_its_expiry_in_local_time(self, place):
        old = {k: v for k, v in ANSWER.items() if k != "expires_on"}
        token = provider(Az(json.dumps(old)), place).get_token()
        assert token.expires_on == EXPIRY

    @pytest.mark.parametrize(
        "stdout",
        [
            "no JSON",
            "[]",
            "null",
            "{}",
            json.dumps({"accessToken": "t0k3n"}),
            json.dumps({**ANSWER, "expires_on": "soon"}),
            json.dumps({"accessToken": "t0k3n", "expiresOn": "soon"}),
        ],
    )
    def test_what_cannot_be_read_is_a_failure_without_its_text(self, place, stdout):
        with pytest.raises(ToolError) as caught:
            provider(Az(stdout), place).get_token()
        assert "t0k3n" not in f"{caught.value} {caught.value.hint}" and caught.value.hint

    @pytest.mark.parametrize("token", [None, "", 5, ["x"]])
    def test_a_token_is_a_text(self, place, token):
        with pytest.raises(ToolError):
            provider(Az(json.dumps({**ANSWER, "accessToken": token})), place).get_token()


class TestFailures:
    def test_its_last_error_is_shown_and_the_way_out(self, place):
        az = Az(code=1, stderr="WARNING: x\nERROR: Nobody is signed in.\nTo sign in, …\n")
        with pytest.raises(ToolError, match="Nobody is signed in") as caught:
            provider(az, place, tenant_id="t.example").get_token()
        assert "az login --tenant t.example" in caught.value.hint

    def test_a_reason_of_entra_id_is_kept_with_its_own_advice(self, place):
        az = Az(code=1, stderr="ERROR: AADSTS50057: The account is disabled.\n")
        with pytest.raises(ToolError, match="AADSTS50057") as caught:
            provider(az, place).get_token()
        assert "the account is disabled: an administrator can enable it" in caught.value.hint

    def test_a_token_in_its_error_is_not_shown(self, place):
        jwt = "eyJhbGciOiJSUzI1NiIsInR5cCI6.eyJhdWQiOiJodHRwczovL21.c2lnbmF0dXJl"
        with pytest.raises(ToolError) as caught:
            provider(Az(code=1, stderr=f"ERROR: bad {jwt}"), place).get_token()
        assert jwt not in str(caught.value) and "bad" in str(caught.value)

    @pytest.mark.parametrize("stderr", ["", "\n\n", "x" * 10_000])
    def test_any_complaint_makes_one_bounded_sentence(self, place, stderr):
        with pytest.raises(ToolError, match="exit code 3") as caught:
            provider(Az(code=3, stderr=stderr), place).get_token()
        assert len(str(caught.value)) < 500

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (TimeoutError("no answer after 60 s"), "no answer after 60 s"),
            (PermissionError(13, "Permission denied"), "Permission denied"),
            (FileNotFoundError(2, "No such file or directory"), "No such file"),
        ],
    )
    def test_a_program_that_does_not_run(self, place, error, said):
        with pytest.raises(ToolError, match=said) as caught:
            provider(Az(error=error), place).get_token()
        assert caught.value.hint

    def test_no_program_at_all(self, place, tmp_path):
        for name in ("az", "az.cmd"):
            (tmp_path / name).unlink(missing_ok=True)
        try:
            provider(Az(error=FileNotFoundError(2, "gone")), place).get_token()
        except ToolError as error:
            assert "az" in str(error) and error.hint
        else:
            pytest.fail("a token out of nowhere")
