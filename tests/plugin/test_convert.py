"""``kubeauth convert-kubeconfig``: which flags an entry ends up with, whatever it was before."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from harness import WINDOWS

from kubeauth_plugin.cli import run

BIN = Path(sys.executable).parent
SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
CLIENT = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
TENANT = "8d3fbd5c-1a63-4a0b-9d4c-2f0d2a3f8e11"
IDS = ["--server-id", SERVER, "--client-id", CLIENT, "--tenant-id", TENANT]
CLOUD = ["--environment", "AzureUSGovernmentCloud"]
KUBELOGINS_HINT = (
    "\nkubelogin is not installed which is required to connect to AAD enabled cluster.\n\n"
    "To learn more, please go to https://azure.github.io/kubelogin/\n"
)


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "AAD_LOGIN_METHOD", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")


def legacy(**config: str) -> dict[str, Any]:
    names = {key.replace("_", "-"): value for key, value in config.items()}
    return {"auth-provider": {"name": "azure", "config": names}}


LEGACY = legacy(
    apiserver_id=SERVER, client_id=CLIENT, tenant_id=TENANT, environment="AzurePublicCloud"
)


def exec_user(*args: str, command: str = "kubelogin", **fields: Any) -> dict[str, Any]:
    return {"exec": {"command": command, "args": ["get-token", *args], **fields}}


class Kubeconfig:
    """A kubeconfig with one context per user, and what converting it said."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.capsys = path, capsys
        self.out = self.err = ""

    def write(self, **users: Any) -> Kubeconfig:
        self.path.write_text(
            json.dumps(
                {
                    "kind": "Config",
                    "users": [{"name": name, "user": user} for name, user in users.items()],
                    "contexts": [
                        {"name": f"at-{name}", "context": {"cluster": f"c-{name}", "user": name}}
                        for name in users
                    ],
                }
            )
        )
        return self

    def convert(self, *args: str) -> int:
        os.utime(self.path, (0, 0))  # a file that was just written would be watched for a while
        # What is written without --command on Windows: tests/windows/test_commands.py.
        plain = ("--command", "bare") if WINDOWS and "--command" not in args else ()
        code = run(["convert-kubeconfig", "--kubeconfig", str(self.path), *plain, *args])
        self.out, self.err = self.capsys.readouterr()
        return code

    def user(self, name: str = "u") -> Any:
        users = yaml.safe_load(self.path.read_text())["users"]
        return next(entry["user"] for entry in users if entry["name"] == name)

    def args(self, name: str = "u") -> list[str]:
        found: list[str] = self.user(name)["exec"]["args"]
        return found


@pytest.fixture
def config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Kubeconfig:
    return Kubeconfig(tmp_path / "config", capsys)


POP = ["--pop-enabled", "--pop-claims", "u=host,k=a=b"]

