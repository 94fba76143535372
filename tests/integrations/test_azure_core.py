"""Providers as credentials of Azure's SDK, and its credentials as providers."""

from __future__ import annotations

import pytest
from azure.core import PipelineClient
from azure.core.credentials import AccessToken as AzureToken
from azure.core.credentials import AccessTokenInfo, SupportsTokenInfo, TokenCredential
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.core.pipeline.policies import BearerTokenCredentialPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential, CredentialUnavailableError

from kubeauth import (
    AccessToken,
    AzureCli,
    FromAzureIdentity,
    ManagedIdentity,
    SettingsError,
    SignInError,
    SignInRefused,
    Unreachable,
)
from kubeauth.jwt import claims_of


class TestProvidersAsCredentials:
    def test_have_both_of_its_forms(self, principal):
        assert isinstance(principal, TokenCredential)
        assert isinstance(principal, SupportsTokenInfo)

    def test_open_an_api_through_its_pipeline(self, principal, scope, sim, outside, sign_ins):
        nodes = f"{sim.cluster.server}/api/v1/nodes"
        policy = BearerTokenCredentialPolicy(principal, scope)
        transport = RequestsTransport(connection_verify=str(sim.ca_file), use_env_settings=False)
        with (
            principal,
            PipelineClient(sim.cluster.server, policies=[policy], transport=transport) as client,
        ):
            for _ in range(2):
                answer = client.send_request(HttpRequest("GET", nodes))
                assert answer.status_code == 200
        assert sign_ins() == 1

    def test_give_its_kinds_of_tokens(self, principal, scope):
        token, info = principal.get_token(scope), principal.get_token_info(scope)
        assert isinstance(token, AzureToken) and isinstance(info, AccessTokenInfo)
        own = principal.get_token()
        assert isinstance(own, AccessToken)
        assert (own.token, own.expires_on) == tuple(token)
        assert (own.token, own.refresh_on) == (info.token, info.refresh_on)

    def test_another_scope_is_another_token(self, principal, sim, scope, sign_ins):
        vault = sim.tenant.add_application("vault").client_id
        other = principal.get_token(f"{vault}/.default").token
        assert claims_of(other)["aud"] == vault
        assert principal.get_token(f"{vault}/.default").token == other
        assert claims_of(principal.get_token().token)["aud"] == sim.cluster.server_id
        assert sign_ins() == 2

    def test_machines_ask_for_the_resource(self, sim, outside, monkeypatch):
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", sim.imds_url)
        identity = sim.add_managed_identity(sim.tenant)
        vault = sim.tenant.add_application("vault").client_id
        machine = ManagedIdentity(
            server_id=sim.cluster.server_id, client_id=identity.client_id, system=outside.system()
        )
        token = machine.get_token(f"{vault}/.default", tenant_id=sim.tenant.id).token
        assert claims_of(token)["aud"] == vault

    def test_claims_pass_by_the_cache_and_reach_the_authority(
        self, principal, scope, sim, sign_ins
    ):
        first = principal.get_token(scope).token
        claims = '{"access_token": {"nbf": {"essential": true, "value": "1"}}}'
        assert principal.get_token(scope, claims=claims, enable_cae=True).token != first
        assert principal.get_token_info(scope, options={"claims": claims}).token != first
        assert sign_ins() == 3
        forms = [r.form for r in sim.requests if r.path.endswith("/token")]
        assert ["claims" in form for form in forms] == [False, True, True]

    def test_a_refusal_of_claims_is_not_hidden_by_the_old_token(self, principal, scope, sim):
        principal.get_token(scope)
        sim.fail_next(50076)
        with pytest.raises(SignInRefused):
            principal.get_token(scope, claims='{"access_token": {}}')

    def test_a_tenant_that_nobody_configured_is_refused(self, principal, scope, sim):
        assert principal.get_token(scope, tenant_id=sim.tenant.id.upper())
        with pytest.raises(SettingsError, match="fabrikam"):
            principal.get_token(scope, tenant_id="fabrikam.example")

    def test_two_scopes_at_once_are_refused(self, principal, scope):
        with pytest.raises(SettingsError, match="2 scopes"):
            principal.get_token(scope, "other/.default")

    def test_a_cli_may_be_asked_for_any_tenant(self, outside):
        cli = AzureCli(server_id="s", system=outside.system())
        assert cli.for_scope("x/.default", tenant_id="T")._settings.tenant_id == "t"


