"""``--login workloadidentity`` from every source, and ``azurepipelines``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from harness import as_command

from kubeauth.providers._entra.binding import Binding
from kubeauth.testing import Application, Fault, Simulator

if TYPE_CHECKING:
    from harness import Program

    from kubeauth.testing import Issuer

SUBJECT = "repo:octo/shop:ref:refs/heads/main"
AUDIENCE = "api://AzureADTokenExchange"
TOKEN = "/oauth2/v2.0/token"
CONNECTION = "22222222-0000-0000-0000-000000000002"


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def issuer(sim: Simulator) -> Issuer:
    return sim.add_issuer()


@pytest.fixture
def workload(sim: Simulator, issuer: Issuer) -> Application:
    app = sim.tenant.add_application("workload")
    app.add_federated_credential(issuer=issuer.url, subject=SUBJECT)
    return app


@pytest.fixture
def flags(sim: Simulator, workload: Application) -> tuple[str, ...]:
    identity = ("--tenant-id", sim.tenant.id, "--client-id", workload.client_id)
    return ("-l", "workloadidentity", *identity)


class TestSources:
    def test_github(self, program: Program, sim: Simulator, issuer: Issuer, flags) -> None:
        job = issuer.github_actions(SUBJECT)
        ran = program.get_token(*flags, "--assertion-source", "github", **job)
        assert ran.status["token"]
        asked = next(r for r in sim.requests if r.path.endswith("/github"))
        assert asked.query["audience"] == AUDIENCE

    def test_a_new_token_for_every_exchange(
        self, program: Program, sim: Simulator, issuer: Issuer, flags
    ) -> None:
        job = issuer.github_actions(SUBJECT)
        for _ in range(2):
            program.get_token(*flags, "--force-refresh", **job).status["token"]
        assert sim.requests.count(service="issuer") == 2
        assert program.get_token(*flags, **job).status["token"]
        assert sim.requests.count(service="issuer") == 2, "a cached token needs none"

    def test_another_job_on_the_same_machine_shows_its_own(
        self, program: Program, sim: Simulator, issuer: Issuer, flags
    ) -> None:
        job = issuer.github_actions(SUBJECT)
        program.get_token(*flags, **job).status["token"]
        other = issuer.github_actions("repo:evil/fork:ref:refs/heads/main")
        other["ACTIONS_ID_TOKEN_REQUEST_URL"] += "&job=2"
        assert "AADSTS700213" in program.get_token(*flags, **other).error

    @pytest.mark.parametrize("kind", ["env", "gitlab"])
    def test_a_variable(self, program: Program, issuer: Issuer, flags, kind: str) -> None:
        token = issuer.mint(subject=SUBJECT)
        ran = program.get_token(*flags, "--assertion-source", f"{kind}:MY_JWT", MY_JWT=token)
        assert ran.status["token"]

    def test_a_command(self, program: Program, issuer: Issuer, flags, tmp_path: Path) -> None:
        file = tmp_path / "a token"
        file.write_text(issuer.mint(subject=SUBJECT) + "\n")
        command = as_command([sys.executable, "-c", f"print(open({str(file)!r}).read())"])
        ran = program.get_token(*flags, "--assertion-source", f"command:{command}")
        assert ran.status["token"]

    def test_a_file(self, program: Program, issuer: Issuer, flags, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text(issuer.mint(subject=SUBJECT))
        ran = program.get_token(*flags, "--assertion-source", f"file:{file}")
        assert ran.status["token"]

    def test_azure_pipelines(self, program: Program, sim: Simulator, issuer: Issuer, flags) -> None:
        ran = program.get_token(
            *(*flags, "--assertion-source", "azure-pipelines"),
            *("--azure-pipelines-service-connection-id", CONNECTION),
            **issuer.azure_pipelines(SUBJECT),
        )
        assert ran.status["token"]
        asked = next(r for r in sim.requests if r.path.endswith("/pipelines"))
        assert asked.query == {"api-version": "7.1", "serviceConnectionId": CONNECTION}
        assert asked.headers["x-tfs-fedauthredirect"] == "Suppress"


class TestWhichSource:
    @pytest.fixture
    def file(self, issuer: Issuer, tmp_path: Path) -> Path:
        file = tmp_path / "token"
        file.write_text(issuer.mint(subject=SUBJECT))
        return file

    def asked_github(self, sim: Simulator) -> bool:
        return sim.requests.count(service="issuer") > 0

    def test_a_file_that_is_asked_for_beats_what_is_detected(
        self, program: Program, sim: Simulator, issuer: Issuer, flags, file: Path
    ) -> None:
        program.get_token(
            *(*flags, "--federated-token-file", str(file)),
            **issuer.github_actions(SUBJECT),
            AZURE_FEDERATED_TOKEN_FILE="/nonexistent",
        ).status["token"]
        assert not self.asked_github(sim)

    def test_a_source_that_is_asked_for_beats_a_file(
        self, program: Program, sim: Simulator, issuer: Issuer, flags
    ) -> None:
        program.get_token(
            *(*flags, "--federated-token-file", "/nonexistent", "--assertion-source", "github"),
            **issuer.github_actions(SUBJECT),
        ).status["token"]
        assert self.asked_github(sim)

    @pytest.mark.parametrize("more", [(), ("--assertion-source", "detect")])
    def test_an_endpoint_that_issues_tokens_beats_the_file_of_a_pod(
        self, program: Program, sim: Simulator, issuer: Issuer, flags, more
    ) -> None:
        program.get_token(
            *flags,
            *more,
            **issuer.github_actions(SUBJECT),
            AZURE_FEDERATED_TOKEN_FILE="/nonexistent",
        ).status["token"]
        assert self.asked_github(sim)

    def test_azure_pipelines_is_detected(self, program: Program, issuer: Issuer, flags) -> None:
        ran = program.get_token(
            *flags,
            **issuer.azure_pipelines(SUBJECT),
            AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=CONNECTION,
        )
        assert ran.status["token"]

    def test_nothing_at_all(self, program: Program, sim: Simulator, flags) -> None:
        ran = program.get_token(*flags)
        assert "no federated token" in ran.error and "--assertion-source" in ran.stderr
        assert len(sim.requests) == 0

    def test_github_without_the_permission(self, program: Program, flags) -> None:
        ran = program.get_token(*flags, GITHUB_ACTIONS="true")
        assert "no federated token" in ran.error and "id-token: write" in ran.stderr


class TestAudience:
    @pytest.mark.parametrize("name", ["AzureUSGovernment", "AzureChinaCloud"])
    def test_is_that_of_the_cloud(
        self, program: Program, sim: Simulator, issuer: Issuer, flags, name: str
    ) -> None:
        program.get_token(*flags, "--environment", name, **issuer.github_actions(SUBJECT))
        asked = next(r for r in sim.requests if r.path.endswith("/github"))
        assert asked.query["audience"].startswith("api://AzureADTokenExchange")
        assert asked.query["audience"] != AUDIENCE

    def test_can_be_another(
        self, program: Program, issuer: Issuer, workload: Application, flags
    ) -> None:
        workload.add_federated_credential(
            issuer=issuer.url, subject="another", audience="api://own/audience?&"
        )
        ran = program.get_token(
            *(*flags, "--assertion-audience", "api://own/audience?&"),
            **issuer.github_actions("another"),
        )
        assert ran.status["token"]


class TestFailures:
    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ("telepathy", "telepathy"),
            ("env:", "env:"),
            ("gitlab", "gitlab"),
            ("env:NOT_SET", "NOT_SET is not set"),
            ("file:/nonexistent", "/nonexistent"),
            ("command:/nonexistent/mint now", "/nonexistent/mint"),
            ("command:'", "cannot be read"),
            ("github", "ACTIONS_ID_TOKEN_REQUEST_URL"),
            ("azure-pipelines", "SYSTEM_OIDCREQUESTURI"),
        ],
    )
    def test_a_source_that_is_not_there(
        self, program: Program, sim: Simulator, flags, source: str, said: str
    ) -> None:
        ran = program.get_token(*flags, "--assertion-source", source)
        assert said in ran.error
        assert len(sim.requests) == 0

    def test_a_command_that_fails_says_why_without_its_secrets(
        self, program: Program, issuer: Issuer, flags
    ) -> None:
        token = issuer.mint(subject=SUBJECT)
        script = f"import sys; print({token!r}); sys.exit('no token today, had ' + {token!r})"
        command = as_command([sys.executable, "-c", script])
        ran = program.get_token(*flags, "--assertion-source", f"command:{command}")
        assert "no token today" in ran.error and ran.code == 8
        assert token not in ran.stderr

    def test_a_command_that_hangs(self, program: Program, flags) -> None:
        command = as_command([sys.executable, "-c", "import time; time.sleep(60)"])
        ran = program.get_token(
            *flags, "--timeout", "1s", "--assertion-source", f"command:{command}", limit=20
        )
        assert "no answer after 1 s" in ran.error

    @pytest.mark.parametrize("text", ["", "no token", "a.b.c", '{"value": "x.y.z"}'])
    def test_what_is_no_token(self, program: Program, sim: Simulator, flags, text: str) -> None:
        ran = program.get_token(*flags, "--assertion-source", "env:MY_JWT", MY_JWT=text)
        assert "MY_JWT" in ran.error and ran.code == 2
        assert len(sim.requests) == 0

    def test_an_expired_token_is_named_with_its_source(
        self, program: Program, sim: Simulator, issuer: Issuer, flags
    ) -> None:
        token = issuer.mint(subject=SUBJECT, expires_in=-600)
        ran = program.get_token(*flags, "--assertion-source", "env:MY_JWT", MY_JWT=token)
        assert "the variable MY_JWT: its token expired 10 minutes ago" in ran.error
        assert "--assertion-source" in ran.stderr and len(sim.requests) == 0

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_github_refuses(
        self, program: Program, sim: Simulator, issuer: Issuer, flags, status: int
    ) -> None:
        sim.faults.add(Fault(service="issuer", status=status, body=b"secret", times=None))
        ran = program.get_token(*flags, **issuer.github_actions(SUBJECT))
        assert f"GitHub Actions: HTTP {status}" in ran.error and "id-token" in ran.stderr
        assert "secret" not in ran.stderr

    def test_github_in_trouble_is_asked_again(
        self, program: Program, sim: Simulator, issuer: Issuer, flags
    ) -> None:
        sim.faults.add(Fault(service="issuer", status=503, times=1))
        assert program.get_token(*flags, **issuer.github_actions(SUBJECT)).status["token"]

    def test_no_matching_credential_is_shown_beside_what_it_must_be(
        self, program: Program, issuer: Issuer, flags
    ) -> None:
        ran = program.get_token(*flags, **issuer.github_actions("repo:octo/other"))
        assert "AADSTS700213" in ran.error and "sub: repo:octo/other" in ran.error
        hint = ran.stderr.splitlines()[1]
        assert "subject repo:octo/other" in hint and f"audience {AUDIENCE}" in hint


class TestIdentityBinding:
    """The token request goes to the proxy of the cluster; the authority is never asked."""

    @pytest.fixture
    def pod(self, sim: Simulator, issuer: Issuer, workload: Application, tmp_path: Path):
        file = tmp_path / "azure-identity-token"
        file.write_text(issuer.mint(subject=SUBJECT))
        return {
            "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
            "AZURE_TENANT_ID": sim.tenant.id,
            "AZURE_CLIENT_ID": workload.client_id,
            "AZURE_FEDERATED_TOKEN_FILE": str(file),
            "AZURE_KUBERNETES_TOKEN_PROXY": sim.authority.replace("localhost", "127.0.0.1"),
            "AZURE_KUBERNETES_SNI_NAME": "localhost",
            "SSL_CERT_FILE": "",
            "REQUESTS_CA_BUNDLE": "",
        }

    @pytest.mark.parametrize("form", ["FILE", "DATA"])
    def test_asks_the_proxy(self, program: Program, sim: Simulator, pod, form: str) -> None:
        ca = str(sim.ca_file) if form == "FILE" else sim.ca_pem.decode()
        ran = program(
            *("get-token", "-l", "workloadidentity", "--server-id", sim.cluster.server_id),
            **{**pod, f"AZURE_KUBERNETES_CA_{form}": ca},
        )
        assert claims(ran.status["token"])["appid"] == pod["AZURE_CLIENT_ID"]
        assert [r.path for r in sim.requests] == [f"/{sim.tenant.id}{TOKEN}"]

    def test_the_proxy_must_have_the_name_it_is_told(
        self, program: Program, sim: Simulator, pod
    ) -> None:
        pod |= {
            "AZURE_KUBERNETES_SNI_NAME": "other.example",
            "AZURE_KUBERNETES_CA_FILE": str(sim.ca_file),
        }
        ran = program("get-token", "-l", "workloadidentity", "--server-id", "x", **pod)
        assert "certificate" in ran.error and len(sim.requests) == 0

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"AZURE_KUBERNETES_TOKEN_PROXY": "http://plain"}, "http://plain"),
            ({"AZURE_KUBERNETES_TOKEN_PROXY": "https://a:b@x"}, "plain https URL"),
            ({"AZURE_KUBERNETES_CA_FILE": "/nonexistent"}, "/nonexistent"),
            ({"AZURE_KUBERNETES_CA_FILE": "a", "AZURE_KUBERNETES_CA_DATA": "b"}, "both set"),
            ({"AZURE_KUBERNETES_CA_DATA": "no certificate"}, "cannot be read"),
        ],
    )
    def test_settings_that_make_no_sense(
        self, program: Program, sim: Simulator, pod, change: dict[str, str], said: str
    ) -> None:
        ran = program(
            *("get-token", "-l", "workloadidentity", "--server-id", sim.cluster.server_id),
            **{**pod, **change},
        )
        assert said in ran.error and len(sim.requests) == 0

    def test_an_address_below_a_path(self) -> None:
        binding = Binding("https://proxy/some/path/", "")
        assert binding.address("https://login/t/oauth2/v2.0/token") == (
            "https://proxy/some/path/t/oauth2/v2.0/token"
        )


class TestAzurePipelines:
    def test_with_the_variables_of_the_task(
        self, program: Program, sim: Simulator, issuer: Issuer, workload: Application
    ) -> None:
        ran = program.get_token(
            *("-l", "azurepipelines"),
            **issuer.azure_pipelines(SUBJECT),
            AZURESUBSCRIPTION_CLIENT_ID=workload.client_id,
            AZURESUBSCRIPTION_TENANT_ID=sim.tenant.id,
            AZURESUBSCRIPTION_SERVICE_CONNECTION_ID=CONNECTION,
        )
        assert claims(ran.status["token"])["appid"] == workload.client_id

    def test_flags_win_over_the_variables_of_the_task(
        self, program: Program, issuer: Issuer, flags, workload: Application
    ) -> None:
        ran = program.get_token(
            *("-l", "azurepipelines", *flags[2:]),
            *("--azure-pipelines-service-connection-id", CONNECTION),
            **issuer.azure_pipelines(SUBJECT),
            AZURESUBSCRIPTION_CLIENT_ID="other",
            AZURESUBSCRIPTION_TENANT_ID="other",
            AZURESUBSCRIPTION_SERVICE_CONNECTION_ID="",
        )
        assert claims(ran.status["token"])["appid"] == workload.client_id

    @pytest.mark.parametrize(
        ("missing", "said"),
        [
            ("AZURESUBSCRIPTION_CLIENT_ID", "--client-id is required"),
            ("AZURESUBSCRIPTION_TENANT_ID", "--tenant-id is required"),
            (
                "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
                "--azure-pipelines-service-connection-id is required",
            ),
            ("SYSTEM_ACCESSTOKEN", "SYSTEM_ACCESSTOKEN is not set"),
            ("SYSTEM_OIDCREQUESTURI", "SYSTEM_OIDCREQUESTURI is not set"),
        ],
    )
    def test_what_is_missing_is_named(
        self,
        program: Program,
        sim: Simulator,
        issuer: Issuer,
        workload: Application,
        missing: str,
        said: str,
    ) -> None:
        environ = {
            **issuer.azure_pipelines(SUBJECT),
            "AZURESUBSCRIPTION_CLIENT_ID": workload.client_id,
            "AZURESUBSCRIPTION_TENANT_ID": sim.tenant.id,
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": CONNECTION,
        }
        ran = program.get_token("-l", "azurepipelines", **{**environ, missing: ""})
        assert said in ran.error and missing in ran.stderr


class TestOneMachineManyJobs:
    """What lies in a variable or a file may be another job's the next time."""

    @pytest.fixture(params=["env", "gitlab", "file", "AZURE_FEDERATED_TOKEN_FILE"])
    def signing_in(self, request, program: Program, flags, issuer: Issuer, tmp_path: Path):
        """Sign in as the job with a subject, always in the same way."""
        file = tmp_path / "token"

        def run(subject: str):
            token = issuer.mint(subject=subject)
            if request.param in ("env", "gitlab"):
                source = ("--assertion-source", f"{request.param}:MY_TOKEN")
                return program.get_token(*flags, *source, MY_TOKEN=token)
            file.write_text(token)
            if request.param == "file":
                return program.get_token(*flags, "--federated-token-file", str(file))
            return program.get_token(*flags, AZURE_FEDERATED_TOKEN_FILE=str(file))

        return run

    def test_a_kept_token_is_for_the_same_job_only(self, signing_in, sim: Simulator) -> None:
        assert signing_in(SUBJECT).status["token"]
        again = signing_in(SUBJECT)
        assert again.status["token"] and sim.requests.count(service="entra", path="/token") == 1
        other = signing_in("repo:octo/other:ref:refs/heads/main")
        assert other.code == 4 and "AADSTS700213" in other.error


