"""``--assertion-source msi`` and ``gcp``, and a program's own source in the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kubeauth import SignInRefused, WorkloadIdentity
from kubeauth.system import System
from kubeauth.testing import Application, Fault, ManagedIdentity, Simulator

if TYPE_CHECKING:
    from harness import Program

GOOGLE = "https://accounts.google.com"
ACCOUNT = "104000000000000000001"
AUDIENCE = "api://AzureADTokenExchange"


@pytest.fixture
def sim() -> Any:
    with Simulator() as running:
        yield running


@pytest.fixture
def identity(sim: Simulator) -> ManagedIdentity:
    return sim.add_managed_identity(system_assigned=False)


@pytest.fixture
def trusting(sim: Simulator, app: Application, identity: ManagedIdentity) -> Application:
    issuer = f"{sim.authority}{sim.tenant.id}/v2.0"
    app.add_federated_credential(issuer=issuer, subject=identity.object_id)
    app.add_federated_credential(issuer=GOOGLE, subject=ACCOUNT)
    return app


@pytest.fixture
def flags(sim: Simulator, trusting: Application) -> tuple[str, ...]:
    ids = ("--tenant-id", sim.tenant.id, "--client-id", trusting.client_id)
    return ("-l", "workloadidentity", *ids, "--assertion-source")


class TestManagedIdentity:
    def test_the_only_one(self, program: Program, sim: Simulator, flags) -> None:
        assert program.get_token(*flags, "msi").status["token"]
        asked = next(r for r in sim.requests if r.service == "imds")
        assert asked.query["resource"] == AUDIENCE

    def test_one_of_several(self, program: Program, sim: Simulator, flags, identity) -> None:
        sim.add_managed_identity()
        ran = program.get_token(*flags, f"msi:{identity.client_id}")
        assert ran.status["token"]

    def test_app_service(self, program: Program, sim: Simulator, flags) -> None:
        assert program.get_token(*flags, "msi", **sim.hosts.app_service.environ).status["token"]

    def test_across_tenants(self, program: Program, sim: Simulator, trusting, identity) -> None:
        other = sim.add_tenant()
        guest = other.add_application("guest", client_id=trusting.client_id)
        guest.federated.extend(trusting.federated)
        ids = ("--tenant-id", other.id, "--client-id", guest.client_id)
        ran = program.get_token("-l", "workloadidentity", *ids, "--assertion-source", "msi")
        assert ran.status["token"]

    def test_a_new_token_of_the_machine_for_every_exchange(
        self, program: Program, sim: Simulator, flags
    ) -> None:
        for _ in range(2):
            program.get_token(*flags, "msi", "--force-refresh").status["token"]
        assert sim.requests.count(service="imds") == 2
        kept = [f for f in program.cache.rglob("*") if f.is_file() and AUDIENCE in f.read_text()]
        assert kept == []

    def test_several_and_no_id(self, program: Program, sim: Simulator, flags) -> None:
        sim.add_managed_identity()
        ran = program.get_token(*flags, "msi")
        assert "Multiple" in ran.error and "--assertion-source msi:CLIENT_ID" in ran.stderr

    def test_an_identity_that_is_not_assigned(self, program: Program, flags) -> None:
        ran = program.get_token(*flags, "msi:11111111-0000-0000-0000-000000000001")
        assert "Identity not found" in ran.error
        assert "--assertion-source msi:CLIENT_ID" in ran.stderr

    def test_an_identity_that_is_not_registered(
        self, program: Program, sim: Simulator, flags
    ) -> None:
        other = sim.add_managed_identity()
        ran = program.get_token(*flags, f"msi:{other.client_id}")
        assert "AADSTS700213" in ran.error and f"subject {other.object_id}" in ran.stderr

    def test_not_on_azure(self, program: Program, flags) -> None:
        elsewhere = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"}
        ran = program.get_token(*flags, "msi", "--timeout", "2s", **elsewhere)
        assert "another --assertion-source" in ran.stderr and ran.code == 8

    def test_a_service_with_one_identity_only(
        self, program: Program, sim: Simulator, flags, identity
    ) -> None:
        ran = program.get_token(
            *flags, f"msi:{identity.client_id}", **sim.hosts.cloud_shell.environ
        )
        assert "takes no id" in ran.error and "write --assertion-source msi, " in ran.stderr


class TestGoogle:
    @pytest.fixture
    def job(self, sim: Simulator) -> dict[str, str]:
        sim.hosts.google.sign_in_as(ACCOUNT)
        return sim.hosts.google.environ

    def test_the_service_account(self, program: Program, sim: Simulator, flags, job) -> None:
        assert program.get_token(*flags, "gcp", **job).status["token"]
        asked = next(r for r in sim.requests if r.path.startswith("/computeMetadata"))
        assert asked.query == {"audience": AUDIENCE}
        assert asked.headers["metadata-flavor"] == "Google"

    def test_never_through_a_proxy(self, program: Program, sim: Simulator, flags, job) -> None:
        proxies = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
        assert program.get_token(*flags, "gcp", **job, **proxies).status["token"]

    def test_no_service_account(self, program: Program, sim: Simulator, flags, job) -> None:
        sim.hosts.google.account = ""
        ran = program.get_token(*flags, "gcp", **job)
        assert "no service account" in ran.error and "attach" in ran.stderr

    def test_another_account(self, program: Program, sim: Simulator, flags, job) -> None:
        sim.hosts.google.account = "104000000000000000002"
        ran = program.get_token(*flags, "gcp", **job)
        assert "AADSTS700213" in ran.error and "subject 104000000000000000002" in ran.stderr

    def test_not_on_google(self, program: Program, flags) -> None:
        ran = program.get_token(*flags, "gcp", GCE_METADATA_HOST="127.0.0.1:1")
        assert "cannot be reached" in ran.error and "Google Cloud only" in ran.stderr
        assert ran.code == 7

    def test_something_else_in_its_place(self, program: Program, sim: Simulator, flags) -> None:
        sim.faults.add(Fault(path="/computeMetadata/", status=200, body=b"<html>sign in</html>"))
        ran = program.get_token(*flags, "gcp", **sim.hosts.google.environ)
        assert "something else answers" in ran.error

    @pytest.mark.parametrize("host", ["http://x/", "a/b", "me@host", "host:port"])
    def test_a_host_that_is_none(self, program: Program, sim: Simulator, flags, host: str) -> None:
        ran = program.get_token(*flags, "gcp", GCE_METADATA_HOST=host)
        assert "is not a host" in ran.error and ran.code == 2 and len(sim.requests) == 0

    def test_a_token_for_somebody_else(self, program: Program, sim: Simulator, flags, job) -> None:
        token = sim.add_issuer(GOOGLE).mint(subject=ACCOUNT, audience="https://other")
        headers = {"Metadata-Flavor": "Google"}
        answer = Fault(path="/computeMetadata/", headers=headers, body=token.encode())
        sim.faults.add(answer)
        ran = program.get_token(*flags, "gcp", **job)
        assert "is for https://other, not for" in ran.error and token not in ran.stderr


@pytest.mark.parametrize("source", ["gcp:", "gcp:x", "msi:", "GCP"])
def test_a_source_that_is_misspelt(program: Program, flags, source: str) -> None:
    assert "is no source of tokens" in program.get_token(*flags, source).error


class TestCallable:
    """Any callable that returns an assertion is a source."""

    @pytest.fixture
    def provider(self, sim: Simulator, app: Application, tmp_path) -> Any:
        def make(source: Any) -> WorkloadIdentity:
            return WorkloadIdentity(
                server_id=sim.cluster.server_id,
                tenant_id=sim.tenant.id,
                client_id=app.client_id,
                assertion_source=source,
                authority_host=sim.authority,
                disable_instance_discovery=True,
                ca_file=str(sim.ca_file),
                cache_storage="memory",
                system=System(environ={"HOME": str(tmp_path)}),
            )

        return make

    def test_signs_in(self, sim: Simulator, app: Application, provider) -> None:
        issuer = sim.add_issuer()
        app.add_federated_credential(issuer=issuer.url, subject="own")
        calls: list[str] = []

        def give() -> str:
            calls.append(issuer.mint(subject="own"))
            return calls[-1]

        credential = provider(give)
        assert credential.get_token().token == credential.get_token().token
        assert len(calls) == 1
        app.add_federated_credential(issuer=issuer.url, subject="own")
        assert credential.for_scope(f"{sim.cluster.server_id}/.default").token().token
        assert calls[0] not in repr(credential)

    def test_a_failure_of_its_own_keeps_its_text_to_itself(self, provider) -> None:
        def give() -> str:
            raise ValueError("s3cr3t")

        with pytest.raises(SignInRefused, match=r"give failed \(ValueError\)") as failed:
            provider(give).get_token()
        assert "s3cr3t" not in str(failed.value) and failed.value.hint

    @pytest.mark.parametrize("answer", [None, b"a.b.c", "no token"])
    def test_what_is_no_token(self, provider, answer: Any) -> None:
        with pytest.raises(SignInRefused, match=r"text|JWT"):
            provider(lambda: answer).get_token()


def test_the_double_of_google_is_strict(sim: Simulator) -> None:
    import urllib.error
    import urllib.request

    sim.hosts.google.sign_in_as(ACCOUNT)
    path = f"{sim.imds_url}/computeMetadata/v1/instance/service-accounts/default/identity"
    flavor = {"Metadata-Flavor": "Google"}
    for url, headers, status in (
        (f"{path}?audience=a", {}, 403),
        (f"{path}?audience=a", {**flavor, "X-Forwarded-For": "1.2.3.4"}, 403),
        (path, flavor, 400),
        (f"{path}?audience=", flavor, 400),
        (f"{path}?audience=a&scope=b", flavor, 400),
        (f"{path}/x?audience=a", flavor, 404),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers))
        assert refused.value.code == status, url
        refused.value.close()
