"""What each login sends in each cloud, request by request, at the real host names.

A table row names the requests of a cold sign-in and those of a renewal. They have to be these and
no others: one more request, another host or one more form field fails.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from clouds.wire import ANNA, CLIENT, SERVER, TENANT, Sent, Wire

from kubeauth import KubeauthError
from kubeauth.jwt import claims_of
from kubeauth.options.logins import LOGINS
from kubeauth.testing import Simulator

PASSWORD, SECRET = "p4ssw0rd", "s3cr3t"
AN_HOUR = 3600.0
PERSON = {"tenant_id": TENANT, "client_id": CLIENT}
# In the order of the alphabet, which MSAL does not keep to.
OF_PERSON = f"{SERVER}/.default offline_access openid profile"


@dataclass(frozen=True)
class Cloud:
    """One cloud, as Microsoft's documentation of the national clouds has it."""

    environment: str
    authority: str
    audience: str


CLOUDS = (
    Cloud("AzurePublicCloud", "https://login.microsoftonline.com", "AzureADTokenExchange"),
    Cloud("AzureChinaCloud", "https://login.chinacloudapi.cn", "AzureADTokenExchangeChina"),
    Cloud(
        "AzureUSGovernmentCloud", "https://login.microsoftonline.us", "AzureADTokenExchangeUSGov"
    ),
)


def token(**form: str) -> Sent:
    """A request to the token endpoint."""
    url = f"{{authority}}/{TENANT}/oauth2/v2.0/token"
    return Sent("POST", url, {"client_id": CLIENT, **form})


ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
BY_SECRET = token(
    grant_type="client_credentials",
    scope=f"{SERVER}/.default",
    client_secret=SECRET,
    client_info="1",
)
BY_ASSERTION = token(
    grant_type="client_credentials",
    scope=f"{SERVER}/.default",
    client_assertion_type=ASSERTION,
    client_assertion="…",
)
BY_CERTIFICATE = Sent("POST", BY_ASSERTION.url, {**BY_ASSERTION.form, "client_info": "1"})
BY_PASSWORD = token(
    grant_type="password", username=ANNA, password=PASSWORD, scope=OF_PERSON, client_info="1"
)
BY_REFRESH_TOKEN = token(
    grant_type="refresh_token",
    refresh_token="token-of-refresh",
    scope=OF_PERSON,
    client_info="1",
)
BY_DEVICE_CODE = token(
    grant_type="urn:ietf:params:oauth:grant-type:device_code",
    device_code="code-of-device",
    code="code-of-device",
    client_info="1",
)
BY_BROWSERS_CODE = token(
    grant_type="authorization_code",
    code="code-of-browser",
    code_verifier="…",
    redirect_uri="http://localhost:…",
    scope=OF_PERSON,
    client_info="1",
)
REALM = Sent("GET", "{authority}/common/userrealm/anna%40contoso.example?api-version=1.0")
A_DEVICE_CODE = Sent(
    "POST",
    f"{{authority}}/{TENANT}/oauth2/v2.0/devicecode",
    {"client_id": CLIENT, "scope": OF_PERSON},
)
IN_BROWSER = Sent("BROWSER", f"{{authority}}/{TENANT}/oauth2/v2.0/authorize", {"scope": OF_PERSON})
GITHUB = Sent("GET", "https://pipelines.actions.example/job?api=2&audience=api%3A%2F%2F{audience}")
PIPELINES = Sent(
    "POST", "https://dev.azure.com/job/oidctoken?api-version=7.1&serviceConnectionId=connection"
)
IMDS = Sent(
    "GET",
    "http://169.254.169.254/metadata/identity/oauth2/token"
    f"?api-version=2018-02-01&resource={SERVER}&client_id={CLIENT}",
)
IMDS_FOR_ENTRA = Sent(
    "GET",
    "http://169.254.169.254/metadata/identity/oauth2/token"
    "?api-version=2018-02-01&resource=api%3A%2F%2F{audience}",
)
GOOGLE = Sent(
    "GET",
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"
    "?audience=api%3A%2F%2F{audience}",
)
DISCOVERY = Sent("GET", f"{{authority}}/{TENANT}/v2.0/.well-known/openid-configuration")
BY_SECRET_WITH_KEY = Sent(
    "POST", BY_SECRET.url, {**BY_SECRET.form, "token_type": "pop", "req_cnf": "…"}
)
APP_SERVICE = Sent(
    "GET",
    "http://169.254.130.1:8081/msi/token"
    f"?api-version=2019-08-01&resource={SERVER}&client_id={CLIENT}",
)