# (what it was, what is typed, the arguments after `get-token --login MODE`)
CASES: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "legacy, no login": (LEGACY, [], [*IDS, "--environment", "AzurePublicCloud", "--legacy"]),
    "legacy, config-mode 0": (
        legacy(apiserver_id="s", client_id="c", tenant_id="t", config_mode="0"),
        [],
        ["--server-id", "s", "--client-id", "c", "--tenant-id", "t", "--legacy"],
    ),
    "legacy, config-mode 1": (
        legacy(apiserver_id="s", client_id="c", tenant_id="t", config_mode="1"),
        [],
        ["--server-id", "s", "--client-id", "c", "--tenant-id", "t"],
    ),
    "legacy cleared": (LEGACY, ["--legacy=false"], [*IDS, "--environment", "AzurePublicCloud"]),
    "legacy in exec cleared": (exec_user(*IDS, "--legacy"), ["--legacy=false"], IDS),
    "legacy in exec kept": (exec_user(*IDS, "--legacy"), [], [*IDS, "--legacy"]),
    "legacy typed": (exec_user(*IDS), ["--legacy"], [*IDS, "--legacy"]),
    "legacy=false in exec": (exec_user(*IDS, "--legacy=false"), [], IDS),
    "legacy to msi": (LEGACY, ["-l", "msi"], IDS[:2]),
    "legacy to azurecli": (LEGACY, ["-l", "azurecli"], IDS[:2]),
    "legacy to workloadidentity": (LEGACY, ["-l", "workloadidentity"], IDS[:2]),
    "everything typed over nothing": (
        exec_user(),
        [*IDS, *CLOUD],
        [*IDS, *CLOUD],
    ),
    "name=value": (
        exec_user(f"--server-id={SERVER}", f"--client-id={CLIENT}", f"-t={TENANT}"),
        [],
        IDS,
    ),
    "short flags": (
        exec_user("-lspn", "-t", TENANT, "-eAzureChinaCloud", *IDS[:4]),
        ["-l", "devicecode"],
        [*IDS, "--environment", "AzureChinaCloud"],
    ),
    "a later value counts": (exec_user(*IDS, "--tenant-id", "other"), [], [*IDS[:5], "other"]),
    "typed wins": (exec_user(*IDS), ["-t", "typed"], [*IDS[:5], "typed"]),
    "typed empty clears": (exec_user(*IDS, *CLOUD), ["-e", ""], IDS),
    "spn secret typed": (
        exec_user(*IDS),
        ["-l", "spn", "--client-secret", "hush"],
        [*IDS, "--client-secret", "hush"],
    ),
    "spn certificate typed": (
        exec_user(*IDS),
        ["-l", "spn", "--client-certificate", "/c.pem", "--client-certificate-password", "p"],
        [*IDS, "--client-certificate", "/c.pem", "--client-certificate-password", "p"],
    ),
    "spn takes no secret of another mode": (
        exec_user(*IDS, "--client-secret", "hush"),
        ["-l", "spn"],
        IDS,
    ),
    "spn to spn keeps the secret": (
        exec_user("-l", "spn", *IDS, "--client-secret", "hush"),
        ["-l", "spn"],
        [*IDS, "--client-secret", "hush"],
    ),
    "spn to spn, a certificate replaces the secret": (
        exec_user("-l", "spn", *IDS, "--client-secret", "hush"),
        ["-l", "spn", "--client-certificate", "/c.pem"],
        [*IDS, "--client-certificate", "/c.pem"],
    ),
    "spn keeps proof of possession": (exec_user(*IDS, *POP), ["-l", "spn"], [*IDS, *POP]),
    "spn to devicecode leaves the secret": (
        exec_user("-l", "spn", *IDS, *CLOUD, "--client-secret", "hush"),
        ["-l", "devicecode"],
        [*IDS, *CLOUD],
    ),
    "msi with a client id": (
        exec_user(*IDS),
        ["-l", "msi", "--client-id", "i"],
        ["--server-id", SERVER, "--client-id", "i"],
    ),
    "msi with a resource id": (
        exec_user(*IDS),
        ["-l", "msi", "--identity-resource-id", "/r"],
        ["--server-id", SERVER, "--identity-resource-id", "/r"],
    ),
    "msi with both": (
        exec_user(*IDS),
        ["-l", "msi", "--identity-resource-id", "/r", "--client-id", "i"],
        ["--server-id", SERVER, "--client-id", "i"],
    ),
    "msi to msi keeps the identity": (
        exec_user("-l", "msi", *IDS[:2], "--identity-resource-id", "/r"),
        ["-l", "msi"],
        ["--server-id", SERVER, "--identity-resource-id", "/r"],
    ),
    "msi to msi, another identity": (
        exec_user("-l", "msi", *IDS[:2], "--identity-resource-id", "/r"),
        ["-l", "msi", "--client-id", "i"],
        ["--server-id", SERVER, "--client-id", "i"],
    ),
    "azurecli drops kubelogin's tenant": (
        exec_user("-l", "azurecli", *IDS),
        ["-l", "azurecli"],
        IDS[:2],
    ),
    "azurecli with a tenant": (
        exec_user(*IDS),
        ["-l", "azurecli", "-t", "t", "-s", "mine"],
        ["--server-id", SERVER, "--tenant-id", "t", "--subscription", "mine"],
    ),
    "azurecli of kubeauth keeps its tenant": (
        exec_user("-l", "azurecli", *IDS[:2], "--tenant-id", "t", command="kubeauth"),
        ["-l", "azurecli"],
        ["--server-id", SERVER, "--tenant-id", "t"],
    ),
    "workloadidentity, all typed": (
        exec_user(*IDS),
        [
            "-l",
            "workloadidentity",
            "--client-id",
            "i",
            "-t",
            "t",
            "--federated-token-file",
            "/f",
            "--authority-host",
            "https://login.example/",
        ],
        [
            "--server-id",
            SERVER,
            "--client-id",
            "i",
            "--tenant-id",
            "t",
            "--federated-token-file",
            "/f",
            "--authority-host",
            "https://login.example/",
        ],
    ),
    "workloadidentity to itself keeps everything": (
        exec_user("-l", "workloadidentity", *IDS, "--federated-token-file", "/f"),
        ["-l", "workloadidentity"],
        [*IDS, "--federated-token-file", "/f"],
    ),
    "the old name of the cache folder": (
        exec_user(*IDS, "--token-cache-dir", "/cache"),
        [],
        [*IDS[:2], "--cache-dir", "/cache", *IDS[2:]],
    ),
    "the old name of the cache folder, typed": (
        LEGACY,
        ["-l", "azurecli", "--token-cache-dir", "/cache"],
        [*IDS[:2], "--cache-dir", "/cache"],
    ),
    "arguments nobody knows stay": (exec_user(*IDS, "-v", "5"), [], [*IDS, "-v", "5"]),
}


