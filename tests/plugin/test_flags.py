"""The table of flags, and argument lists as Go's pflag reads them."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeauth.options.flags import BY_NAME, FlagError, parse, to_argv, value_of
from kubeauth.options.settings import FLAGS, Settings

# A federated token itself is for variables and for Python; on a command line all could read it.
NO_FLAG = {"origins", "assertion", "claims"}


class TestTable:
    def test_has_one_flag_for_every_field(self):
        known = {field.name for field in fields(Settings)} - NO_FLAG
        assert {flag.field for flag in FLAGS} == known

    def test_uses_no_name_twice(self):
        names = [name for flag in FLAGS for name in (flag.name, *flag.aliases)]
        shorts = [flag.short for flag in FLAGS if flag.short]
        assert len(names) == len(set(names)) and len(shorts) == len(set(shorts))

    def test_knows_which_values_are_secret(self):
        hidden = {field.name for field in fields(Settings) if not field.repr} - NO_FLAG
        assert {flag.field for flag in FLAGS if flag.secret} == hidden

    def test_kinds_are_those_of_the_fields(self):
        kinds = {field.name: field.type for field in fields(Settings)}
        expected = {str: "str", bool: "bool", float: "float | None"}
        assert {flag.field: expected[flag.kind] for flag in FLAGS} == {
            flag.field: kinds[flag.field] for flag in FLAGS
        }

    @pytest.mark.parametrize(
        "name",
        [
            "login",
            "client-id",
            "client-secret",
            "client-certificate",
            "client-certificate-password",
            "username",
            "password",
            "identity-resource-id",
            "server-id",
            "tenant-id",
            "subscription",
            "environment",
            "authority-host",
            "federated-token-file",
            "azure-pipelines-service-connection-id",
            "cache-dir",
            "token-cache-dir",
            "legacy",
            "use-azurerm-env-vars",
            "pop-enabled",
            "pop-claims",
            "disable-environment-override",
            "disable-instance-discovery",
            "redirect-url",
            "login-hint",
            "timeout",
        ],
    )
    def test_has_every_flag_of_kubelogin(self, name):
        assert name in BY_NAME


class TestParse:
    @pytest.mark.parametrize(
        "argv",
        [
            ["--login", "spn"],
            ["--login=spn"],
            ["-l", "spn"],
            ["-lspn"],
            ["-l=spn"],
            ["-l", "devicecode", "--login=spn"],
        ],
    )
    def test_understands_every_spelling(self, argv):
        assert parse(argv) == ({"login": "spn"}, [])

    @pytest.mark.parametrize(
        ("argv", "value"),
        [
            (["--legacy"], "true"),
            (["--legacy=false"], "false"),
            (["--legacy=0"], "0"),
            (["--legacy", "--legacy=F"], "F"),
        ],
    )
    def test_a_booleans_value_is_never_the_next_argument(self, argv, value):
        assert parse([*argv, "true"]) == ({"legacy": value}, ["true"])

    def test_keeps_what_it_does_not_know_in_order(self):
        argv = ["get-token", "--oidc-issuer-url=x", "-l", "spn", "-v", "9", "--", "-", ""]
        assert parse(argv) == (
            {"login": "spn"},
            ["get-token", "--oidc-issuer-url=x", "-v", "9", "--", "-", ""],
        )

    def test_an_old_name_is_the_new_flag(self):
        assert parse(["--token-cache-dir", "/x"]) == ({"cache-dir": "/x"}, [])

    @pytest.mark.parametrize("value", ["", "=", "a=b", "-x", "--legacy", "ä b"])
    def test_a_value_may_be_anything(self, value):
        assert parse(["--client-id", value]) == ({"client-id": value}, [])
        assert parse([f"--client-id={value}"]) == ({"client-id": value}, [])

    @pytest.mark.parametrize("argv", [["--login"], ["-l"], ["--legacy", "-t"]])
    def test_a_missing_value_is_an_error_that_names_the_flag(self, argv):
        with pytest.raises(FlagError, match=argv[-1]):
            parse(argv)


VALUES = {str: st.text(max_size=10), float: st.just("30s"), bool: st.just("true")}
SOME_FLAGS = st.lists(
    st.sampled_from(FLAGS).flatmap(lambda f: st.tuples(st.just(f.name), VALUES[f.kind])),
    unique_by=lambda pair: pair[0],
)


@given(SOME_FLAGS)
def test_what_is_written_is_read_back(pairs):
    found, others = parse(to_argv(pairs))
    assert list(found.items()) == pairs and others == []


@given(st.lists(st.text("-=lte_ abc", max_size=6) | st.sampled_from([f"--{n}" for n in BY_NAME])))
def test_any_list_is_read_or_refused_in_words(argv):
    try:
        found, others = parse(argv)
    except FlagError as error:
        assert "has no value" in str(error)
    else:
        assert set(found) <= {flag.name for flag in FLAGS}
        rest = iter(argv)
        assert all(argument in rest for argument in others), "in their order"


def test_a_false_boolean_is_left_out():
    assert to_argv([("legacy", "false"), ("login", "msi")]) == ["--login", "msi"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("legacy", "T", True),
        ("legacy", "False", False),
        ("timeout", "1m", 60.0),
        ("tenant-id", "true", "true"),
    ],
)
def test_value_of(name, text, value):
    assert value_of(BY_NAME[name], text) == value


@pytest.mark.parametrize(("name", "text"), [("legacy", "yes"), ("legacy", ""), ("timeout", "x")])
def test_value_of_refuses(name, text):
    with pytest.raises(ValueError, match=repr(text)):
        value_of(BY_NAME[name], text)