@dataclass(frozen=True)
class Row:
    """A login, what it is given, and what it sends; a renewal sends the same if none is named."""

    login: str
    settings: dict[str, Any]
    cold: tuple[Sent, ...]
    renewal: tuple[Sent, ...] | None = None
    environ: dict[str, str] = field(default_factory=dict)


ROWS = {
    "secret": Row("spn", {**PERSON, "client_secret": SECRET}, (BY_SECRET,)),
    "certificate": Row(
        "spn", {**PERSON, "client_certificate": "{folder}/certificate.pem"}, (BY_CERTIFICATE,)
    ),
    "ropc": Row("ropc", {**PERSON, "username": ANNA, "password": PASSWORD}, (REALM, BY_PASSWORD)),
    "devicecode": Row("devicecode", PERSON, (A_DEVICE_CODE, BY_DEVICE_CODE), (BY_REFRESH_TOKEN,)),
    "interactive": Row("interactive", PERSON, (IN_BROWSER, BY_BROWSERS_CODE), (BY_REFRESH_TOKEN,)),
    "auto with a browser": Row("auto", PERSON, (IN_BROWSER, BY_BROWSERS_CODE), (BY_REFRESH_TOKEN,)),
    "auto without one": Row(
        "auto",
        {**PERSON, "no_browser": True},
        (A_DEVICE_CODE, BY_DEVICE_CODE),
        (BY_REFRESH_TOKEN,),
    ),
    "workload with a file": Row(
        "workloadidentity", {**PERSON, "federated_token_file": "{folder}/token"}, (BY_ASSERTION,)
    ),
    "workload in GitHub": Row(
        "workloadidentity",
        PERSON,
        (GITHUB, BY_ASSERTION),
        environ={
            "ACTIONS_ID_TOKEN_REQUEST_URL": "https://pipelines.actions.example/job?api=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer",
        },
    ),
    "workload with a managed identity": Row(
        "workloadidentity",
        {**PERSON, "assertion_source": "msi"},
        (IMDS_FOR_ENTRA, BY_ASSERTION),
    ),
    "workload at Google": Row(
        "workloadidentity", {**PERSON, "assertion_source": "gcp"}, (GOOGLE, BY_ASSERTION)
    ),
    "secret with a proof of possession": Row(
        "spn",
        {**PERSON, "client_secret": SECRET, "pop_enabled": True, "pop_claims": "u=host"},
        (BY_SECRET_WITH_KEY,),
    ),
    "default with a secret": Row(
        "default",
        {"disable_instance_discovery": True},
        (DISCOVERY, BY_SECRET),
        environ={
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": SECRET,
        },
    ),
    "azurepipelines": Row(
        "azurepipelines",
        {**PERSON, "azure_pipelines_service_connection_id": "connection"},
        (PIPELINES, BY_ASSERTION),
        environ={
            "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/job/oidctoken",
            "SYSTEM_ACCESSTOKEN": "bearer",
        },
    ),
    "msi": Row("msi", {"client_id": CLIENT}, (IMDS,)),
    "msi in App Service": Row(
        "msi",
        {"client_id": CLIENT},
        (APP_SERVICE,),
        environ={
            "IDENTITY_ENDPOINT": "http://169.254.130.1:8081/msi/token",
            "IDENTITY_HEADER": "header",
        },
    ),
    # The tool sends the requests.
    "azurecli": Row("azurecli", {}, ()),
    "azd": Row("azd", {}, ()),
}
# Another program sends their requests: PowerShell, and the broker of Visual Studio Code.
PASSED_ON = {"azurepowershell", "vscode"}
IN_EACH_CLOUD = pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.environment)


class Desk:
    """The wire, and a place with the files that rows name."""

    def __init__(self, folder: Path, row: Row, cloud: Cloud) -> None:
        self.wire = Wire(folder, row.environ)
        self._row, self._cloud, self._folder = row, cloud, folder

    def renew_file(self) -> None:
        """Put a federated token of now into its file, as the kubelet does."""
        (self._folder / "token").write_text(self.wire.job_token())

    def sign_in(self) -> list[Sent]:
        """Sign in, and return what was sent with marks for what is made anew each time."""
        settings = {
            name: value.format(folder=self._folder) if isinstance(value, str) else value
            for name, value in self._row.settings.items()
        }
        sent = self.wire.sign_in(self._row.login, environment=self._cloud.environment, **settings)
        return [_without_fresh(one) for one in sent]

    def expected(self, sent: tuple[Sent, ...]) -> list[Sent]:
        """Put the cloud's own names into a row's requests."""
        names = {"authority": self._cloud.authority, "audience": self._cloud.audience}
        return [Sent(one.method, one.url.format(**names), one.form) for one in sent]