class TestWhatIsMissing:
    def test_in_a_pod_that_the_webhook_passed_by(self, program: Program) -> None:
        ran = program.get_token("-l", "workloadidentity")
        assert "--client-id is required" in ran.error
        assert 'label azure.workload.identity/use: "true"' in ran.stderr

    def test_an_audience_of_the_issuers_own(
        self, program: Program, issuer: Issuer, flags, sim: Simulator, workload: Application
    ) -> None:
        """As CircleCI has it: following the hint has to lead to a sign-in."""
        own = "33333333-0000-0000-0000-000000000003"
        token = issuer.mint(subject=SUBJECT, audience=own)
        source = ("--assertion-source", "env:CIRCLE_OIDC_TOKEN")
        ran = program.get_token(*flags, *source, CIRCLE_OIDC_TOKEN=token)
        hint = ran.stderr.splitlines()[-1]
        assert f"audience {own}, all exactly" in hint
        assert hint.endswith(f"or have the token issued for {AUDIENCE}")
        workload.add_federated_credential(issuer=issuer.url, subject=SUBJECT, audience=own)
        ran = program.get_token(*flags, *source, CIRCLE_OIDC_TOKEN=token)
        assert ran.status["token"]


class TestTerraform:
    @pytest.fixture
    def identity(self, sim: Simulator, workload: Application) -> dict[str, str]:
        return {
            "ARM_USE_OIDC": "true",
            "ARM_CLIENT_ID": workload.client_id,
            "ARM_TENANT_ID": sim.tenant.id,
        }

    @pytest.mark.parametrize("form", ["token", "file", "endpoint", "GitHub's endpoint"])
    def test_every_way_of_the_provider(
        self, program: Program, issuer: Issuer, identity: dict[str, str], form: str, tmp_path: Path
    ) -> None:
        file = tmp_path / "token"
        file.write_text(issuer.mint(subject=SUBJECT))
        job = issuer.github_actions(SUBJECT)
        more = {
            "token": {"ARM_OIDC_TOKEN": file.read_text()},
            "file": {"ARM_OIDC_TOKEN_FILE_PATH": str(file)},
            "endpoint": {
                "ARM_OIDC_REQUEST_URL": job["ACTIONS_ID_TOKEN_REQUEST_URL"],
                "ARM_OIDC_REQUEST_TOKEN": job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"],
            },
            "GitHub's endpoint": job,
        }[form]
        ran = program.get_token("--use-azurerm-env-vars", **identity, **more)
        assert claims(ran.status["token"])["appid"] == identity["ARM_CLIENT_ID"]

    @pytest.mark.parametrize(
        "name", ["ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID"]
    )
    @pytest.mark.parametrize("mapped", [True, False])
    def test_a_service_connection(
        self,
        program: Program,
        sim: Simulator,
        issuer: Issuer,
        identity: dict[str, str],
        name: str,
        mapped: bool,
    ) -> None:
        job = issuer.azure_pipelines(SUBJECT)
        if mapped:
            job["ARM_OIDC_REQUEST_URL"] = job.pop("SYSTEM_OIDCREQUESTURI")
            job["ARM_OIDC_REQUEST_TOKEN"] = job.pop("SYSTEM_ACCESSTOKEN")
        ran = program.get_token("--use-azurerm-env-vars", **identity, **job, **{name: CONNECTION})
        assert claims(ran.status["token"])["appid"] == identity["ARM_CLIENT_ID"]
        (asked,) = [request for request in sim.requests if request.service == "issuer"]
        assert (asked.method, asked.query["serviceConnectionId"]) == ("POST", CONNECTION)

    def test_a_pod(
        self,
        program: Program,
        sim: Simulator,
        issuer: Issuer,
        workload: Application,
        tmp_path: Path,
    ) -> None:
        file = tmp_path / "token"
        file.write_text(issuer.mint(subject=SUBJECT))
        ran = program.get_token(
            "--use-azurerm-env-vars",
            ARM_USE_AKS_WORKLOAD_IDENTITY="true",
            AZURE_CLIENT_ID=workload.client_id,
            AZURE_TENANT_ID=sim.tenant.id,
            AZURE_FEDERATED_TOKEN_FILE=str(file),
        )
        assert claims(ran.status["token"])["appid"] == workload.client_id

    def test_a_secret_in_a_file(
        self, program: Program, sim: Simulator, app: Application, tmp_path: Path
    ) -> None:
        file = tmp_path / "secret"
        file.write_text(app.secret)
        ran = program.get_token(
            *("-l", "spn", "--use-azurerm-env-vars"),
            ARM_CLIENT_ID=app.client_id,
            ARM_TENANT_ID=sim.tenant.id,
            ARM_CLIENT_SECRET_FILE_PATH=str(file),
        )
        assert claims(ran.status["token"])["appid"] == app.client_id

    def test_a_managed_identity(self, program: Program, sim: Simulator) -> None:
        machine = sim.add_managed_identity(sim.tenant)
        ran = program.get_token(
            "--use-azurerm-env-vars", ARM_USE_MSI="true", ARM_CLIENT_ID=machine.client_id
        )
        assert claims(ran.status["token"])["oid"] == machine.object_id

    def test_the_azure_cli(self, program: Program) -> None:
        ran = program.get_token("--use-azurerm-env-vars", ARM_USE_CLI="true", PATH="/nonexistent")
        assert "Azure CLI" in ran.error or "`az`" in ran.error

    def test_a_login_that_was_asked_for_stays(
        self, program: Program, sim: Simulator, app: Application, identity: dict[str, str]
    ) -> None:
        ran = program.get_token(
            *("-l", "spn", "--use-azurerm-env-vars"),
            **{**identity, "ARM_CLIENT_ID": app.client_id, "ARM_CLIENT_SECRET": app.secret},
        )
        assert claims(ran.status["token"])["appid"] == app.client_id

    def test_without_the_flag_nothing_of_it_counts(
        self, program: Program, identity: dict[str, str], flags, issuer: Issuer
    ) -> None:
        token = issuer.mint(subject=SUBJECT)
        assert "no federated token" in program.get_token(*flags, ARM_OIDC_TOKEN=token).error
