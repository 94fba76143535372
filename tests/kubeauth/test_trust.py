"""A hostile kubeconfig, handed to the library: what the library refuses to do for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import not_on_windows

import kubeauth
from kubeauth import System, UntrustedKubeconfig, from_kubeconfig
from kubeauth.integrations._target import find_target
from kubeauth.kubeconfig.approvals import approve, withdraw
from kubeauth.kubeconfig.entry import find_entry
from kubeauth.kubeconfig.trust import demands, named_variables, variables_that_count
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import Settings

ATTACKER = "https://login.attacker.example/"
FOREIGN = ("--authority-host", ATTACKER)
SERVER = ("--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630")
IDENTITY = ("--tenant-id", "t", "--client-id", "c")
SPN = ("-l", "spn", *IDENTITY)
SECRETS = {"AZURE_CLIENT_SECRET": "s3cr3t", "AZURE_PASSWORD": "pa55", "HOME": "/home/dana"}


def kubeconfig(folder: Path, *args: str, **env: str) -> Path:
    block: dict[str, Any] = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "kubeauth",
        "args": ["get-token", *SERVER, *args],
        "env": [{"name": name, "value": value} for name, value in env.items()],
    }
    content = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://localhost:1"}}],
        "users": [{"name": "u", "user": {"exec": block}}],
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(content))
    return file


def provider(file: Path, environ: dict[str, str] | None = None, **more: Any) -> Any:
    system = System(environ={**SECRETS, **(environ or {})}, prompt=lambda _: None)
    return from_kubeconfig(path=file, system=system, **more)


HOSTILE = {
    "a program that mints a token": (
        ("-l", "workloadidentity", *IDENTITY, "--assertion-source", "command:touch /tmp/x"),
        {},
    ),
    "a program as browser": (("-l", "interactive", *IDENTITY, "--browser-command", "x %s"), {}),
    "a secret of the environment": (("-l", "spn", *IDENTITY, "--authority-host", ATTACKER), {}),
    "a secret of a file": (
        (
            "-l",
            "spn",
            *IDENTITY,
            "--client-secret-file=~/.ssh/id_rsa",
            "--authority-host",
            ATTACKER,
        ),
        {},
    ),
    "a secret of a variable": (
        (
            "-l",
            "spn",
            *IDENTITY,
            "--client-secret-env=GITHUB_TOKEN",
            f"--authority-host={ATTACKER}",
        ),
        {},
    ),
    "a federated token": (
        ("-l", "workloadidentity", *IDENTITY, "--authority-host", ATTACKER),
        {"AZURE_FEDERATED_TOKEN_FILE": "/var/run/token"},
    ),
    "what the Azure SDKs find": (("-l", "default", "--authority-host", ATTACKER), {}),
    "a variable's secret, which wins over the file's": (
        (*SPN, "--client-secret", "bait", f"--authority-host={ATTACKER}"),
        {},
    ),
    **{
        f"{flag} beside a secret of its own": (
            (*SPN, f"--authority-host={ATTACKER}", flag, "x/y", *bait),
            {},
        )
        for flag in (
            *("--client-secret-file", "--client-secret-env", "--client-secret-keyring"),
            "--client-certificate",
        )
        for bait in (["--password", "bait"],)
    },
    "a user's password, beside a secret": (
        ("-l", "ropc", *IDENTITY, "--username=u", f"--authority-host={ATTACKER}"),
        {"AZURE_CLIENT_SECRET": "bait"},
    ),
    "certificates to trust": ((*SPN, "--ca-file", "./evil.pem"), {}),
    "a known name in front of another host": (
        (*SPN, "--authority-host", "https://login.microsoftonline.com.attacker.example"),
        {},
    ),
    "a known name at another port": (
        (*SPN, "--authority-host", "https://login.microsoftonline.com:8443"),
        {},
    ),
    "an authority in a variable": (
        ("-l", "workloadidentity", *IDENTITY),
        {"AZURE_AUTHORITY_HOST": ATTACKER},
    ),
    **{
        f"an authority that would get a token of {source}": (
            ("-l", "workloadidentity", *IDENTITY, "--assertion-source", source, *FOREIGN),
            {},
        )
        for source in ("msi", "gcp")
    },
    **{
        f"the variable {name}": (("-l", "azurecli"), {name: "/tmp/evil"})
        for name in (
            *("PATH", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "SSL_CERT_FILE"),
            *("REQUESTS_CA_BUNDLE", "PYTHONPATH", "PYTHONHOME", "LD_PRELOAD", "BROWSER", "HOME"),
            *("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "ACTIONS_ID_TOKEN_REQUEST_URL"),
            "GCE_METADATA_HOST",
            *("SYSTEM_OIDCREQUESTURI", "AZURE_ENVIRONMENT_FILEPATH", "KUBEAUTH_CACHE_DIR"),
            *("AZURE_KUBERNETES_TOKEN_PROXY", "AZURE_CONFIG_DIR", "AZD_CONFIG_DIR"),
            *("PSModulePath", "AZURE_EXTENSION_DIR", "DYLD_INSERT_LIBRARIES"),
        )
    },
}


class TestHostile:
    @pytest.mark.parametrize("what", HOSTILE)
    def test_is_refused_unless_the_caller_trusts_it(self, what: str, tmp_path: Path) -> None:
        args, env = HOSTILE[what]
        file = kubeconfig(tmp_path, *args, **env)
        with pytest.raises(UntrustedKubeconfig) as refused:
            provider(file)
        assert "context 'x'" in str(refused.value)
        assert "trusted=True" in refused.value.hint
        assert "s3cr3t" not in str(refused.value)
        assert provider(file, trusted=True)

    @pytest.mark.parametrize("what", HOSTILE)
    def test_is_refused_by_the_integrations(self, what: str, tmp_path: Path) -> None:
        args, env = HOSTILE[what]
        file = kubeconfig(tmp_path, *args, **env)
        system = System(environ=SECRETS, prompt=lambda _: None)
        with pytest.raises(UntrustedKubeconfig):
            find_target("x", {"path": file, "system": system})
        assert find_target("x", {"path": file, "system": system, "trusted": True})

    def test_is_an_error_that_those_who_know_kubeconfig_errors_catch(self) -> None:
        assert issubclass(UntrustedKubeconfig, kubeauth.KubeconfigError)


class TestHarmless:
    @pytest.mark.parametrize(
        "args",
        [
            ("-l", "spn", *IDENTITY),
            ("-l", "spn", *IDENTITY, "--environment", "AzureChinaCloud"),
            ("-l", "spn", *IDENTITY, "--authority-host", "https://login.microsoftonline.com/"),
            ("-l", "spn", *IDENTITY, "--authority-host", "https://login.microsoftonline.US"),
            # A person sees the page; tools and managed identities have authorities of their own.
            ("-l", "devicecode", *IDENTITY, "--authority-host", ATTACKER),
            ("-l", "azurecli", "--authority-host", ATTACKER),
            ("-l", "msi", "--authority-host", ATTACKER),
            ("-l", "workloadidentity", *IDENTITY, "--assertion-source", "github"),
            ("-l", "workloadidentity", *IDENTITY, "--assertion-source", "msi"),
            ("-l", "workloadidentity", *IDENTITY, "--assertion-source", "gcp"),
        ],
    )
    def test_needs_no_trust(self, args: tuple[str, ...], tmp_path: Path) -> None:
        assert provider(kubeconfig(tmp_path, *args, AAD_X="y"))

    def test_the_machines_own_authority_is_known(self, tmp_path: Path) -> None:
        file = kubeconfig(tmp_path, "-l", "spn", *IDENTITY, "--authority-host", ATTACKER)
        assert provider(file, {"AZURE_AUTHORITY_HOST": ATTACKER.upper().replace("HTTPS", "https")})
        with pytest.raises(UntrustedKubeconfig):
            provider(file, {"AZURE_AUTHORITY_HOST": "https://login.other.example/"})

    def test_what_the_caller_gives_is_the_callers(self, tmp_path: Path) -> None:
        hostile = ("-l", "spn", *IDENTITY, "--authority-host", ATTACKER)
        file = kubeconfig(tmp_path, *hostile)
        assert provider(file, authority_host="https://adfs.contoso.example/")
        assert provider(file, login="azurecli")

    @pytest.mark.parametrize("env", [{}, {"AZURE_CLIENT_SECRET": "x"}])
    def test_its_own_secret_tells_nobody_anything(
        self, env: dict[str, str], tmp_path: Path
    ) -> None:
        args = (*SPN, "--authority-host", ATTACKER, "--client-secret", "x")
        system = System(environ={"HOME": "/home/dana"})
        assert from_kubeconfig(path=kubeconfig(tmp_path, *args, **env), system=system)

    def test_what_the_machine_says_as_well(self, tmp_path: Path) -> None:
        said = {"AZURE_CONFIG_DIR": "/a", "SSL_CERT_FILE": "/ca.pem"}
        file = kubeconfig(tmp_path, *SPN, "--ca-file", "/ca.pem", **said)
        assert provider(file, said)
        with pytest.raises(UntrustedKubeconfig):
            provider(file, {**said, "SSL_CERT_FILE": "/other.pem"})

    def test_variables_that_sign_nobody_in_are_left_out(self) -> None:
        strange = {"NODE_OPTIONS": "x", "BASH_ENV": "x", "GCONV_PATH": "x", "MY_SECRET": "s"}
        own = {"AZURE_CLIENT_ID": "c", "AAD_LOGIN_METHOD": "spn"}
        assert variables_that_count({**strange, **own}) == own

    @pytest.mark.parametrize(
        ("login", "more", "named"),
        [
            ("spn", {"client_secret_env": "BASH_ENV"}, True),
            ("azurecli", {"client_secret_env": "BASH_ENV"}, False),
            ("workloadidentity", {"assertion_source": "env:BASH_ENV"}, True),
            ("workloadidentity", {"assertion_source": "command:x:BASH_ENV"}, False),
            ("azurecli", {"assertion_source": "env:BASH_ENV"}, False),
        ],
    )
    def test_the_named_variable_counts_where_no_program_could_obey_it(
        self, login: str, more: dict[str, str], named: bool
    ) -> None:
        found = named_variables(Settings(login=login, **more), {"BASH_ENV": "/tmp/evil"})
        assert found == ({"BASH_ENV": "/tmp/evil"} if named else {})


@not_on_windows("approvals lie in the account's own profile there")
class TestApproval:
    """`kubeauth trust` counts in the library, for exactly what was approved."""

    @pytest.mark.parametrize("what", HOSTILE)
    def test_covers_what_was_approved_and_nothing_else(self, what: str, tmp_path: Path) -> None:
        args, env = HOSTILE[what]
        home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
        file = kubeconfig(tmp_path, *args, **env)
        entry = find_entry("x", file, home)
        environ = {**SECRETS, **home}
        settings = resolve(entry.values, {**environ, **entry.environ})
        asked = demands(entry.values, entry.environ, environ, settings)
        assert asked
        approve(asked, "context 'x'", home, 0)
        assert provider(file, home)
        changed = [f"{word}x" if word.startswith("--") and "=" in word else word for word in args]
        if changed == list(args) and not env:
            changed[-1] += "x"
        other = kubeconfig(tmp_path, *changed, **{n: v + "x" for n, v in env.items()})
        with pytest.raises(UntrustedKubeconfig):
            provider(other, home)
        withdraw(asked, home)
        with pytest.raises(UntrustedKubeconfig):
            provider(kubeconfig(tmp_path, *args, **env), home)

    def test_a_home_in_the_kubeconfig_brings_no_approvals(self, tmp_path: Path) -> None:
        args = ("-l", "spn", *IDENTITY, "--authority-host", ATTACKER)
        theirs = tmp_path / "theirs"
        theirs.mkdir(mode=0o700)
        file = kubeconfig(tmp_path, *args, HOME=str(theirs))
        entry = find_entry("x", file, {})
        asked = demands(entry.values, entry.environ, {}, resolve(entry.values, {}), possible=True)
        approve(asked, "context 'x'", {"HOME": str(theirs), "USERPROFILE": str(theirs)}, 0)
        with pytest.raises(UntrustedKubeconfig):
            provider(file, {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)})

    def test_damage_and_other_peoples_files_approve_nothing(self, tmp_path: Path) -> None:
        home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
        file = kubeconfig(tmp_path, "-l", "spn", *IDENTITY, "--authority-host", ATTACKER)
        entry = find_entry("x", file, home)
        asked = demands(entry.values, {}, home, resolve(entry.values, {}))
        approve(asked, "context 'x'", home, 0)
        assert provider(file, home)
        (approval,) = (tmp_path / ".kube" / "kubeauth").iterdir()
        if os.name != "nt":
            approval.chmod(0o644)
            with pytest.raises(UntrustedKubeconfig):
                provider(file, home)
            approval.chmod(0o600)
        approval.write_bytes(approval.read_bytes().replace(b"x", b"y"))
        with pytest.raises(UntrustedKubeconfig):
            provider(file, home)