def _without_fresh(sent: Sent) -> Sent:
    form = dict(sent.form)
    for name in form.keys() & {"client_assertion", "code_verifier", "req_cnf"}:
        form[name] = "…"
    if "redirect_uri" in form:
        form["redirect_uri"] = re.sub(r":\d+$", ":…", form["redirect_uri"])
    if "scope" in form:
        form["scope"] = " ".join(sorted(form["scope"].split()))
    return Sent(sent.method, sent.url, form)


@pytest.fixture(scope="module")
def certificate() -> bytes:
    with Simulator() as sim:
        return sim.tenant.add_application("ci").new_certificate()


@pytest.fixture
def desk(
    tmp_path: Path,
    row: Row,
    cloud: Cloud,
    certificate: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    if row.login == "default":
        for name, value in row.environ.items():
            monkeypatch.setenv(name, value)  # azure-identity reads this process's environment
    made = Desk(tmp_path, row, cloud)
    (tmp_path / "certificate.pem").write_bytes(certificate)
    made.renew_file()
    with made.wire.listening():
        yield made


def test_every_login_has_a_row() -> None:
    assert {row.login for row in ROWS.values()} == LOGINS.keys() - PASSED_ON


@IN_EACH_CLOUD
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
class TestEveryLogin:
    def test_a_cold_sign_in_sends_this(self, desk: Desk, row: Row) -> None:
        assert desk.sign_in() == desk.expected(row.cold)

    def test_a_token_in_the_cache_sends_nothing(self, desk: Desk) -> None:
        desk.sign_in()
        assert desk.sign_in() == []

    def test_a_renewal_sends_this(self, desk: Desk, row: Row) -> None:
        desk.sign_in()
        desk.wire.time += AN_HOUR
        desk.renew_file()
        expected = row.cold if row.renewal is None else row.renewal
        assert desk.sign_in() == desk.expected(expected)


ONE_REQUEST = ("secret", "certificate", "workload with a file", "msi", "msi in App Service")


@IN_EACH_CLOUD
@pytest.mark.parametrize("row", [ROWS[name] for name in ONE_REQUEST], ids=ONE_REQUEST)
class TestMachines:
    def test_one_request_is_all(self, desk: Desk) -> None:
        assert len(desk.sign_in()) == 1

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_trouble_that_passes_costs_the_same_request_once_more(
        self, desk: Desk, row: Row, status: int
    ) -> None:
        desk.wire.statuses = [status]
        assert desk.sign_in() == 2 * desk.expected(row.cold)

    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_a_no_is_not_asked_twice(self, desk: Desk, row: Row, status: int) -> None:
        desk.wire.statuses = [status]
        with pytest.raises(KubeauthError):
            desk.sign_in()
        assert [_without_fresh(one) for one in desk.wire.sent] == desk.expected(row.cold)

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_nothing_follows_to_another_host(self, desk: Desk, row: Row, status: int) -> None:
        desk.wire.statuses = [status]
        with pytest.raises(KubeauthError):
            desk.sign_in()
        assert [_without_fresh(one) for one in desk.wire.sent] == desk.expected(row.cold)


@IN_EACH_CLOUD
@pytest.mark.parametrize("row", [ROWS["certificate"]], ids=["certificate"])
def test_a_certificates_assertion_is_for_the_endpoint_it_goes_to(desk: Desk, cloud: Cloud) -> None:
    desk.sign_in()
    (sent,) = desk.wire.sent
    claims = claims_of(sent.form["client_assertion"])
    assert claims["aud"] == sent.url == f"{cloud.authority}/{TENANT}/oauth2/v2.0/token"
    assert (claims["iss"], claims["sub"]) == (CLIENT, CLIENT)


@pytest.mark.parametrize("cloud", CLOUDS[:1], ids=["public"])
@pytest.mark.parametrize("row", [ROWS["secret"]], ids=["secret"])
def test_a_connection_past_responses_would_fail(desk: Desk) -> None:
    """The guard of the tests above is on."""
    with pytest.raises(AssertionError, match="elsewhere"):
        socket.create_connection(("elsewhere.example", 443), timeout=1)