@pytest.mark.parametrize("case", CASES)
def test_arguments(config: Kubeconfig, case: str) -> None:
    before, typed, after = CASES[case]
    mode = typed[typed.index("-l") + 1] if "-l" in typed else "devicecode"
    assert config.write(u=before).convert(*typed) == 0, config.err
    assert [{"-l": "--login"}.get(a, a) for a in config.args()] == [
        *("get-token", "--login", mode),
        *after,
    ]
    assert "auth-provider" not in config.user()
    assert config.user()["exec"]["command"] == "kubeauth"


GENERAL = [
    *("--authority-host", "https://login.example/", "--ca-file", "/ca.pem", "--timeout", "1m30s"),
    *("--disable-instance-discovery", "--disable-environment-override", "--use-azurerm-env-vars"),
]


@pytest.mark.parametrize("mode", ["devicecode", "azurecli", "spn", "msi", "workloadidentity"])
class TestEveryMode:
    def test_writes_and_keeps_the_general_flags(self, config: Kubeconfig, mode: str) -> None:
        config.write(u=exec_user(*IDS)).convert("-l", mode, "--cache-dir", "/c", *GENERAL)
        assert config.args()[-len(GENERAL) :] == GENERAL
        assert config.args()[5:7] == ["--cache-dir", "/c"]
        before = config.args()
        config.convert("-l", mode)
        assert config.args() == before

    def test_needs_a_server_id(self, config: Kubeconfig, mode: str) -> None:
        config.write(u=exec_user("-t", "t", "--client-id", "c"))
        before = config.path.read_bytes()
        assert config.convert("-l", mode) == 2
        assert "error: user 'u'" in config.err and "--server-id is required" in config.err
        assert config.path.read_bytes() == before

    def test_the_exec_block(self, config: Kubeconfig, mode: str) -> None:
        config.write(u=LEGACY).convert("-l", mode)
        block = config.user()["exec"]
        assert block["apiVersion"] == "client.authentication.k8s.io/v1beta1"
        assert block["interactiveMode"] == ("IfAvailable" if mode == "devicecode" else "Never")
        assert block["provideClusterInfo"] is False
        assert "kubeauth is not installed" in block["installHint"]

    def test_again_changes_nothing(self, config: Kubeconfig, mode: str) -> None:
        config.write(u=LEGACY).convert("-l", mode)
        before = (config.path.read_bytes(), config.path.stat().st_ino)
        assert config.convert("-l", mode) == 0
        assert (config.path.read_bytes(), config.path.stat().st_ino) == before
        assert "as it was" in config.out


class TestExecBlock:
    def test_what_is_not_ours_stays(self, config: Kubeconfig) -> None:
        env = [{"name": "A", "value": "b", "note": "mine"}]
        kept = {
            "apiVersion": "client.authentication.k8s.io/v1",
            "env": env,
            "installHint": "ask Jo",
            "interactiveMode": "Always",
            "provideClusterInfo": True,
            "x-team": {"a": [1]},
        }
        config.write(u=exec_user(*IDS, **kept)).convert(
            "-l", "azurecli", "--azure-config-dir", "/az"
        )
        block = config.user()["exec"]
        *others, version = block.pop("env")
        assert others == [*env, {"name": "AZURE_CONFIG_DIR", "value": "/az"}]
        assert version["name"] == "KUBERNETES_EXEC_INFO"
        assert {name: block[name] for name in kept if name != "env"} == {
            name: value for name, value in kept.items() if name != "env"
        }

    def test_azure_config_dir_is_set_once(self, config: Kubeconfig) -> None:
        config.write(u=exec_user(*IDS))
        for folder in ("/a", "/b", "/b"):
            config.convert("-l", "azurecli", "--azure-config-dir", folder)
        assert config.user()["exec"]["env"] == [{"name": "AZURE_CONFIG_DIR", "value": "/b"}]

    def test_kubelogins_hint_makes_way(self, config: Kubeconfig) -> None:
        config.write(u=exec_user(*IDS, installHint=KUBELOGINS_HINT)).convert()
        assert "kubelogin" not in config.user()["exec"]["installHint"]

    def test_an_alpha_version_is_raised(self, config: Kubeconfig) -> None:
        old = exec_user(*IDS, apiVersion="client.authentication.k8s.io/v1alpha1")
        config.write(u=old).convert()
        assert config.user()["exec"]["apiVersion"].endswith("/v1beta1")

    @pytest.mark.parametrize(
        ("command", "mode", "login", "after"),
        [
            ("kubelogin", "IfAvailable", "spn", "IfAvailable"),
            ("kubelogin", "Never", "devicecode", "Never"),
            ("kubelogin", "sometimes", "spn", "Never"),
            ("kubeauth", "IfAvailable", "spn", "Never"),
            ("kubeauth", "Always", "spn", "Always"),
            ("kubeauth", None, "spn", "Never"),
        ],
    )
    def test_interactive_mode(
        self, config: Kubeconfig, command: str, mode: str, login: str, after: str
    ) -> None:
        config.write(u=exec_user(*IDS, command=command, interactiveMode=mode)).convert("-l", login)
        assert config.user()["exec"]["interactiveMode"] == after

    def test_a_person_is_asked_where_a_machine_was(self, config: Kubeconfig) -> None:
        config.write(u=exec_user("-l", "spn", *IDS, interactiveMode="Never"))
        config.convert("-l", "devicecode")
        assert config.user()["exec"]["interactiveMode"] == "IfAvailable"

    def test_there_and_back(self, config: Kubeconfig) -> None:
        config.write(u=LEGACY).convert()
        before = config.path.read_bytes()
        config.convert("-l", "spn")
        assert config.path.read_bytes() != before
        config.convert("-l", "devicecode")
        assert config.user()["exec"] == json.loads(before)["users"][0]["user"]["exec"]


