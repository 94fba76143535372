"""client-go's contract: any KUBERNETES_EXEC_INFO in, an ExecCredential out."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeauth.errors import SettingsError
from kubeauth.token import AccessToken
from kubeauth_plugin.execinfo import ExecInfo, read_exec_info, render

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


class TestRead:
    @pytest.mark.parametrize("text", ["", "\n", "  "])
    def test_nothing_said_is_the_version_everybody_knows(self, text):
        assert read_exec_info(text) == ExecInfo(V1BETA1, None)

    @pytest.mark.parametrize("version", [V1, V1BETA1])
    @pytest.mark.parametrize("interactive", [True, False])
    def test_what_kubectl_says(self, version, interactive):
        said = {
            "kind": "ExecCredential",
            "apiVersion": version,
            "spec": {"interactive": interactive},
        }
        assert read_exec_info(json.dumps(said) + "\n") == ExecInfo(version, interactive)

    @pytest.mark.parametrize("spec", [None, [], "x", {}, {"interactive": "yes"}])
    def test_a_spec_of_another_shape_says_nothing(self, spec):
        assert read_exec_info(json.dumps({"spec": spec})).interactive is None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "not JSON"),
            ("[]", "not a JSON object"),
            ("null", "not a JSON object"),
            ('{"kind":"Pod"}', "Pod"),
            ('{"apiVersion":"client.authentication.k8s.io/v1alpha1"}', "v1alpha1"),
            ('{"apiVersion":["v1"]}', "v1"),
        ],
    )
    def test_what_cannot_be_answered_is_refused(self, text, said):
        with pytest.raises(SettingsError, match=said) as caught:
            read_exec_info(text)
        assert "KUBERNETES_EXEC_INFO" in str(caught.value) and caught.value.hint

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "kind": st.just("ExecCredential") | anything,
                "apiVersion": st.sampled_from([V1, V1BETA1]) | anything,
                "spec": st.fixed_dictionaries({}, optional={"interactive": anything}) | anything,
            },
        )
        | anything
    )
    def test_any_json_is_read_or_refused(self, said):
        try:
            info = read_exec_info(json.dumps(said))
        except SettingsError as error:
            assert error.hint
        else:
            assert info.api_version in (V1, V1BETA1)
            assert info.interactive in (None, True, False)

    @given(st.text(max_size=20))
    def test_any_text_is_read_or_refused(self, text):
        try:
            read_exec_info(text)
        except SettingsError as error:
            assert error.hint

    def test_json_of_any_depth_is_read_or_refused(self):
        with pytest.raises(SettingsError):
            read_exec_info("[" * 60_000)


def expiry_told(credential: bytes) -> float:
    told = json.loads(credential)["status"]["expirationTimestamp"]
    moment = datetime.strptime(told, "%Y-%m-%dT%H:%M:%SZ")
    return moment.replace(tzinfo=timezone.utc).timestamp()


class TestRender:
    @pytest.mark.parametrize("version", [V1, V1BETA1])
    @given(
        token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
        left=st.integers(1, 90_000),
    )
    def test_what_is_written_is_read_back(self, version, token, left):
        now = 1_800_000_000
        written = render(AccessToken(token, now + left), version, now)
        assert written.count(b"\n") == 1 and written.endswith(b"}\n")
        read = json.loads(written)
        assert (read["kind"], read["apiVersion"]) == ("ExecCredential", version)
        assert read["status"]["token"] == token
        assert read_exec_info(written.decode()) == ExecInfo(version, interactive=False)

    @given(st.integers(1, 90_000))
    def test_the_expiry_told_is_early_but_not_past(self, left):
        now = 1_800_000_000
        early = now + left - expiry_told(render(AccessToken("t", now + left), V1, now))
        assert 0 <= early <= 300
        assert early == 300 or left < 600
        assert early < left

    def test_an_hour_is_told_as_55_minutes(self):
        now = time.time()
        told = expiry_told(render(AccessToken("t", int(now) + 3600), V1, now))
        assert told == int(now) + 3300

    def test_is_ascii(self):
        """Wherever kubectl's pipe leads and whatever the locale is."""
        assert render(AccessToken("tökén", 2_000_000_000), V1, 1_999_000_000).isascii()
