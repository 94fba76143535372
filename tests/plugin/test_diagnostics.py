"""Failures at the terminal: two lines, a documented exit code, nothing forged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeauth import errors
from kubeauth_plugin import diagnostics

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "errors.md"


def every_kind(base: type[errors.KubeauthError]) -> set[type[errors.KubeauthError]]:
    below = {kind for child in base.__subclasses__() for kind in every_kind(child)}
    return {base} | below


def raised(kind: type[errors.KubeauthError]) -> errors.KubeauthError:
    more = {"code": "AADSTS1"} if issubclass(kind, errors.SignInRefused) else {}
    return kind("what", hint="next", **more)


class TestReport:
    @pytest.mark.parametrize(
        "kind", sorted(every_kind(errors.KubeauthError), key=lambda k: k.__name__)
    )
    def test_every_error_is_two_lines_and_its_code(self, kind, capsys):
        code = diagnostics.report(raised(kind))
        assert capsys.readouterr() == ("", "error: what\nhint: next\n")
        abstract = kind in (errors.KubeauthError, errors.SignInError)
        assert (code == 1) == abstract, "only what is never raised itself has no code"

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(message=st.text(), hint=st.text())
    def test_a_servers_message_cannot_forge_a_line(self, capsys, message, hint):
        diagnostics.report(errors.Unreachable(message, hint=hint))
        err = capsys.readouterr().err
        assert err.count("\n") == 2 and err.splitlines()[1].startswith("hint:")
        assert len(err.splitlines()) == 2
        assert all(c.isprintable() or c == "\n" for c in err)

    @pytest.mark.parametrize(
        "evil",
        ["\r", "\n", "\x1b[2K\x1b[1A", "\x85", "\u2028", "\u202e", "\x00", "\x07", "\x9b31m"],
    )
    def test_control_characters_become_blanks(self, capsys, evil):
        diagnostics.report(errors.Unreachable(f"a{evil}hint: do evil", hint="good"))
        first, second = capsys.readouterr().err.splitlines()
        assert first.startswith("error: a ") and second == "hint: good"
        assert evil not in first

    def test_an_unknown_failure_is_placed_but_not_quoted(self, capsys):
        try:
            int("s3cr3t")
        except ValueError as error:
            assert diagnostics.report(error) == 1
        err = capsys.readouterr().err
        assert "ValueError" in err and re.search(r"test_diagnostics:\d+", err)
        assert "s3cr3t" not in err and len(err.splitlines()) == 2

    def test_a_failure_without_a_place_is_reported_all_the_same(self, capsys):
        assert diagnostics.report(RuntimeError("s3cr3t")) == 1
        assert "s3cr3t" not in capsys.readouterr().err

    def test_an_interruption(self, capsys):
        assert diagnostics.interrupted() == 130
        assert capsys.readouterr().err.startswith("error: interrupted\nhint: ")

    def test_a_warning_is_one_line(self, capsys):
        diagnostics.warn("one\ntwo")
        assert capsys.readouterr() == ("", "warning: one two\n")


class TestExitCodes:
    def test_are_distinct_and_free(self):
        codes = [code for _, code in diagnostics.EXIT_CODES]
        assert len(codes) == len(set(codes))
        # 126 and up belong to shells and signals.
        assert all(2 <= code < 64 for code in codes)

    def test_are_those_of_the_document(self):
        rows = re.findall(r"^\| (\d+) \| (?:`(\w+)`|[^|`]*) \|", DOCUMENT.read_text("utf-8"), re.M)
        documented = {int(code): name for code, name in rows}
        assert documented == {
            0: "",
            1: "",
            130: "",
            **{code: kind.__name__ for kind, code in diagnostics.EXIT_CODES},
        }

    def test_every_example_of_the_document_is_an_error_and_a_hint(self):
        blocks = re.findall(r"```text\n(.*?)```", DOCUMENT.read_text("utf-8"), re.S)
        assert len(blocks) >= len(diagnostics.EXIT_CODES)
        for block in blocks:
            assert [line.partition(": ")[0] for line in block.splitlines()] == ["error", "hint"]
