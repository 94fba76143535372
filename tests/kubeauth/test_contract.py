"""What every way to sign in has to do alike; a new login without a case here fails a test."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from logins import CASES, ENTRA, PASSWORD, Place, each, system_of

from kubeauth import (
    InteractionRequired,
    SettingsError,
    SignInError,
    SignInRefused,
    ToolError,
    provider_for,
)
from kubeauth.options.logins import LOGINS
from kubeauth.options.settings import FLAGS
from kubeauth.testing import User

BY_FIELD = {flag.field: flag for flag in FLAGS}
# What settings name that holds, or makes, a client secret or a key.
HELD = ("file", "variable", "keyring item", "program")
# Every code of Entra ID that deserves a sentence of its own.
CODES = (
    *(50020, 50034, 50076, 50079, 50097, 50158, 50173, 53000, 53001, 53003),
    *(65001, 70021, 70043, 90002, 500011, 700016, 700024, 700082, 700084),
    *(700211, 700212, 700213, 7000215, 7000222),
)


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


class TestContract:
    @pytest.mark.parametrize("login", each(CASES))
    def test_gives_a_token_for_the_right_audience_tenant_and_authority(
        self, place: Place, login: str
    ) -> None:
        case = place.case(login)
        token = provider_for(case.settings, system_of(place, case)).get_token()
        assert token.expires_on > time.time() + 300
        said = claims(token.token)
        assert said["aud"] == place.sim.cluster.server_id
        assert said["tid"] == place.sim.tenant.id
        if case.asks_entra:
            asked = [r for r in place.sim.requests if r.path.endswith("/oauth2/v2.0/token")]
            assert asked and all(r.path.split("/")[1] == place.sim.tenant.id for r in asked)

    @pytest.mark.parametrize("login", each(CASES))
    def test_asks_nobody_where_nobody_is(self, place: Place, login: str) -> None:
        case = replace(place.case(login), prompt=None)
        provider = provider_for(case.settings, system_of(place, case))
        begun = time.monotonic()
        if LOGINS[provider.login].human:
            with pytest.raises(InteractionRequired) as caught:
                provider.get_token()
            assert caught.value.hint and not len(place.sim.requests)
            assert time.monotonic() - begun < 1
        else:
            assert provider.get_token().token

    @pytest.mark.parametrize("login", each(CASES))
    def test_keeps_its_token(self, place: Place, login: str) -> None:
        case = place.case(login)
        first = provider_for(case.settings, system_of(place, case)).get_token()
        place.sim.requests.clear()
        quiet = replace(case, prompt=None)
        assert provider_for(case.settings, system_of(place, quiet)).get_token() == first
        assert not len(place.sim.requests)

    @pytest.mark.parametrize("login", each(CASES))
    def test_says_nothing_secret(
        self,
        place: Place,
        login: str,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        case, said = place.case(login), []
        provider = provider_for(case.settings, system_of(place, case, said))
        with caplog.at_level(logging.DEBUG, "kubeauth"):
            token = provider.get_token()
        out, err = capfd.readouterr()
        shown = [repr(provider), repr(token), str(token), caplog.text, out, err, *said]
        for secret in (*case.secrets, token.token):
            assert not any(secret in text for text in shown)
        assert out == ""

    @pytest.mark.parametrize("login", each(ENTRA))
    def test_a_refusal_keeps_the_secrets(
        self, place: Place, login: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        case = place.case(login)
        place.sim.fail_next(53003)
        with pytest.raises(SignInRefused) as caught:
            provider_for(case.settings, system_of(place, case)).get_token()
        shown = [str(caught.value), repr(caught.value), caught.value.hint, *capfd.readouterr()]
        for secret in case.secrets:
            assert not any(secret in text for text in shown)

    @pytest.mark.parametrize("login", each(ENTRA))
    def test_gives_each_refusal_advice_of_its_own(self, place: Place, login: str) -> None:
        case = place.case(login)
        # A person would take a second for each code; one policy and one dead session tell enough.
        codes = (53003, 50173) if LOGINS[case.settings.login].human else CODES
        hints = {}
        for code in codes:
            place.sim.fail_next(code)
            settings = replace(case.settings, cache_dir=str(place.folder / str(code)))
            with pytest.raises(SignInRefused) as caught:
                provider_for(settings, system_of(place, case)).get_token()
            assert caught.value.code == f"AADSTS{code}" in str(caught.value)
            hints[code] = caught.value.hint
        assert len(set(hints.values())) == len(codes)
        assert not any("look the code up" in hint for hint in hints.values())

    @pytest.mark.parametrize("login", each(CASES))
    def test_each_of_its_settings_is_part_of_the_cache_key(self, place: Place, login: str) -> None:
        """Else a call with one value would get the token of another one."""
        case = place.case(login)
        first = provider_for(case.settings, system_of(place, case)).key()
        for name in {*LOGINS[case.settings.login].entry.own, "server_id"}:
            value = getattr(case.settings, name)
            if value and isinstance(value, str):
                # Of the same length, and still an id where it was one.
                other = value[:-1] + ("1" if value[-1] == "0" else "0")
                settings = replace(case.settings, **{name: other})
                assert provider_for(settings, system_of(place, case)).key() != first, name

    @pytest.mark.parametrize("login", each(CASES))
    def test_the_files_that_it_reads_are_stamped(self, place: Place, login: str) -> None:
        """Else the fast path would serve the old token after such a file has changed."""
        case = place.case(login)
        stamped = provider_for(case.settings, system_of(place, case)).stamped_files()
        files = [getattr(case.settings, flag.field) for flag in FLAGS if flag.names == "file"]
        assert {file for file in files if file} <= {*stamped}

    @pytest.mark.parametrize("login", each(CASES))
    def test_a_variable_that_it_reads_ends_the_record(self, place: Place, login: str) -> None:
        """The fast path would serve a record although such a variable has changed."""
        case = place.case(login)
        provider = provider_for(case.settings, system_of(place, case))
        values = " ".join(str(getattr(case.settings, flag.field)) for flag in FLAGS)
        assert provider.is_repeatable == (not any(name in values for name in case.environ))

    @pytest.mark.parametrize("login", each(CASES))
    def test_its_token_is_bound_to_a_key_or_it_says_that_it_cannot_be(
        self, place: Place, login: str
    ) -> None:
        case = place.case(login)
        settings = replace(case.settings, pop_enabled=True, pop_claims="u=host")
        if not LOGINS[settings.login].proves:
            with pytest.raises(SettingsError, match="does not support proof of possession"):
                provider_for(settings, system_of(place, case))
            return
        signed = claims(provider_for(settings, system_of(place, case)).get_token().token)
        assert signed["u"] == "host"
        assert claims(signed["at"])["cnf"]["kid"] == signed["cnf"]["jwk"]["kid"]

    @pytest.mark.parametrize(
        "login", each([c for c in ENTRA if not LOGINS.get(c) or not LOGINS[c].human])
    )
    def test_a_wrong_secret_is_named_by_its_place(self, place: Place, login: str) -> None:
        case = place.case(login)
        own = [BY_FIELD[name] for name in LOGINS[case.settings.login].entry.own]
        given = [flag for flag in own if getattr(case.settings, flag.field)]
        places = [str(getattr(case.settings, f.field)).split()[0] for f in given if f.names in HELD]
        if case.settings.client_secret:
            places = ["--client-secret"]
        place.sim.fail_next(7000215)
        with pytest.raises(SignInRefused) as caught:
            provider_for(case.settings, system_of(place, case)).get_token()
        assert f"{(places or ['the client secret'])[0]}: it wants" in caught.value.hint

    @pytest.mark.process
    def test_a_tool_hands_on_what_entra_said(self, place: Place) -> None:
        case = place.case("azurecli")
        place.sim.fail_next(53003)
        with pytest.raises(ToolError, match="AADSTS53003") as caught:
            provider_for(case.settings, system_of(place, case)).get_token()
        assert "Conditional Access" in caught.value.hint

    @pytest.mark.parametrize("login", each(CASES))
    def test_a_lost_network_is_an_error_of_ours(self, place: Place, login: str) -> None:
        case = place.case(login)
        if login in ("azd", "azurecli", "msi"):
            pytest.skip("asks no authority")
        settings = replace(case.settings, authority_host="https://localhost:9/", timeout=3.0)
        with pytest.raises(SignInError, match="localhost:9") as caught:
            provider_for(settings, system_of(place, case)).get_token()
        assert caught.value.hint


@pytest.mark.process
def test_every_user_is_told_apart(place: Place) -> None:
    """Two people with the same flags but another name never share a token."""
    bert = place.sim.tenant.user("bert@contoso.example") or place.sim.tenant.add_user(
        "bert@contoso.example", PASSWORD
    )
    users: list[User] = [place.anna, bert]
    for login, name in (("ropc", "username"), ("interactive", "login_hint")):
        for user in users * 2:
            case = place.case(login)
            environ = {"BROWSER": place.sim.browser_command(user)}
            case = replace(case, environ=environ)
            settings = replace(case.settings, **{name: user.upn})
            token = provider_for(settings, system_of(place, case)).get_token()
            assert claims(token.token)["upn"] == user.upn
