"""Help and version in every form, what was nearly typed right, and the alias kubelogin."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from harness import BIN, Program, basic_environ

from kubeauth.testing import Simulator

pytestmark = pytest.mark.process
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows copies the program instead")


@pytest.fixture
def alone(tmp_path: Path) -> Program:
    """The program without a simulator."""
    return Program(tmp_path, basic_environ(tmp_path))


def test_the_version_in_each_form(alone: Program) -> None:
    short = alone("--version").stdout
    assert short.startswith("kubeauth ") and alone("-V").stdout == short
    long = alone("version").stdout
    assert long.startswith(short)
    assert {"python", "system", "msal", "kubectl"} <= {
        line.split()[0] for line in long.splitlines()
    }
    assert json.loads(alone("version", "-o", "json").stdout)["kubeauth"] == short.split()[1]


@pytest.mark.parametrize("words", [(), ("convert-kubeconfig",), ("cache",), ("cache", "list")])
def test_help_is_the_flag(alone: Program, words: tuple[str, ...]) -> None:
    ran = alone("help", *words)
    assert ran.code == 0 and ran.stdout.split() == alone(*words, "--help").stdout.split()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("AADSTS50076", "AADSTS50076: multi-factor authentication is needed"),
        ("aadsts7002139", "AADSTS7002139: no federated credential"),
        ("700016", "docs/errors.md#aadsts700016"),
        ("99999", "https://login.microsoftonline.com/error?code=99999"),
        ("53004", "docs/errors.md#aadsts53002"),
        ("7", "exit code 7, Unreachable: "),
        ("12", "exit code 12, Throttled: "),
        ("11", "docs/errors.md#exit-11"),
    ],
)
def test_help_for_a_code(alone: Program, code: str, said: str) -> None:
    ran = alone("help", code)
    assert ran.code == 0 and said in ran.stdout
    page = (Path(__file__).parents[2] / "docs/errors.md").read_text("utf-8")
    for anchor in re.findall(r"#([\w-]+)$", ran.stdout, re.MULTILINE):
        assert f'<a id="{anchor}"></a>' in page


@pytest.mark.parametrize(
    "words",
    [("nonsense",), ("cache", "nonsense"), ("demo", "nonsense"), ("13",), ("9" * 5000, "x")],
)
def test_help_for_nothing_is_an_error(alone: Program, words: tuple[str, ...]) -> None:
    ran = alone("help", *words)
    assert ran.code == 2 and ran.error and "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("convrt-kubeconfig",), "convert-kubeconfig"),
        (("cnovert",), "convert-kubeconfig"),
        (("get-tokens",), "get-token"),
        (("logni",), "login"),
        (("help", "convert"), "convert-kubeconfig"),
        (("get-token", "-l", "azurcli"), "azurecli"),
        (("get-token", "-l", "DeviceCode"), "devicecode"),
        (("convert-kubeconfig", "-l", "workload-identity"), "workloadidentity"),
        (
            ("get-token", "-l", "msi", "--server-id", "s", "-e", "AzurePublcCloud"),
            "AzurePublicCloud",
        ),
    ],
)
def test_what_was_meant(alone: Program, words: tuple[str, ...], meant: str) -> None:
    ran = alone(*words)
    assert ran.code == 2 and f"hint: did you mean {meant}? " in ran.stderr


@pytest.mark.parametrize("words", [("zzz",), ("get-token", "-l", "zzz")])
def test_what_is_like_nothing_gets_no_guess(alone: Program, words: tuple[str, ...]) -> None:
    ran = alone(*words)
    assert ran.code == 2 and "did you mean" not in ran.stderr


class TestUse:
    @pytest.fixture
    def config(self, alone: Program) -> Path:
        server = ["--server-id", "s", "--client-id", "c", "--tenant-id", "t"]
        logins = {"dana": "devicecode", "browser": "interactive", "robot": "spn", "me": "azurecli"}
        users = [
            {
                "name": name,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": "kubeauth",
                        "args": ["get-token", "--login", login, *server],
                    }
                },
            }
            for name, login in logins.items()
        ]
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "dana",
            "contexts": [{"name": n, "context": {"cluster": "c", "user": n}} for n in logins],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": users,
        }
        file = alone.home / ".kube" / "config"
        file.parent.mkdir()
        file.write_text(yaml.safe_dump(config))
        return file

    def hints(self, config: Path) -> dict[str, str]:
        found = {}
        for user in yaml.safe_load(config.read_text())["users"]:
            args = user["user"]["exec"]["args"]
            if "--login-hint" in args:
                found[user["name"]] = args[args.index("--login-hint") + 1]
        return found

    def test_writes_the_account_of_one_user(self, alone: Program, config: Path) -> None:
        ran = alone("use", "dana@contoso.example")
        assert ran.code == 0, ran.stderr
        assert self.hints(config) == {"dana": "dana@contoso.example"}
        assert "context 'dana': kubectl signs in as dana@contoso.example" in ran.stdout
        assert alone("use", "admin@contoso.example").code == 0
        assert alone("use", "bob@contoso.example", "--context", "browser").code == 0
        assert self.hints(config) == {
            "dana": "admin@contoso.example",
            "browser": "bob@contoso.example",
        }
        assert alone("use", "x@contoso.example", "--user", "browser").code == 0
        assert self.hints(config)["browser"] == "x@contoso.example"

    @pytest.mark.parametrize(("context", "said"), [("robot", "devicecode"), ("me", "`az login`")])
    def test_refuses_a_login_without_accounts(
        self, alone: Program, config: Path, context: str, said: str
    ) -> None:
        before = config.read_bytes()
        ran = alone("use", "dana@contoso.example", "--context", context)
        assert ran.code == 2 and said in ran.stderr and config.read_bytes() == before

    def test_leaves_kubelogins_users_alone(self, alone: Program, config: Path) -> None:
        config.write_text(config.read_text().replace("command: kubeauth", "command: kubelogin"))
        before = config.read_bytes()
        ran = alone("use", "dana@contoso.example")
        assert ran.code == 2 and "run `kubeauth convert-kubeconfig` first" in ran.stderr
        assert config.read_bytes() == before


@POSIX
class TestAlias:
    @pytest.fixture
    def beside(self, alone: Program) -> Path:
        """A folder of the person's own with a link to the program, as pipx makes it."""
        folder = alone.home / "bin"
        folder.mkdir()
        (folder / "kubeauth").symlink_to(BIN / "kubeauth")
        alone.environ["PATH"] = f"{folder}{os.pathsep}{alone.environ['PATH']}"
        return folder

    def run(self, alone: Program, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, env=alone.environ, capture_output=True, text=True, cwd=alone.home
        )

    def test_comes_and_goes(self, alone: Program, beside: Path) -> None:
        made = self.run(alone, "kubeauth", "alias", "kubelogin")
        assert made.returncode == 0 and made.stderr == "", made.stderr
        again = self.run(alone, "kubeauth", "alias", "kubelogin")
        assert again.returncode == 0
        version = self.run(alone, "kubelogin", "--version").stdout
        assert version.startswith("kubelogin, which is kubeauth ")
        gone = self.run(alone, "kubeauth", "alias", "kubelogin", "--remove")
        assert gone.returncode == 0 and not (beside / "kubelogin").exists()
        assert self.run(alone, "kubeauth", "alias", "kubelogin", "--remove").returncode == 0

    @pytest.mark.parametrize("kind", ["file", "link", "dangling"])
    def test_never_replaces_what_is_not_ours(self, alone: Program, beside: Path, kind: str) -> None:
        other = beside / "kubelogin"
        if kind == "file":
            other.write_text("#!/bin/sh\n")
        else:
            other.symlink_to("/bin/sh" if kind == "link" else "/nowhere")
        for words in ((), ("--remove",)):
            ran = self.run(alone, "kubeauth", "alias", "kubelogin", *words)
            assert ran.returncode == 2 and "not kubeauth" in ran.stderr
            assert os.path.lexists(other)

    def test_says_who_comes_first_on_path(self, alone: Program, beside: Path) -> None:
        first = alone.home / "first"
        first.mkdir()
        (first / "kubelogin").write_text("#!/bin/sh\n")
        (first / "kubelogin").chmod(0o755)
        alone.environ["PATH"] = f"{first}{os.pathsep}{alone.environ['PATH']}"
        ran = self.run(alone, "kubeauth", "alias", "kubelogin")
        assert ran.returncode == 0 and f"still runs {first}/kubelogin" in ran.stderr

    def test_converts_as_kubelogin_does(self, alone: Program, beside: Path) -> None:
        self.run(alone, "kubeauth", "alias", "kubelogin")
        config = alone.home / "config"
        args = ["get-token", "--login", "azurecli", "--server-id", "s"]
        user = {"name": "u", "user": {"exec": {"command": "kubelogin", "args": args}}}
        config.write_text(json.dumps({"kind": "Config", "users": [user]}))
        words = ["convert-kubeconfig", "--kubeconfig", str(config), "-l", "msi"]
        assert self.run(alone, "kubelogin", *words).returncode == 0
        block = yaml.safe_load(config.read_text())["users"][0]["user"]["exec"]
        assert block["command"] == "kubelogin"
        assert block["args"] == ["get-token", "--login", "msi", "--server-id", "s"]
        named = ["--client-id", "c", "--tenant-id", "t"]
        assert self.run(alone, "kubelogin", *words[:-2], *named).returncode == 0
        block = yaml.safe_load(config.read_text())["users"][0]["user"]["exec"]
        assert block["args"][:3] == ["get-token", "--login", "devicecode"]

    def test_gets_tokens(self, program: Program, sim: Simulator, spn: tuple[str, ...]) -> None:
        """As a kubeconfig that says kubelogin has it; the second time, from the cache."""
        folder = program.home / "bin"
        folder.mkdir()
        (folder / "kubeauth").symlink_to(BIN / "kubeauth")
        environ = {**program.environ, "PATH": f"{folder}:{program.environ['PATH']}"}
        subprocess.run(["kubeauth", "alias", "kubelogin"], env=environ, check=True)
        for _ in range(2):
            done = subprocess.run(
                ["kubelogin", "get-token", *program.always, *spn],
                env=environ,
                capture_output=True,
                text=True,
                check=True,
            )
            assert json.loads(done.stdout)["status"]["token"]
        assert sim.requests.count(service="entra", path="/token") == 1