WAYS: dict[str, dict[str, Any]] = {
    "devicecode": exec_user("-l", "devicecode", *IDS, *CLOUD, "--legacy", interactiveMode="Always"),
    "azurecli": exec_user("-l", "azurecli", *IDS[:2], "--subscription", "mine"),
    "spn": exec_user("-l", "spn", *IDS, "--client-certificate", "/c.pem", *POP),
    "msi": exec_user("-l", "msi", *IDS[:4], interactiveMode="IfAvailable"),
    "workloadidentity": exec_user("-l", "workloadidentity", *IDS, "--federated-token-file", "/f"),
}
IDENTITY = ["--client-id", "x", "--tenant-id", "y"]


class TestThereAndBack:
    @pytest.mark.parametrize("there", WAYS)
    @pytest.mark.parametrize("home", WAYS)
    def test_every_way(self, config: Kubeconfig, home: str, there: str) -> None:
        if home == "azurecli":
            config.write(u=exec_user(*IDS)).convert("-l", home, "--subscription", "mine")
        else:
            config.write(u=WAYS[home]).convert("-l", home)
        before = config.user()
        lacking = home in ("azurecli", "msi") and there in ("devicecode", "spn")
        assert config.convert("-l", there, *(IDENTITY if lacking else [])) == 0, config.err
        assert config.convert("-l", home) == 0, config.err
        assert config.user()["exec"] == before["exec"]

    def test_leaves_no_trace(self, config: Kubeconfig) -> None:
        before = config.write(u=exec_user(*IDS)).convert() or config.path.read_bytes()
        for login in ("azurecli", "msi", "devicecode"):
            config.convert("-l", login)
        assert config.path.read_bytes() == before

    def test_a_secret_is_not_remembered(self, config: Kubeconfig) -> None:
        config.write(u=exec_user("-l", "spn", *IDS, "--client-secret", "hush"))
        config.convert("-l", "azurecli")
        assert "hush" not in config.path.read_text() and CLIENT in config.path.read_text()

    def test_other_extensions_stay(self, config: Kubeconfig) -> None:
        mine = [{"name": "minikube", "extension": {"a": [1]}}, {"name": "z", "extension": "y"}]
        config.write(u={**exec_user(*IDS), "extensions": mine}).convert("-l", "azurecli")
        assert config.user()["extensions"][:2] == mine and len(config.user()["extensions"]) == 3
        config.convert("-l", "msi")
        assert len(config.user()["extensions"]) == 3
        config.convert("-l", "devicecode")
        assert config.user()["extensions"] == mine

    def test_what_is_typed_wins_over_what_is_remembered(self, config: Kubeconfig) -> None:
        config.write(u=exec_user(*IDS, *CLOUD)).convert("-l", "azurecli")
        config.convert("-l", "devicecode", "-t", "other", "-e", "")
        assert config.args()[3:] == [*IDS[:5], "other"]

    @pytest.mark.parametrize("extension", [None, [], "x", {"devicecode": 5}, {"msi": {"args": {}}}])
    def test_an_extension_that_is_not_ours_to_read(
        self, config: Kubeconfig, extension: Any
    ) -> None:
        old = {**exec_user(*IDS), "extensions": [{"name": "kubeauth", "extension": extension}]}
        assert config.write(u=old).convert("-l", "azurecli") == 0, config.err
        assert config.convert("-l", "devicecode") == 0, config.err
        assert config.args()[3:] == IDS


