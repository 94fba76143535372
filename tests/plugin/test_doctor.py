"""``kubeauth doctor`` at broken set-ups: it names each cause, and a line that leads on."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from doctoring import FOUND, Stage
from harness import BIN, Program, install_program, not_on_windows

from kubeauth.testing import AKS_CLIENT_ID, Application, Fault, Simulator

pytestmark = pytest.mark.process


@pytest.fixture
def stage(program: Program, sim: Simulator, app: Application, spn: tuple[str, ...]) -> Stage:
    made = Stage(program, sim, app, spn)
    made.write()
    return made


def wrong_server_id(stage: Stage) -> None:
    other = stage.sim.tenant.add_application("another server")
    stage.write("--server-id", other.client_id)


def wrong_tenant(stage: Stage) -> None:
    stage.write("--tenant-id", "00000000-0000-4000-8000-00000000dead")


def version_2(stage: Stage) -> None:
    server = stage.sim.tenant.add_application("version 2")
    server.token_version = 2
    stage.sim.cluster.server_id = server.client_id
    stage.write("--server-id", server.client_id)


def wrong_secret(stage: Stage) -> None:
    stage.write("--client-secret", "not-it")


def no_certificate_file(stage: Stage) -> None:
    flags = [word for word in stage.spn if word not in ("--client-secret", stage.app.secret)]
    stage.login(*flags, "--client-certificate", str(stage.program.home / "none.pem"))


def expired_certificate(stage: Stage) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ci")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now - timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    file = stage.program.home / "expired.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(key.private_bytes(*form, plain) + pem)
    flags = [word for word in stage.spn if word not in ("--client-secret", stage.app.secret)]
    stage.login(*flags, "--client-certificate", str(file))


def federated(stage: Stage, text: str | None) -> None:
    file = stage.program.home / "token"
    if text is not None:
        file.write_text(text)
    identity = ("--tenant-id", stage.sim.tenant.id, "--client-id", stage.app.client_id)
    stage.login("-l", "workloadidentity", *identity, "--federated-token-file", str(file))


def expired_federated_token(stage: Stage) -> None:
    federated(stage, jwt.encode({"exp": int(time.time()) - 720, "sub": "x"}, "k" * 32))


def malformed_federated_token(stage: Stage) -> None:
    federated(stage, "no token")


def missing_federated_token(stage: Stage) -> None:
    federated(stage, None)


def federated_token_of_another_subject(stage: Stage) -> None:
    issuer = stage.sim.add_issuer()
    stage.app.add_federated_credential(issuer=issuer.url, subject="expected")
    federated(stage, issuer.mint(subject="another"))


def slow_clock(stage: Stage) -> None:
    stage.sim.advance(7200)


def captive_portal(stage: Stage) -> None:
    page = {"Content-Type": "text/html"}
    stage.sim.faults.add(Fault(status=200, headers=page, body=b"<html>Welcome", times=None))


def interception_proxy(stage: Stage) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        stage.program.environ.pop(name)


def revoked_token(stage: Stage) -> None:
    stage.signed_in()
    stage.sim.revoke_tokens()


def no_role(stage: Stage) -> None:
    stage.sim.cluster.forbid("list", "pods")


def missing_az(stage: Stage) -> None:
    stage.login("-l", "azurecli")


def az_signed_out(stage: Stage) -> None:
    folder = stage.program.home / "programs"
    install_program(folder, "az", "raise SystemExit(\"ERROR: Please run 'az login'\")")
    stage.environ["PATH"] = f"{BIN}{os.pathsep}{folder}{os.pathsep}/usr/bin"
    stage.login("-l", "azurecli")


def dead_proxy(stage: Stage) -> None:
    stage.environ["HTTPS_PROXY"] = "http://127.0.0.1:9"


def malformed_proxy(stage: Stage) -> None:
    stage.environ["HTTPS_PROXY"] = "http://[nonsense"


def no_such_name(stage: Stage) -> None:
    stage.write("--authority-host", "https://login.invalid/")


def server_is_down(stage: Stage) -> None:
    stage.write(cluster={"server": "https://127.0.0.1:9"})


def server_without_a_name(stage: Stage) -> None:
    stage.write(cluster={"server": "https://cluster.invalid"})


def wrong_ca(stage: Stage) -> None:
    stage.write(cluster={"certificate-authority-data": None})
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        stage.program.environ.pop(name)
    stage.write("--ca-file", str(stage.sim.ca_file), cluster={"certificate-authority-data": None})


def no_current_context(stage: Stage) -> None:
    stage.write(**{"current-context": ""})


def dangling_context(stage: Stage) -> None:
    stage.write(**{"current-context": "gone"})


def no_kubeconfig(stage: Stage) -> None:
    (stage.program.home / ".kube/config").unlink()


def broken_yaml(stage: Stage) -> None:
    (stage.program.home / ".kube/config").write_text("a: [")


def server_id_of_aks_missing(stage: Stage) -> None:
    other = "00000000-0000-4000-8000-000000000001"
    cluster = {"server": "https://127.0.0.1.azmk8s.io:9"}
    stage.write("--server-id", other, cluster=cluster)


def another_cloud(stage: Stage) -> None:
    args = ["get-token", "-l", "spn", "--server-id", stage.sim.cluster.server_id, *stage.spn]
    cluster = {"server": "https://c.cx.prod.service.azk8s.cn:9"}
    stage.environ["HTTPS_PROXY"] = "http://127.0.0.1:9"
    stage.write(cluster=cluster, block={"args": args})


def kubelogin(stage: Stage) -> None:
    stage.write(block={"command": "kubelogin"})


def old_api_version(stage: Stage) -> None:
    stage.write(block={"apiVersion": "client.authentication.k8s.io/v1alpha1"})


def missing_command(stage: Stage) -> None:
    stage.environ["PATH"] = "/usr/bin"
    stage.write()


def another_kubelogin(stage: Stage) -> None:
    folders = [stage.program.home / name for name in ("one", "two")]
    for folder in folders:
        install_program(folder, "kubelogin", "print('not this one')")
    stage.environ["PATH"] = os.pathsep.join([*map(str, folders), str(BIN)])
    kubelogin(stage)


def kuberc(stage: Stage) -> None:
    preferences = {
        "apiVersion": "kubectl.config.k8s.io/v1beta1",
        "kind": "Preference",
        "credentialPluginPolicy": "Allowlist",
        "credentialPluginAllowlist": [{"command": "another"}],
    }
    (stage.program.home / ".kube/kuberc").write_text(json.dumps(preferences))


def local_account(stage: Stage) -> None:
    stage.write(users=[{"name": "u", "user": {"token": "static"}}])


def broken_keyring(stage: Stage) -> None:
    stage.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    stage.write("--cache-storage", "keyring")


def cache_is_a_file(stage: Stage) -> None:
    stage.program.cache.parent.mkdir(parents=True)
    stage.program.cache.write_text("")


def missing_tenant(stage: Stage) -> None:
    stage.login("-l", "spn", "--client-id", "x", "--client-secret", "y")


def person_without_token(stage: Stage) -> None:
    identity = ("--tenant-id", stage.sim.tenant.id, "--client-id", AKS_CLIENT_ID)
    stage.login("-l", "devicecode", *identity)


# Typed as it stands, the line removes the finding; or it is for a person, or for another machine.
MENDED, STEP = True, False

# The set-up, words of its problem, words of its line, and whether the line is typed here.
CASES: list[tuple[Callable[[Stage], None], str, str, bool]] = [
    (wrong_server_id, "the server accepts one for 6dae42f8", "--server-id 6dae42f8", MENDED),
    (wrong_tenant, "there is no tenant '0000", "--tenant-id TENANT-ID", STEP),
    (version_2, "version 2", "requestedAccessTokenVersion=1", STEP),
    (wrong_secret, "AADSTS7000215", "secret", STEP),
    (no_certificate_file, "none.pem", "--client-certificate", STEP),
    (expired_certificate, "a certificate that expired on", "make a new one", STEP),
    (expired_federated_token, "expired on", "new token", STEP),
    (malformed_federated_token, "holds no JWT", "new token", STEP),
    (missing_federated_token, "cannot be read", "new token", STEP),
    (federated_token_of_another_subject, "AADSTS70021", "federated", STEP),
    (slow_clock, "120 minutes behind", "set-ntp", STEP),
    (captive_portal, "captive portal", "browser", STEP),
    (interception_proxy, "signed by CN=", "CA certificates", STEP),
    (revoked_token, "was revoked", "kubeauth logout", MENDED),
    (no_role, "may not list pods", "kubectl create clusterrolebinding", STEP),
    (missing_az, "not on PATH", "--login devicecode", MENDED),
    (az_signed_out, "no account signed in", "az login", STEP),
    (dead_proxy, "through the proxy", "HTTPS_PROXY", STEP),
    (malformed_proxy, "HTTPS_PROXY", "HTTPS_PROXY", STEP),
    (no_such_name, "login.invalid", "--authority-host", STEP),
    (server_is_down, "127.0.0.1:9 cannot be reached", "whether it runs", STEP),
    (server_without_a_name, "cluster.invalid cannot be reached", "whether it runs", STEP),
    (wrong_ca, "not trusted here", "get-credentials", STEP),
    (no_current_context, "no current context", "kubectl config use-context prod", MENDED),
    (dangling_context, "'gone' does not exist", "kubectl config use-context prod", MENDED),
    (no_kubeconfig, "no kubeconfig", "kubeauth get-credentials", STEP),
    (broken_yaml, "not YAML", "correct that line", STEP),
    (server_id_of_aks_missing, "the cluster is AKS", "--server-id 6dae42f8", MENDED),
    (another_cloud, "AzureChinaCloud", "--environment AzureChinaCloud", MENDED),
    (
        kubelogin,
        "still signs in with kubelogin",
        "kubeauth convert-kubeconfig --context prod",
        MENDED,
    ),
    (old_api_version, "v1alpha1", "convert-kubeconfig", MENDED),
    (missing_command, "cannot find 'kubeauth'", "--command absolute", MENDED),
    (another_kubelogin, "2 programs are called kubelogin", "--command absolute", MENDED),
    (kuberc, "does not have kubeauth", "kubectl kuberc set", MENDED),
    (local_account, "local account", "get-credentials", STEP),
    (broken_keyring, "keyring cannot be used", "--cache-storage file", MENDED),
    (cache_is_a_file, "not a folder", "rm ~", MENDED),
    (missing_tenant, "--tenant-id is required", "--tenant-id", STEP),
    (
        person_without_token,
        "only you can sign in",
        "kubeauth doctor --context prod --sign-in",
        STEP,
    ),
]


# Each day every third is enough.
@not_on_windows("paths and programs of Unix")
@pytest.mark.parametrize(
    ("break_it", "problem", "line", "mended"),
    [
        pytest.param(*case, id=case[0].__name__, marks=[pytest.mark.slow] if number % 3 else [])
        for number, case in enumerate(CASES)
    ],
)
def test_the_cause_is_named_with_a_line(
    stage: Stage, break_it: Callable[[Stage], None], problem: str, line: str, mended: bool
) -> None:
    break_it(stage)
    findings = stage.doctor()["findings"]
    named = [f for f in findings if problem in f["problem"] and line in f["next"]]
    assert named, findings
    if mended and (shutil.which("kubectl") or not named[0]["next"].startswith("kubectl")):
        left = stage.follow(named[0]["next"])
        assert not [f for f in left if f["problem"] == named[0]["problem"]], left


def test_a_failure_of_the_network_points_to_it(stage: Stage) -> None:
    ran = stage.program("token", HTTPS_PROXY="http://127.0.0.1:9")
    assert ran.error and ran.stderr.endswith("`kubeauth doctor` looks closer\n")


@not_on_windows("paths and programs of Unix")
def test_one_cause_is_one_finding(stage: Stage) -> None:
    wrong_tenant(stage)
    assert len(stage.doctor()["findings"]) == 1


def test_a_sound_set_up_has_no_findings(stage: Stage) -> None:
    before = (stage.program.home / ".kube/config").read_bytes()
    found = stage.doctor()
    assert found["findings"] == []
    assert [row["subject"] for row in found["seen"]][-2:] == ["API server", "permissions"]
    assert (stage.program.home / ".kube/config").read_bytes() == before
    assert not stage.program.cache.exists()


def test_for_people_it_prints_the_line_below_the_problem(stage: Stage) -> None:
    no_role(stage)
    ran = stage.program("doctor")
    assert ran.code == FOUND
    assert ran.stdout.splitlines()[-1].startswith("  next: kubectl create clusterrolebinding")
    stage.sim.reset()
    assert stage.program("doctor").stdout.endswith("nothing is wrong\n")


def test_it_ends_in_time_if_all_hangs(stage: Stage) -> None:
    stage.sim.faults.add(Fault(hang=60.0, times=None))
    begun = time.monotonic()
    findings = stage.doctor()["findings"]
    assert time.monotonic() - begun < 32
    assert any("in time" in finding["problem"] for finding in findings)


def test_what_leaving_kubelogin_would_change_and_mend(stage: Stage) -> None:
    stage.login("-l", "msi", block={"command": "kubelogin"})
    before = (stage.program.home / ".kube/config").read_bytes()
    seen = {row["subject"]: row["text"] for row in stage.doctor("--from-kubelogin")["seen"]}
    assert "kubelogin msi -> kubeauth msi" in seen["would change"]
    assert "at each call" in seen["would mend"]
    assert (stage.program.home / ".kube/config").read_bytes() == before


def test_a_person_over_the_groups_limit_is_told(
    stage: Stage, tmp_path: Path, program: Program
) -> None:
    many = [f"group-{number}" for number in range(201)]
    dana = stage.sim.tenant.add_user("dana@contoso.example", "pass-word", groups=many)
    stage.sim.cluster.forbid("list", "pods")
    flags = ("-l", "ropc", "--username", dana.upn, "--password", "pass-word")
    client = stage.sim.tenant.add_application("person", public=True).client_id
    stage.login(*flags, "--tenant-id", stage.sim.tenant.id, "--client-id", client)
    problems = [finding["problem"] for finding in stage.doctor()["findings"]]
    assert any("more than 200" in problem for problem in problems)
