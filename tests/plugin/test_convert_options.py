"""The options of convert-kubeconfig beside the flags: command, versions, backup, the way back."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import BIN, KUBEAUTH, STARTED_BY, WINDOWS, basic_environ, not_on_windows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeauth.options.flags import BY_NAME
from kubeauth.options.logins import LOGINS
from kubeauth.options.settings import FLAGS, flag_of
from kubeauth.testing import Simulator
from kubeauth_plugin.cli import run
from kubeauth_plugin.convert.command import _is_temporary

IDS = ["--server-id", "s", "--client-id", "c", "--tenant-id", "t"]
# What `kubelogin get-token --help` of Azure/kubelogin 0.2.19 lists.
KUBELOGINS_LOGINS = {
    *("devicecode", "interactive", "spn", "ropc", "msi", "azurecli", "azd", "workloadidentity"),
    "azurepipelines",
}
KUBELOGINS_FLAGS = {
    *("login", "server-id", "client-id", "tenant-id", "environment", "authority-host"),
    *("client-secret", "client-certificate", "client-certificate-password"),
    *("username", "password", "identity-resource-id", "subscription", "federated-token-file"),
    *("azure-pipelines-service-connection-id", "cache-dir", "legacy", "use-azurerm-env-vars"),
    *("pop-enabled", "pop-claims", "disable-environment-override", "disable-instance-discovery"),
    *("redirect-url", "login-hint", "timeout"),
}


def exec_user(*args: str, command: str = "kubelogin", **fields: Any) -> dict[str, Any]:
    return {"exec": {"command": command, "args": ["get-token", *args], **fields}}


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin")
    for name in ("AAD_LOGIN_METHOD", "KUBERC", "KUBECTL_KUBERC", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "config"
    write(place, exec_user(*IDS))
    return place


def write(file: Path, user: dict[str, Any]) -> None:
    file.write_text(json.dumps({"kind": "Config", "users": [{"name": "u", "user": user}]}))


def convert(file: Path, *args: str) -> dict[str, Any]:
    """Return the exec block after a conversion."""
    os.utime(file, (0, 0))  # a file that was just written would be watched for a while
    assert run(["convert-kubeconfig", "--kubeconfig", str(file), "-l", "msi", *args]) == 0
    found: dict[str, Any] = yaml.safe_load(file.read_text())["users"][0]["user"]["exec"]
    return found


def to_kubelogin(file: Path, *args: str) -> int:
    """Convert for kubelogin; return the exit code."""
    os.utime(file, (0, 0))
    return run(["convert-kubeconfig", "--kubeconfig", str(file), "--to", "kubelogin", *args])


@not_on_windows("auto writes Python itself there: tests/windows/test_commands.py")
class TestCommand:
    def test_auto_is_bare_where_path_finds_this_program(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", f"/usr/bin{os.pathsep}{BIN}")
        assert convert(file)["command"] == "kubeauth"

    def test_auto_is_absolute_where_path_does_not(self, file: Path) -> None:
        assert convert(file)["command"] == str(KUBEAUTH)

    def test_auto_is_absolute_where_another_comes_first(
        self, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = tmp_path / "bin" / "kubeauth"
        other.parent.mkdir()
        other.write_text("#!/bin/sh\n")
        other.chmod(0o755)
        monkeypatch.setenv("PATH", f"{other.parent}{os.pathsep}{BIN}")
        assert convert(file)["command"] == str(KUBEAUTH)

    def test_auto_follows_a_link_to_this_program(
        self, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "kubeauth").symlink_to(KUBEAUTH)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        assert convert(file)["command"] == "kubeauth"

    def test_a_relative_part_of_path_does_not_count(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(BIN)
        monkeypatch.setenv("PATH", f".{os.pathsep}")
        assert convert(file)["command"] == str(KUBEAUTH)

    @pytest.mark.process
    def test_the_choices(self, file: Path) -> None:
        assert convert(file, "--command", "bare")["command"] == "kubeauth"
        assert convert(file, "--command", "absolute")["command"] == str(KUBEAUTH)
        block = convert(file, "--command", "module")
        assert (block["command"], block["args"][:3]) == (
            sys.executable,
            ["-m", "kubeauth_plugin", "get-token"],
        )
        ran = subprocess.run([block["command"], *block["args"], "--help"], capture_output=True)
        assert ran.returncode == 0 and b"get-token" in ran.stdout

    def test_what_was_there_stays_unless_asked(self, file: Path) -> None:
        convert(file, "--command", "module")
        before = file.read_bytes()
        convert(file)
        assert file.read_bytes() == before
        assert convert(file, "--command", "bare")["args"][0] == "get-token"


@not_on_windows("the single-file program is for Linux")
class TestSingleFile:
    """What its start says of itself is played here; the real one is in tests/pipelines."""

    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        made = tmp_path / "kubeauth-1.2.3.pyz"
        start = "KUBEAUTH_FILE = __file__\nfrom kubeauth_plugin.__main__ import main\nmain()\n"
        made.write_text(f"#!{sys.executable}\n{start}")
        made.chmod(0o755)
        return made

    def convert(self, program: Path, file: Path, *args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, program, "convert-kubeconfig", "--kubeconfig", file, "-l", "msi"]
        return subprocess.run([*command, *args], capture_output=True, text=True)

    def block(self, file: Path) -> list[str]:
        found = yaml.safe_load(file.read_text())["users"][0]["user"]["exec"]
        return [found["command"], *found["args"]]

    def test_names_itself(self, program: Path, file: Path) -> None:
        assert self.convert(program, file).returncode == 0
        assert self.block(file)[:2] == [str(program), "get-token"]
        ran = subprocess.run([*self.block(file), "--help"], capture_output=True)
        assert ran.returncode == 0 and b"get-token" in ran.stdout

    def test_is_run_by_this_python_where_it_cannot_run_alone(
        self, program: Path, file: Path
    ) -> None:
        program.chmod(0o644)
        assert self.convert(program, file).returncode == 0
        assert self.block(file)[:3] == [sys.executable, str(program), "get-token"]
        failed = self.convert(program, file, "--command", "absolute")
        assert failed.returncode == 2 and f"hint: run `chmod +x {program}`" in failed.stderr

    def test_is_bare_where_path_finds_it_by_our_name(
        self, program: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "kubeauth").symlink_to(program)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        assert self.convert(program, file).returncode == 0
        assert self.block(file)[0] == "kubeauth"


class TestKuberc:
    def kuberc(self, tmp_path: Path, policy: str, *commands: str) -> None:
        (tmp_path / ".kube").mkdir()
        listed = [{"command": command} for command in commands]
        (tmp_path / ".kube" / "kuberc").write_text(
            json.dumps({"credentialPluginPolicy": policy, "credentialPluginAllowlist": listed})
        )

    def test_an_objection_is_explained(
        self, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.kuberc(tmp_path, "Allowlist", "aws")
        convert(file)
        assert f"--allowlist-entry command={KUBEAUTH}" in capsys.readouterr().err

    def test_deny_all(self, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.kuberc(tmp_path, "DenyAll")
        convert(file)
        assert "denies all" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("policy", "listed"), [("DenyAll", "aws"), ("Allowlist", "/opt/a,b/aws")]
    )
    def test_what_kubectl_cannot_set_is_to_be_edited(
        self,
        file: Path,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        policy: str,
        listed: str,
    ) -> None:
        """With both DenyAll and a list every command fails; entries are split at commas."""
        self.kuberc(tmp_path, policy, listed)
        convert(file)
        said = capsys.readouterr().err
        assert "written with an editor" in said and "kuberc set" not in said

    def test_an_old_version_has_no_policy(
        self, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.kuberc(tmp_path, "DenyAll")
        kuberc = tmp_path / ".kube" / "kuberc"
        old = {"apiVersion": "kubectl.config.k8s.io/v1alpha1", **json.loads(kuberc.read_text())}
        kuberc.write_text(json.dumps(old))
        convert(file)
        assert "denies" not in capsys.readouterr().err

    @pytest.mark.parametrize("listed", ["kubeauth", str(KUBEAUTH)])
    def test_what_is_listed_is_written(
        self,
        file: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        listed: str,
    ) -> None:
        self.kuberc(tmp_path, "Allowlist", listed)
        monkeypatch.setenv("PATH", str(BIN))
        assert shutil.which(convert(file)["command"]) == str(KUBEAUTH)
        assert "kuberc" not in capsys.readouterr().err

    @pytest.mark.parametrize(("name", "value"), [("KUBERC", "off"), ("KUBECTL_KUBERC", "false")])
    def test_switched_off(
        self,
        file: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        name: str,
        value: str,
    ) -> None:
        self.kuberc(tmp_path, "DenyAll")
        monkeypatch.setenv(name, value)
        convert(file)
        assert "denies" not in capsys.readouterr().err


class TestExecBlock:
    def test_api_version(self, file: Path) -> None:
        assert convert(file, "--exec-api-version", "v1")["apiVersion"].endswith("/v1")
        assert convert(file)["apiVersion"].endswith("/v1")
        assert convert(file, "--exec-api-version", "v1beta1")["apiVersion"].endswith("/v1beta1")

    @pytest.mark.process
    @pytest.mark.parametrize("old", [[], [{"name": "A", "value": "b"}]])
    def test_a_client_without_exec_info_gets_the_version_of_the_entry(
        self, file: Path, sim: Simulator, old: list[dict[str, str]]
    ) -> None:
        """Both Java clients compare the versions, and hand over none."""
        identity = ["--client-id", sim.add_managed_identity(sim.tenant).client_id]
        write(file, exec_user("--server-id", sim.cluster.server_id, env=old))
        for typed in ("v1", "", "v1beta1", "", "v1"):
            block = convert(file, *identity, *(["--exec-api-version", typed] if typed else []))
            given = {variable["name"]: variable["value"] for variable in block.get("env") or []}
            assert (
                given.items() >= {variable["name"]: variable["value"] for variable in old}.items()
            )
            ran = subprocess.run(
                [KUBEAUTH, *block["args"][len(STARTED_BY) - 1 :]],
                env={**basic_environ(file.parent, sim.environ()), **given},
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
            assert json.loads(ran.stdout)["apiVersion"] == block["apiVersion"]
            assert block["apiVersion"].endswith(typed)

    def test_kubelogin_is_left_what_it_has(self, file: Path) -> None:
        assert "env" not in convert(file, "--exec-api-version", "v1", "--to", "kubelogin")

    def test_install_hint(self, file: Path) -> None:
        assert convert(file, "--install-hint", "ask: Jo #1")["installHint"] == "ask: Jo #1"
        assert convert(file)["installHint"] == "ask: Jo #1"

    @pytest.mark.parametrize("login", ["spn"])
    def test_a_secret_is_warned_of_and_not_repeated(
        self, file: Path, capsys: pytest.CaptureFixture[str], login: str
    ) -> None:
        convert(file, "-l", login, "--client-secret", "hush-hush")
        said = capsys.readouterr()
        assert "warning: --client-secret" in said.err
        assert "hush-hush" not in said.err + said.out


class TestKubelogin:
    def test_and_back(self, file: Path) -> None:
        convert(file, "-l", "devicecode")
        before = file.read_bytes()
        block = convert(file, "-l", "devicecode", "--to", "kubelogin")
        assert block["command"] == "kubelogin"
        assert block["args"] == ["get-token", "--login", "devicecode", *IDS]
        assert block["installHint"].startswith("\nkubelogin is not installed")
        again = convert(file, "-l", "devicecode")
        assert again == json.loads(before)["users"][0]["user"]["exec"]

    def test_modes_that_only_it_has(self, file: Path) -> None:
        block = convert(file, "-l", "interactive", "--to", "kubelogin", "--login-hint", "jo")
        assert block["args"] == ["get-token", "--login", "interactive", *IDS, "--login-hint", "jo"]
        assert block["interactiveMode"] == "IfAvailable"

    @pytest.mark.parametrize("login", sorted(set(LOGINS) - KUBELOGINS_LOGINS))
    def test_a_login_that_it_lacks_is_refused(
        self, file: Path, capsys: pytest.CaptureFixture[str], login: str
    ) -> None:
        needed = set(LOGINS[login].entry.need) - {"client_id", "tenant_id"}
        own = [f"{flag_of(name)}=x" for name in needed]
        convert(file, "-l", login, *IDS, *own)
        before = file.read_bytes()
        assert to_kubelogin(file, "-l", login) == 2
        said = capsys.readouterr().err
        assert f"error: --to kubelogin: kubelogin has no login {login}" in said
        assert "hint: use --login with one of devicecode, interactive, azurecli" in said
        assert file.read_bytes() == before
        assert to_kubelogin(file, "-l", "devicecode") == 0

    @pytest.mark.parametrize(
        "flag", sorted({f.name for f in FLAGS} - KUBELOGINS_FLAGS - {"force-refresh"})
    )
    def test_a_flag_that_it_lacks_is_refused(
        self, file: Path, capsys: pytest.CaptureFixture[str], flag: str
    ) -> None:
        value = "true" if BY_NAME[flag].kind is bool else "5"
        before = file.read_bytes()
        assert to_kubelogin(file, "-l", "devicecode", f"--{flag}={value}") == 2
        said = capsys.readouterr().err
        assert f"error: --to kubelogin: kubelogin has no flag --{flag}" in said
        assert f"hint: leave out --{flag}" in said
        assert file.read_bytes() == before
        assert to_kubelogin(file, "-l", "devicecode", f"--{flag}=") == 0

    def test_a_flag_of_the_entry_that_it_lacks_is_left_out_with_a_warning(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        convert(file, "-l", "devicecode", "--ca-file", "/ca.pem")
        args = convert(file, "-l", "devicecode", "--to", "kubelogin")["args"]
        assert "--ca-file" not in args
        assert "--ca-file was left out: kubelogin does not have it" in capsys.readouterr().err

    def test_the_table_is_kubelogins(self) -> None:
        assert {name for name, row in LOGINS.items() if row.kubelogin} == KUBELOGINS_LOGINS
        assert {flag.name for flag in FLAGS if flag.kubelogin} == KUBELOGINS_FLAGS


class TestUndo:
    def undo(self, file: Path) -> int:
        return run(["convert-kubeconfig", "--kubeconfig", str(file), "--undo"])

    def test_the_bytes_come_back(self, file: Path) -> None:
        first = file.read_bytes()
        convert(file, "--backup")
        second = file.read_bytes()
        convert(file, "--backup", "-l", "azurecli")
        backups = file.parent.glob("*backup*")
        assert WINDOWS or all(stat.S_IMODE(p.stat().st_mode) == 0o600 for p in backups)
        assert self.undo(file) == 0 and file.read_bytes() == second
        assert self.undo(file) == 0 and file.read_bytes() == first
        assert sorted(path.name for path in file.parent.iterdir()) == [".kube", "config"]
        assert self.undo(file) == 9

    def test_without_a_backup_they_come_back_too(self, file: Path) -> None:
        first = file.read_bytes()
        convert(file)
        second = file.read_bytes()
        convert(file, "-l", "azurecli")
        assert self.undo(file) == 0 and file.read_bytes() == second
        assert self.undo(file) == 0 and file.read_bytes() == first
        assert self.undo(file) == 9

    def test_what_was_added_elsewhere_stays(self, file: Path) -> None:
        first = file.read_bytes()
        convert(file, "--backup")
        file.write_bytes(b"# mine\n" + file.read_bytes() + b"\n")
        assert self.undo(file) == 0
        assert file.read_bytes() == b"# mine\n" + first + b"\n"

    def test_an_edited_user_is_refused(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        convert(file)
        edited = file.read_bytes().replace(b"get-token", b"get-token --legacy")
        file.write_bytes(edited)
        assert self.undo(file) == 9
        assert "user 'u': it was changed since its conversion" in capsys.readouterr().err
        assert file.read_bytes() == edited

    @pytest.mark.parametrize("form", ["the same", "another"])
    def test_a_user_that_is_as_before_is_not_called_edited(
        self, file: Path, capsys: pytest.CaptureFixture[str], form: str
    ) -> None:
        """So it is after a conversion that could not be written, or after another way back."""
        before = file.read_text()
        convert(file)
        other = json.dumps(yaml.safe_load(before))
        file.write_text(before if form == "the same" else other)
        assert self.undo(file) == 9
        assert "user 'u': it is as it was before its conversion" in capsys.readouterr().err

    def test_a_user_that_is_gone_is_refused(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        convert(file)
        file.write_text("users: []\n")
        assert self.undo(file) == 9
        assert "the file does not have it any more" in capsys.readouterr().err

    def test_ten_conversions_are_known_and_no_more(self, file: Path) -> None:
        states = [file.read_bytes()]
        for number in range(12):
            convert(
                file, "-l", ("azurecli", "devicecode")[number % 2], "--timeout", f"{number + 1}s"
            )
            states.append(file.read_bytes())
        for state in reversed(states[2:-1]):
            assert self.undo(file) == 0
            assert file.read_bytes() == state
        assert self.undo(file) == 9

    def test_each_of_many_files_comes_back(self, file: Path) -> None:
        first = file.read_bytes()
        many = [file.with_name(f"cluster-{number}") for number in range(25)]
        for each in many:
            each.write_bytes(first)
            convert(each)
        assert all(each.read_bytes() != first for each in many)
        assert all(self.undo(each) == 0 and each.read_bytes() == first for each in many)

    def test_the_record_is_private_and_goes_with_the_cache(self, file: Path) -> None:
        convert(file)
        (record,) = file.parent.glob(".kube/cache/kubeauth/*.undo")
        assert WINDOWS or stat.S_IMODE(record.stat().st_mode) == 0o600
        assert run(["remove-cache-dir"]) == 0
        assert self.undo(file) == 9

    @pytest.mark.parametrize(
        "how",
        [
            "damaged",
            pytest.param("open to others", marks=not_on_windows("Windows has no modes")),
            pytest.param("a link", marks=not_on_windows("links need a right of their own")),
        ],
    )
    def test_a_record_that_cannot_be_trusted_counts_as_absent(self, file: Path, how: str) -> None:
        convert(file)
        (record,) = file.parent.glob(".kube/cache/kubeauth/*.undo")
        if how == "damaged":
            record.write_bytes(record.read_bytes().replace(b"kubelogin", b"malicious"))
        elif how == "open to others":
            record.chmod(0o666)
        else:
            record.rename(file.parent / "elsewhere")
            record.symlink_to(file.parent / "elsewhere")
        after = file.read_bytes()
        assert self.undo(file) == 9
        assert file.read_bytes() == after

    def test_nothing_is_recorded_where_nothing_may_be_written(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KUBEAUTH_CACHE_STORAGE", "none")
        convert(file)
        assert not (file.parent / ".kube").exists()

    def test_a_cache_that_cannot_be_written_is_a_warning(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (file.parent / ".kube").write_text("a file")
        convert(file)
        assert "--undo will not know this conversion" in capsys.readouterr().err

    @not_on_windows("links need a right of their own")
    def test_a_backup_that_is_a_link_is_not_followed(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        convert(file, "--backup")
        after = file.read_bytes()
        (backup,) = file.parent.glob("*backup*")
        secret = file.parent / "shadow"
        backup.rename(secret)
        backup.symlink_to(secret)
        assert self.undo(file) == 9
        assert "its backup was not read" in capsys.readouterr().err
        assert file.read_bytes() == after

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs to be root")
    def test_another_users_files_are_not_touched(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        convert(file, "--backup")
        after = file.read_bytes()
        (backup,) = file.parent.glob("*backup*")
        os.chown(backup, 12345, 12345)
        assert self.undo(file) == 9
        assert "its backup was not read" in capsys.readouterr().err
        backup.unlink()
        os.chown(file, 12345, 12345)
        assert self.undo(file) == 9
        assert "it belongs to another user" in capsys.readouterr().err
        assert file.read_bytes() == after

    @pytest.fixture
    def two(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
        """Two files that a conversion with a backup has changed, with a context each."""
        files = (tmp_path / "east.yaml", tmp_path / "west.yaml")
        for place in files:
            users = [{"name": f"{place.stem}-{n}", "user": exec_user(*IDS)} for n in "ab"]
            contexts = [
                {"name": u["name"], "context": {"cluster": "c", "user": u["name"]}} for u in users
            ]
            place.write_text(json.dumps({"users": users, "contexts": contexts}))
            os.utime(place, (0, 0))
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))
        assert run(["convert-kubeconfig", "-l", "msi", "--backup"]) == 0
        return files

    def test_a_dry_run_writes_and_deletes_nothing(
        self, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        everything = [path for path in two[0].parent.rglob("*") if path.is_file()]
        before = {path: path.read_bytes() for path in everything}
        capsys.readouterr()
        assert run(["convert-kubeconfig", "--undo", "--dry-run", "--diff"]) == 0
        said = capsys.readouterr().out
        assert said.splitlines()[0] == "dry run: nothing is written"
        assert "+++ " in said and "(put back)" in said and "kubelogin" in said
        assert said.splitlines()[-1] == "2 files would be put back"
        everything = [path for path in two[0].parent.rglob("*") if path.is_file()]
        assert {path: path.read_bytes() for path in everything} == before

    def test_every_file_is_named(
        self, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = two[1].read_text()
        two[1].write_text(text.replace("get-token", "get-token ", 1))
        capsys.readouterr()
        assert run(["convert-kubeconfig", "--undo"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            f"~{os.sep}east.yaml: put back as a whole, from its backup",
            f"~{os.sep}west.yaml: put back: west-b",
            f"~{os.sep}west.yaml: west-a not touched: it was changed since its conversion",
            "2 files put back (1 user), 1 user not touched",
        ]

    def test_only_the_file_of_a_context(
        self, two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        west = two[1].read_bytes()
        assert run(["convert-kubeconfig", "--undo", "--context", "east-*", "-o", "json"]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert [row["status"] for row in rows] == ["put back", "not touched"]
        assert "kubelogin" in two[0].read_text() and two[1].read_bytes() == west

    def test_only_the_user_of_a_context(self, two: tuple[Path, Path]) -> None:
        after = yaml.safe_load(two[0].read_text())
        assert run(["convert-kubeconfig", "--undo", "--context", "east-a"]) == 0
        now = yaml.safe_load(two[0].read_text())
        commands = [user["user"]["exec"]["command"] for user in now["users"]]
        assert commands == ["kubelogin", after["users"][1]["user"]["exec"]["command"]]
        assert run(["convert-kubeconfig", "--undo", "--context", "north"]) == 2
        assert run(["convert-kubeconfig", "--undo", "--context", "east-b"]) == 0
        assert "kubeauth" not in two[0].read_text()

    def test_nothing_changed_leaves_no_backup(self, file: Path) -> None:
        convert(file)
        convert(file, "--backup")
        assert not list(file.parent.glob("*backup*"))


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), min_size=1, max_size=12)
USERS = st.dictionaries(
    TEXTS,
    st.one_of(
        st.fixed_dictionaries({"token": TEXTS}),
        st.builds(
            lambda ids, more: {
                "exec": {"command": "kubelogin", "args": ["get-token", *ids], **more}
            },
            st.tuples(
                *(x for n in ("server", "client", "tenant") for x in (st.just(f"--{n}-id"), TEXTS))
            ),
            st.fixed_dictionaries(
                {}, optional={"env": st.none(), "x": TEXTS, "installHint": TEXTS}
            ),
        ),
        st.builds(
            lambda c: {"auth-provider": {"name": "azure", "config": c}},
            st.fixed_dictionaries({"apiserver-id": TEXTS, "client-id": TEXTS, "tenant-id": TEXTS}),
        ),
    ),
    min_size=1,
    max_size=4,
)
DUMPS = {
    "json": lambda root: json.dumps(root, ensure_ascii=False),
    "indented json": lambda root: json.dumps(root, ensure_ascii=False, indent=2),
    "block": lambda root: yaml.safe_dump(root, default_style='"'),
    "flow": lambda root: yaml.safe_dump(root, default_style="'", default_flow_style=True),
}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(USERS, st.sampled_from(sorted(DUMPS)), st.sampled_from(["devicecode", "spn", "msi"]))
def test_only_who_was_selected_changes_and_only_once(
    file: Path, users: dict[str, Any], form: str, login: str
) -> None:
    root = {"users": [{"name": name, "user": user} for name, user in users.items()], "x": [1]}
    file.write_bytes(DUMPS[form](root).encode())
    chosen = next(iter(users))
    base = ["-l", login, "--user", chosen, "--allow-empty", "--command", "bare"]
    convert_all(file, *base)
    once = file.read_bytes()
    after = yaml.safe_load(once.decode())
    fitting = [name for name in users if name == chosen]
    assert [u for u in after["users"] if u["name"] not in fitting] == root["users"][1:]
    assert after["x"] == [1]
    convert_all(file, *base)
    assert file.read_bytes() == once


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(USERS, st.sampled_from(sorted(DUMPS)))
def test_there_and_back(file: Path, users: dict[str, Any], form: str) -> None:
    root = {"users": [{"name": name, "user": user} for name, user in users.items()]}
    file.write_bytes(DUMPS[form](root).encode())
    base = ["--allow-empty", "--command", "bare"]
    convert_all(file, *base)
    before = yaml.safe_load(file.read_text("utf-8"))
    convert_all(file, "-l", "spn", *base)
    convert_all(file, "-l", "devicecode", *base)
    assert yaml.safe_load(file.read_text("utf-8")) == before


def convert_all(file: Path, *args: str) -> None:
    os.utime(file, (0, 0))
    assert run(["convert-kubeconfig", "--kubeconfig", str(file), *args]) == 0


def test_what_pipx_installs_is_there_to_stay(tmp_path):
    """Also where its home is a folder that is called a cache, as CI systems have it."""
    home = tmp_path / ".cache" / "pipx"
    for environment, passing in ((home / "venvs" / "kubeauth", False), (home / "0a1b2c", True)):
        assert _is_temporary(environment) == passing


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(USERS, st.sampled_from(sorted(DUMPS)), st.booleans())
def test_undo_brings_every_byte_back(
    file: Path, users: dict[str, Any], form: str, commented: bool
) -> None:
    root = {"users": [{"name": name, "user": user} for name, user in users.items()], "x": [1]}
    text = DUMPS[form](root)
    if commented and form == "block":
        text = "".join(f"{line} # {n}\n" for n, line in enumerate(text.splitlines()))
    file.write_bytes(text.encode())
    before = file.read_bytes()
    convert_all(file, "-l", "msi", "--allow-empty", "--command", "bare")
    if file.read_bytes() == before:
        return
    assert run(["convert-kubeconfig", "--kubeconfig", str(file), "--undo"]) == 0
    assert file.read_bytes() == before
