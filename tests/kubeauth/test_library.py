"""The library's door: a token from Python, against the simulator, with an outside of one's own."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import kubeauth
from kubeauth import (
    AccessToken,
    AzureCli,
    DeviceCode,
    InteractionRequired,
    ManagedIdentity,
    ServicePrincipal,
    Settings,
    SettingsError,
    SignInCancelled,
    SignInRefused,
    System,
    Unreachable,
    WorkloadIdentity,
    provider_for,
)
from kubeauth.testing import AKS_CLIENT_ID, Fault
from kubeauth.testing.azure_cli import install_azure_cli, sign_in


class Outside:
    """An outside in which time passes only when somebody sleeps, and everything said is kept."""

    def __init__(self, sim, home):
        self.time = time.time()
        self.shown: list[str] = []
        self.warned: list[str] = []
        self.environ = {**sim.environ(), "KUBEAUTH_CACHE_DIR": str(home / "cache")}
        self._sim = sim

    def sleep(self, seconds):
        self.time += seconds
        self._sim.advance(seconds)

    def system(self, **more):
        ports = {"environ": self.environ, "now": lambda: self.time, "sleep": self.sleep}
        return System(**{**ports, "warn": self.warned.append, **more})


@pytest.fixture
def outside(sim, tmp_path):
    return Outside(sim, tmp_path)


@pytest.fixture
def options(sim):
    return {
        "server_id": sim.cluster.server_id,
        "authority_host": sim.authority,
        "disable_instance_discovery": True,
    }


@pytest.fixture
def principal(sim, app, outside, options):
    def make(**changes):
        values = {"tenant_id": sim.tenant.id, "client_id": app.client_id} | options
        values |= {"client_secret": app.secret, "system": outside.system(), **changes}
        return ServicePrincipal(**values)

    return make


class TestServicePrincipal:
    def test_gives_a_token_that_the_cluster_admits(self, principal, outside, sim):
        token = principal().get_token()
        assert isinstance(token, AccessToken) and token.token.count(".") == 2
        assert 3000 < token.expires_on - outside.time <= 3600 * 24
        assert outside.warned == []

    def test_asks_once_for_many_calls_and_many_objects(self, principal, sim):
        tokens = {principal().get_token().token for _ in range(3)}
        assert len(tokens) == 1
        assert sim.requests.count(service="entra", path="/token") == 1

    def test_asks_again_before_the_token_is_over(self, principal, outside, sim):
        provider = principal()
        first = provider.get_token()
        # Renewals are spread over the last fifth of the time that a token is fresh.
        fresh_for = first.expires_on - outside.time - 360
        outside.sleep(0.79 * fresh_for)
        assert provider.get_token() == first
        outside.sleep(0.21 * fresh_for + 1)
        assert provider.get_token().token != first.token

    def test_an_old_token_serves_where_no_new_one_can_be_had(self, principal, outside, sim):
        provider = principal()
        first = provider.get_token()
        sim.faults.add(Fault(service="entra", status=401, body=b"no", times=None))
        outside.sleep(first.expires_on - outside.time - 60)
        assert provider.get_token() == first
        outside.sleep(45)
        with pytest.raises(kubeauth.SignInError):
            provider.get_token()

    def test_ten_threads_get_the_same_answer(self, principal, sim):
        provider, barrier = principal(), threading.Barrier(10)

        def ask(_):
            barrier.wait()
            return provider.get_token()

        with ThreadPoolExecutor(10) as pool:
            tokens = list(pool.map(ask, range(10)))
        assert all(token.token for token in tokens)
        assert provider.get_token() in tokens

    def test_two_secrets_are_two_identities(self, principal):
        assert principal().get_token()
        with pytest.raises(SignInRefused) as caught:
            principal(client_secret="an0ther-secret").get_token()
        assert caught.value.code == "AADSTS7000215" and caught.value.hint
        assert "an0ther-secret" not in f"{caught.value!r} {caught.value} {caught.value.hint}"

    def test_its_repr_shows_who_but_no_secret(self, principal, app):
        text = repr(principal())
        assert app.client_id in text and app.secret not in text
        assert len(text) < 300 and "timeout" not in text, "what nobody gave"
        assert "s3cr3t" not in repr(System(environ={"AZURE_CLIENT_SECRET": "s3cr3t"}))
        assert principal().get_token().token not in repr(principal().get_token())

    def test_incomplete_values_fail_when_it_is_made(self, principal, sim):
        with pytest.raises(SettingsError, match="--client-id"):
            principal(client_id="")
        assert len(sim.requests) == 0

    def test_needs_no_home(self, principal, outside):
        outside.environ["KUBEAUTH_CACHE_DIR"] = "/proc/kubeauth"
        assert principal().get_token().token
        assert len(outside.warned) == 1

    def test_variables_do_not_change_what_was_written_down_in_code(self, principal, outside):
        outside.environ["AZURE_CLIENT_ID"] = "99999999-0000-0000-0000-000000000000"
        assert principal().get_token().token

    def test_no_network(self, principal):
        with pytest.raises(Unreachable) as caught:
            principal(authority_host="https://localhost:9/", timeout=3.0).get_token()
        assert "Connection refused" in str(caught.value) and caught.value.hint


class TestOtherMachines:
    def test_managed_identity_in_an_environment_of_ones_own(self, sim, outside, monkeypatch):
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
        identity = sim.add_managed_identity(sim.tenant)
        machine = ManagedIdentity(
            server_id=sim.cluster.server_id,
            client_id=identity.client_id,
            system=outside.system(),
        )
        assert machine.get_token().token == machine.get_token().token
        assert sim.requests.count(service="imds") == 1

    def test_workload_identity_reads_its_file_at_every_exchange(
        self, sim, app, outside, options, tmp_path
    ):
        issuer = sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject="system:serviceaccount:a:b")
        file = tmp_path / "token"
        named = {"subject": "system:serviceaccount:a:b", "audience": "api://AzureADTokenExchange"}
        provider = WorkloadIdentity(
            **options,
            tenant_id=sim.tenant.id,
            client_id=app.client_id,
            federated_token_file=str(file),
            system=outside.system(),
        )
        with pytest.raises(SettingsError, match="cannot read"):
            provider.get_token()
        file.write_text(issuer.mint(**named, expires_in=600))
        first = provider.get_token()
        outside.sleep(first.expires_on - outside.time)
        with pytest.raises(SignInRefused, match="expired"):
            provider.get_token()
        file.write_text(issuer.mint(**named, expires_in=600))
        assert provider.get_token().token != first.token

    @pytest.mark.process
    def test_azure_cli(self, sim, outside, tmp_path):
        user = sim.tenant.add_user("dana-library@contoso.example", password="pw")
        install_azure_cli(tmp_path, sim, user)
        sign_in(tmp_path / "azure", user)
        outside.environ |= {
            "AZURE_CONFIG_DIR": str(tmp_path / "azure"),
            "PATH": os.pathsep.join([str(tmp_path), os.environ["PATH"]]),
        }
        provider = AzureCli(server_id=sim.cluster.server_id, system=outside.system())
        assert provider.get_token() == provider.get_token()
        assert sim.requests.count(service="entra") == 1


class TestDeviceCode:
    @pytest.fixture
    def person(self, sim, outside, options):
        """A provider whose person does ``act`` with the code as soon as it is shown."""

        def make(act):
            def prompt(text):
                outside.shown.append(text)
                (flow,) = sim.pending_device_codes()
                act(flow.user_code)

            return DeviceCode(
                **options,
                tenant_id=sim.tenant.id,
                client_id=AKS_CLIENT_ID,
                system=outside.system(prompt=prompt),
            )

        return make

    def test_shows_page_and_code_and_then_never_again(self, sim, outside, person):
        user = sim.tenant.add_user("dana-code@contoso.example")
        provider = person(lambda code: sim.approve(code, user))
        first = provider.get_token()
        assert len(outside.shown) == 1 and "/devicelogin" in outside.shown[0]
        outside.sleep(first.expires_on - outside.time)
        assert provider.get_token().token != first.token
        assert len(outside.shown) == 1, "renewed without the person"

    def test_a_revoked_sign_in_asks_again(self, sim, outside, person):
        user = sim.tenant.add_user("dana-revoked@contoso.example")
        provider = person(lambda code: sim.approve(code, user))
        first = provider.get_token()
        outside.sleep(first.expires_on - outside.time)
        sim.revoke(user)
        assert provider.get_token().token
        assert len(outside.shown) == 2

    @pytest.mark.parametrize("way", ["decline", "expire"])
    def test_a_person_who_does_not_want_to(self, sim, person, way):
        with pytest.raises(SignInCancelled) as caught:
            person(getattr(sim, way)).get_token()
        assert caught.value.hint

    # MSAL looks at the real clock, in which no time passes here.
    @pytest.mark.filterwarnings("ignore:Attempted too soon")
    def test_a_person_who_does_nothing_is_not_waited_for_for_ever(self, person, outside):
        begun = outside.time
        with pytest.raises(SignInCancelled, match="in time"):
            person(lambda _: None).get_token()
        assert outside.time - begun < 1000

    def test_without_a_prompt_nothing_is_sent(self, sim, outside, options):
        provider = DeviceCode(
            **options,
            tenant_id=sim.tenant.id,
            client_id=AKS_CLIENT_ID,
            system=outside.system(),
        )
        with pytest.raises(InteractionRequired):
            provider.get_token()
        assert len(sim.requests) == 0


class TestTheDoor:
    def test_its_list_is_sorted_and_complete(self):
        assert kubeauth.__all__ == sorted(kubeauth.__all__)
        assert dir(kubeauth) == kubeauth.__all__
        assert all(getattr(kubeauth, name) for name in kubeauth.__all__)
        with pytest.raises(AttributeError, match="no_such"):
            _ = kubeauth.no_such

    @pytest.mark.parametrize(
        "kind", [AzureCli, DeviceCode, ManagedIdentity, ServicePrincipal, WorkloadIdentity]
    )
    def test_settings_choose_the_provider(self, kind, tmp_path):
        settings = Settings(
            login=kind.login,
            server_id="s",
            tenant_id="t",
            client_id="c",
            client_secret="x",
            federated_token_file="f",
        )
        system = System(environ={"KUBEAUTH_CACHE_DIR": str(tmp_path)})
        assert type(provider_for(settings, system)) is kind

    @pytest.mark.parametrize(
        "kind", [AzureCli, DeviceCode, ManagedIdentity, ServicePrincipal, WorkloadIdentity]
    )
    def test_what_belongs_to_no_provider_is_a_type_error(self, kind):
        with pytest.raises(TypeError):
            kind(server_id="s", no_such_option=1)