class TestRecognition:
    @pytest.mark.parametrize(
        "command",
        [
            "kubelogin",
            "/usr/local/bin/kubelogin",
            r"C:\Tools\KubeLogin.exe",
            "kubelogin_linux_amd64",
            "kubeauth",
            "/opt/venv/bin/kubeauth",
            "/opt/kubeauth-1.2.3.pyz",
            "kubectl-kubeauth",
        ],
    )
    def test_converted(self, config: Kubeconfig, command: str) -> None:
        assert config.write(u=exec_user(*IDS, command=command)).convert("-l", "msi") == 0
        assert config.args()[:3] == ["get-token", "--login", "msi"]

    def test_our_own_command_stays(self, config: Kubeconfig, tmp_path: Path) -> None:
        ours = str(tmp_path / "bin" / "kubeauth")
        config.write(u=exec_user(*IDS, command=ours))
        assert run(["convert-kubeconfig", "--kubeconfig", str(config.path), "-l", "msi"]) == 0
        assert config.user()["exec"]["command"] == ours

    SKIPPED: ClassVar[dict[str, Any]] = {
        "client certificate": {"client-certificate-data": "QQ=="},
        "client certificate (a local": {"client-certificate": "/c.pem"},
        "static token": {"token": "abc"},
        "token file": {"tokenFile": "/t"},
        "user name and password": {"username": "u", "password": "p"},
        "no credentials": {},
        "another auth-provider: gcp": {"auth-provider": {"name": "gcp"}},
        "another plugin: aws": exec_user(command="aws"),
        "another plugin: gke-gcloud-auth-plugin": exec_user(command="gke-gcloud-auth-plugin"),
        "kubelogin of int128": exec_user("--oidc-issuer-url=https://i", command="kubelogin"),
        "another plugin: kubectl oidc-login": {
            "exec": {"command": "kubectl", "args": ["oidc-login", "get-token"]}
        },
    }

    @pytest.mark.parametrize("reason", SKIPPED)
    def test_skipped_with_a_reason(self, config: Kubeconfig, reason: str) -> None:
        config.write(u=self.SKIPPED[reason])
        before = config.path.read_bytes()
        assert config.convert() == 3
        assert reason in config.out and reason in config.err
        assert config.path.read_bytes() == before
        assert config.convert("--allow-empty") == 0

    def test_admin(self, config: Kubeconfig) -> None:
        config.write(clusterAdmin_rg_c={"client-certificate-data": "QQ=="})
        assert config.convert() == 3
        assert "--admin" in config.err

    def test_others_are_left_alone(self, config: Kubeconfig) -> None:
        config.write(u=LEGACY, **{f"o{n}": user for n, user in enumerate(self.SKIPPED.values())})
        before = json.loads(config.path.read_text())["users"][1:]
        assert config.convert() == 0
        assert json.loads(config.path.read_text())["users"][1:] == before

    def test_no_users(self, config: Kubeconfig) -> None:
        assert config.write().convert() == 3

    def test_a_token_that_wins_is_told(self, config: Kubeconfig) -> None:
        config.write(u={**exec_user(*IDS), "token": "abc"}).convert()
        assert "static token" in config.err and "abc" not in config.err


class TestEachUsersLogin:
    """Without --login, each user keeps its own."""

    def test_is_kept(self, config: Kubeconfig) -> None:
        users = {
            "people": exec_user("--login=interactive", *IDS, "--redirect-url", "http://localhost"),
            "deploy": exec_user("-l", "spn", *IDS, "--client-certificate", "/run/c.pfx"),
            "vm": exec_user("-l", "msi", *IDS[:2], "--identity-resource-id", "/subscriptions/1"),
            "az": exec_user("get-token", "--login", "azurecli", *IDS[:2], command="/opt/kubelogin"),
            "ours": exec_user("--login", "azd", *IDS[:2], command="kubeauth"),
            "plain": exec_user(*IDS),
            "old": LEGACY,
        }
        assert config.write(**users).convert() == 0, config.err
        assert {name: config.args(name)[2] for name in users} == {
            "people": "interactive",
            "deploy": "spn",
            "vm": "msi",
            "az": "azurecli",
            "ours": "azd",
            "plain": "devicecode",
            "old": "devicecode",
        }
        assert config.args("deploy")[3:] == [*IDS, "--client-certificate", "/run/c.pfx"]
        assert config.args("vm")[-2:] == ["--identity-resource-id", "/subscriptions/1"]
        assert "warning" not in config.err

    def test_a_flag_that_does_not_fit_it_is_named_for_that_user_only(
        self, config: Kubeconfig
    ) -> None:
        config.write(
            sp=exec_user("-l", "spn", *IDS), vm=exec_user("-l", "msi", *IDS[:2]), me=LEGACY
        )
        assert config.convert("--client-secret-file", "/run/s", "--qr") == 0
        assert config.args("sp")[-2:] == ["--client-secret-file", "/run/s"]
        assert "--qr" in config.args("me") and len(config.args("vm")) == 5
        said = [line.split(" means nothing")[0] for line in config.err.splitlines()]
        assert said == [
            "warning: user 'sp': --qr",
            "warning: user 'vm': --client-secret-file",
            "warning: user 'vm': --qr",
            "warning: user 'me': --client-secret-file",
        ]

    def test_proof_of_possession_fails_those_that_cannot_do_it(self, config: Kubeconfig) -> None:
        config.write(vm=exec_user("-l", "msi", *IDS[:2]), sp=exec_user("-l", "spn", *IDS))
        assert config.convert("--pop-enabled", "--pop-claims", "u=/x") == 2
        assert "user 'vm': login msi: --pop-enabled" in config.err
        assert config.args("sp")[-3:] == ["--pop-enabled", "--pop-claims", "u=/x"]
        assert config.user("vm")["exec"]["command"] == "kubelogin"

    def test_one_that_does_not_exist_fails_its_user(self, config: Kubeconfig) -> None:
        config.write(odd=exec_user("-l", "smartcard", *IDS), good=exec_user(*IDS))
        assert config.convert() == 2
        assert "user 'odd': login: unknown login 'smartcard'" in config.err
        assert config.user("good")["exec"]["command"] == "kubeauth"

    def test_kubelogin_lacks_some(self, config: Kubeconfig) -> None:
        users = {n: exec_user("-l", n, *IDS, command="kubeauth") for n in ("auto", "spn")}
        assert config.write(**users).convert("--to", "kubelogin") == 2
        assert "user 'auto': --to kubelogin: kubelogin has no login auto" in config.err
        assert config.user("spn")["exec"]["command"] == "kubelogin"