class Replaced:
    """A credential that fails or answers as the test says."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def get_token(self, *scopes, **options):
        self.asked.append((scopes, options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class TestCredentialsAsProviders:
    @pytest.fixture
    def secret(self, sim, app):
        credential = ClientSecretCredential(
            sim.tenant.id,
            app.client_id,
            app.secret,
            authority=sim.authority,
            disable_instance_discovery=True,
            connection_verify=str(sim.ca_file),
            retry_total=0,
        )
        with credential:
            yield credential

    def test_give_a_token_once(self, secret, sim, outside, sign_ins):
        provider = FromAzureIdentity(
            secret, server_id=sim.cluster.server_id, system=outside.system()
        )
        first = provider.get_token()
        assert claims_of(first.token)["aud"] == sim.cluster.server_id
        assert provider.get_token() == first and first.token not in repr(provider)
        assert sign_ins() == 1

    def test_a_rejected_token_is_replaced_past_its_cache(self, secret, sim, outside, sign_ins):
        provider = FromAzureIdentity(
            secret, server_id=sim.cluster.server_id, system=outside.system()
        )
        first = provider.get_token()
        second = provider.renewed(first)
        assert second.token != first.token
        assert provider.renewed(first) == second
        assert provider.renewed(second) == second, "not twice within ten seconds"
        assert sign_ins() == 2

    def test_another_scope(self, secret, sim, outside):
        provider = FromAzureIdentity(secret, server_id=sim.cluster.server_id)
        vault = sim.tenant.add_application("vault").client_id
        assert claims_of(provider.get_token(f"{vault}/.default").token)["aud"] == vault

    def test_its_refusals_are_ours(self, sim, app):
        wrong = ClientSecretCredential(
            sim.tenant.id,
            app.client_id,
            "wrong",
            authority=sim.authority,
            disable_instance_discovery=True,
            connection_verify=str(sim.ca_file),
        )
        with wrong, pytest.raises(SignInRefused, match="ClientSecretCredential") as caught:
            FromAzureIdentity(wrong, server_id=sim.cluster.server_id).get_token()
        assert caught.value.code == "AADSTS7000215" and caught.value.hint

    @pytest.mark.parametrize(
        ("raised", "ours"),
        [
            (CredentialUnavailableError("not here\nsecond line"), SignInError),
            (ServiceRequestError("no route"), Unreachable),
            (
                ClientAuthenticationError("no: eyJhbGciOiJSUzI1NiIsInR5.eyJhdWQiOiJ4In0aaaaaa.x"),
                SignInError,
            ),
            (RuntimeError(), SignInError),
        ],
    )
    def test_its_failures_are_ours(self, raised, ours):
        provider = FromAzureIdentity(Replaced(raised), server_id="s")
        with pytest.raises(ours) as caught:
            provider.get_token()
        assert type(caught.value) is ours and caught.value.hint
        assert "second line" not in str(caught.value) and "eyJ" not in str(caught.value)

    def test_a_failure_leaves_the_token_that_still_works(self, outside):
        now = int(outside.time)
        failure = ServiceRequestError("no route")
        credential = Replaced(AzureToken("one", now + 400), *([failure] * 3))
        provider = FromAzureIdentity(credential, server_id="s", system=outside.system())
        assert provider.get_token().token == "one"
        outside.time += 50
        assert [provider.get_token().token for _ in range(3)] == ["one"] * 3
        assert len(credential.asked) == 2, "not again at once"
        outside.time += 200
        assert provider.get_token().token == "one"
        outside.time += 150
        with pytest.raises(Unreachable):
            provider.get_token()

    def test_ask_again_before_the_token_is_over(self, outside):
        soon = int(outside.time)
        credential = Replaced(AzureToken("one", soon + 400), AzureToken("two", soon + 4000))
        provider = FromAzureIdentity(credential, server_id="s", system=outside.system())
        assert provider.get_token().token == "one"
        assert provider.get_token().token == "one"
        outside.time += 50
        assert provider.get_token().token == "two"
        assert credential.asked == [(("s/.default",), {})] * 2