class TestEnvironment:
    def test_login_from_the_environment(
        self, config: Kubeconfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AAD_LOGIN_METHOD", "msi")
        config.write(u=LEGACY).convert()
        assert config.args()[2] == "msi"
        config.convert("-l", "azurecli")
        assert config.args()[2] == "azurecli"
        monkeypatch.setenv("AAD_LOGIN_METHOD", "magic")
        assert config.convert() == 2 and "AAD_LOGIN_METHOD" in config.err

    def test_login_from_the_entrys_own_variable(self, config: Kubeconfig) -> None:
        env = [{"name": "AAD_LOGIN_METHOD", "value": "spn"}, {"name": "HTTPS_PROXY", "value": "p"}]
        config.write(u=exec_user(*IDS, env=env), typed=exec_user("-l", "msi", *IDS, env=env))
        assert config.convert() == 0 and "kubelogin spn" in config.out
        assert config.args()[:3] == ["get-token", "--login", "spn"] == config.args("typed")[:3]
        assert config.user()["exec"]["env"] == env

    @pytest.mark.parametrize("more", [[], ["--to", "kubelogin"]])
    def test_another_login_changes_the_entrys_own_variable(
        self, config: Kubeconfig, more: list[str]
    ) -> None:
        env = [{"name": "A", "value": "1"}, {"name": "AAD_LOGIN_METHOD", "value": "spn"}]
        config.write(u=exec_user(*IDS, env=env)).convert("-l", "azurecli", *more)
        assert config.args()[2] == "azurecli"
        assert config.user()["exec"]["env"] == [env[0], {**env[1], "value": "azurecli"}]
        config.convert("-l", "spn")
        assert config.args()[3:] == IDS and config.user()["exec"]["env"] == env

    def test_the_entrys_own_variable_may_not_count(self, config: Kubeconfig) -> None:
        env = [{"name": "AAD_LOGIN_METHOD", "value": "spn"}]
        config.write(u=exec_user("-l", "msi", "--disable-environment-override", env=env))
        config.convert("--server-id", "s")
        assert config.args()[2] == "msi"

    def test_an_unknown_login_of_one_user_is_mended_alone(self, config: Kubeconfig) -> None:
        config.write(u=exec_user("-l", "msii", *IDS[:2]), other=exec_user("-l", "azd", *IDS[:2]))
        assert config.convert() == 2 and "--user u -l msi" in config.err
        assert config.convert("--user", "u", "-l", "msi") == 0
        assert [config.args(name)[2] for name in ("u", "other")] == ["msi", "azd"]

    def test_nothing_else_comes_from_it(
        self, config: Kubeconfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("CLIENT_ID", "TENANT_ID", "CLIENT_SECRET", "FEDERATED_TOKEN_FILE"):
            monkeypatch.setenv(f"AZURE_{name}", "from-the-environment")
        config.write(u=exec_user(*IDS)).convert("-l", "spn", "--client-secret", "typed")
        assert config.args()[-1] == "typed"
        assert "from-the-environment" not in config.path.read_text()


class TestRefusals:
    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            (["-l", "magic"], "magic"),
            (["-e", "AzureTypoCloud"], "AzureTypoCloud"),
            (["-e", "AzureTypoCloud", "--authority-host", "https://h/"], "AzureTypoCloud"),
            (["--authority-host", "http://plain/"], "https"),
            (["--timeout", "soon"], "soon"),
            (["--legacy=perhaps"], "perhaps"),
            (["-l", "msi", "--pop-enabled", "--pop-claims", "u=h"], "pop-enabled"),
            (["-l", "spn", "--pop-enabled"], "--pop-claims is required"),
            (["-l", "spn", "--pop-claims", "u=h"], "--pop-enabled is required"),
            (["--context", "nowhere"], "at-u"),
            (["--context", ""], "at-u"),
            (["--user", "nobody"], "users are: u"),
            (["--cluster", "none"], "c-u"),
        ],
    )
    def test_typed(self, config: Kubeconfig, typed: list[str], said: str) -> None:
        before = config.write(u=exec_user(*IDS)).path.read_bytes()
        assert config.convert(*typed) == 2
        assert said in config.err and "hint: " in config.err
        assert config.path.read_bytes() == before

    def test_an_unknown_cloud_that_was_there_only_warns(self, config: Kubeconfig) -> None:
        assert config.write(u=exec_user(*IDS, "-e", "AzureGermanCloud")).convert() == 0
        assert "AzureGermanCloud" in config.args() and "warning: user 'u'" in config.err

    def test_flags_of_another_mode_are_named(self, config: Kubeconfig) -> None:
        config.write(u=exec_user(*IDS))
        assert config.convert("--client-secret", "hush", "--username", "jo") == 0
        assert config.args() == ["get-token", "--login", "devicecode", *IDS]
        assert "--client-secret means nothing" in config.err and "--username" in config.err
        assert "hush" not in config.err + config.out

    def test_proof_of_possession_that_is_lost_is_told(self, config: Kubeconfig) -> None:
        assert config.write(u=exec_user(*IDS, *POP)).convert("-l", "msi") == 0
        assert "--pop-enabled" not in config.args() and "--pop-claims" not in config.args()
        assert "possession" in config.err

    @pytest.mark.parametrize(
        ("half", "clears"),
        [(("--pop-enabled",), "--pop-enabled=false"), (("--pop-claims", "u=h"), "--pop-claims=")],
    )
    def test_half_a_proof_of_an_entry_can_be_cleared_as_the_hint_says(
        self, config: Kubeconfig, half: tuple[str, ...], clears: str
    ) -> None:
        config.write(u=exec_user("-l", "spn", *IDS, *half))
        assert config.convert() == 2
        assert f"or clear the other one: {clears}" in config.err.replace(' ""', "=")
        assert config.convert(clears) == 0
        assert not any(argument.startswith("--pop") for argument in config.args("u"))

    def test_one_address_of_possession_for_two_clusters(self, config: Kubeconfig) -> None:
        config.write(a=exec_user(*IDS), b=exec_user(*IDS))
        assert config.convert("-l", "spn", "--context", "at-a", *POP) == 0
        assert "clusters" not in config.err
        assert config.convert("-l", "spn", *POP[:2], "u=other") == 0
        assert "2 clusters" in config.err

    def test_one_bad_user_stops_no_other(self, config: Kubeconfig) -> None:
        config.write(bad=exec_user("-t", "t"), good=exec_user(*IDS))
        assert config.convert() == 2
        assert "'bad'" in config.err and "converted" not in config.err
        assert config.user("good")["exec"]["command"] == "kubeauth"
        assert config.user("bad")["exec"]["command"] == "kubelogin"

    def test_an_error_of_one_user_claims_nothing_of_the_others(self, config: Kubeconfig) -> None:
        config.write(bad={"exec": {"command": "kubelogin", "args": "x"}}, good=exec_user(*IDS))
        assert config.convert() == 9
        assert "'bad'" in config.err and "nothing was changed" not in config.err
        assert config.user("good")["exec"]["command"] == "kubeauth"

    def test_strict_writes_nothing(self, config: Kubeconfig) -> None:
        config.write(bad=exec_user("-t", "t"), good=exec_user(*IDS))
        before = config.path.read_bytes()
        assert config.convert("--strict") == 2
        assert config.path.read_bytes() == before and "held back" in config.out

    @pytest.mark.parametrize("args", [["--server-id"], ["--legacy=perhaps"]])
    def test_arguments_that_cannot_be_read(self, config: Kubeconfig, args: list[str]) -> None:
        config.write(u={"exec": {"command": "kubelogin", "args": ["get-token", *args]}})
        assert config.convert() == 9
        assert "'u'" in config.err


class TestSelection:
    USERS: ClassVar[dict[str, Any]] = {name: exec_user(*IDS) for name in ("dev-a", "dev-b", "prod")}

    @pytest.mark.parametrize(
        ("typed", "converted"),
        [
            ([], {"dev-a", "dev-b", "prod"}),
            (["--context", "at-prod"], {"prod"}),
            (["--context", "at-dev-*"], {"dev-a", "dev-b"}),
            (["--context", "at-dev-a", "--context", "at-prod"], {"dev-a", "prod"}),
            (["--user", "dev-?"], {"dev-a", "dev-b"}),
            (["--cluster", "c-prod"], {"prod"}),
            (["--context", "at-dev-*", "--user", "*-b"], {"dev-b"}),
        ],
    )
    def test_who_is_converted(
        self, config: Kubeconfig, typed: list[str], converted: set[str]
    ) -> None:
        config.write(**self.USERS)
        assert config.convert(*typed) == 0
        users = yaml.safe_load(config.path.read_text())["users"]
        assert {u["name"] for u in users if u["user"]["exec"]["command"] == "kubeauth"} == converted
        assert {u["name"] for u in users if u["user"] == self.USERS[u["name"]]} == (
            set(self.USERS) - converted
        )

    def test_a_context_without_a_user_converts_nobody(self, config: Kubeconfig) -> None:
        config.write(u=exec_user(*IDS))
        content = json.loads(config.path.read_text())
        content["contexts"] += [{"name": "x", "context": {"cluster": "c"}}]
        content["contexts"] += [{"name": "y", "context": {"user": "gone"}}]
        config.path.write_text(json.dumps(content))
        before = config.path.read_bytes()
        assert config.convert("--context", "x") == 2 and "no user" in config.err
        assert config.convert("--context", "y") == 2 and "gone" in config.err
        assert config.path.read_bytes() == before


class TestReport:
    def test_json(self, config: Kubeconfig) -> None:
        config.write(u=LEGACY, o={"token": "abc"})
        assert config.convert("-l", "msi", "-o", "json") == 0
        first, second = json.loads(config.out)
        assert first == {
            "file": str(config.path),
            "contexts": ["at-u"],
            "user": "u",
            "status": "converted",
            "from": "azure auth-provider",
            "to": "kubeauth msi",
            "reason": "",
        }
        assert (second["status"], "static token" in second["reason"]) == ("skipped", True)

    def test_dry_run_writes_nothing_and_shows_the_difference(self, config: Kubeconfig) -> None:
        before = config.write(u=LEGACY).path.read_bytes()
        assert config.convert("--dry-run", "--diff") == 0
        assert "+++ " in config.out and "kubeauth devicecode" in config.out
        assert "\x1b" not in config.out
        assert config.path.read_bytes() == before
        assert sorted(p.name for p in config.path.parent.iterdir()) == ["config"]

    def test_the_difference_has_no_secrets(self, config: Kubeconfig) -> None:
        old = legacy(apiserver_id="s", access_token="hush-1", refresh_token="hush-2")
        spn = exec_user("-l", "spn", *IDS, "--client-secret=hush-3", "--password", "hush-4")
        config.write(a=old, b=spn, c={"token": "hush-5"})
        assert config.convert("-l", "msi", "--diff") == 0
        assert "***" in config.out and "hush" not in config.out + config.err
        assert "hush-5" in config.path.read_text()

    def test_files_at_home_are_short(self, config: Kubeconfig) -> None:
        config.write(u=LEGACY).convert()
        assert config.out.splitlines()[1].startswith(f"~{os.sep}config ")

    def test_ends_in_a_count(self, config: Kubeconfig) -> None:
        users = {f"k{n}": exec_user(*IDS) for n in range(3)}
        config.write(**users, mine={"token": "abc"}, empty={}, bad=exec_user("-t", "t"))
        assert config.convert() == 2
        assert config.out.splitlines()[-1] == "3 converted, 2 skipped, 1 failed"
        assert config.convert("--user", "k*", "--user", "mine") == 0
        assert config.out.splitlines()[-1] == "3 unchanged, 1 skipped"
        assert "dry run" not in config.out
        config.write(k=exec_user(*IDS), bad=exec_user("-t", "t")).convert("--strict")
        assert config.out.splitlines()[-1] == "1 failed, 1 held back"
        assert config.convert("--user", "k", "-o", "json") == 0
        assert json.loads(config.out)[0]["status"] == "converted"

    def test_a_dry_run_says_so_first(self, config: Kubeconfig) -> None:
        before = config.write(u=LEGACY, t={"token": "abc"}).path.read_bytes()
        for more in ([], ["--diff"]):
            assert config.convert("--dry-run", *more) == 0
            lines = config.out.splitlines()
            assert lines[0] == "dry run: nothing is written"
            assert lines[-1] == "1 would be converted, 1 skipped"
        assert config.convert("--dry-run", "-o", "json") == 0 and json.loads(config.out)
        assert config.path.read_bytes() == before

    def test_names_cannot_forge_lines(self, config: Kubeconfig) -> None:
        config.write(**{"a\nb\x1b[2J": LEGACY})
        assert config.convert() == 0
        assert len(config.out.splitlines()) == 3 and "\x1b" not in config.out
