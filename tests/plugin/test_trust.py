"""A kubeconfig under a policy for credential plugins, and `kubeauth trust`."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from harness import (
    BIN,
    WINDOWS,
    Program,
    Ran,
    install_program,
    not_on_windows,
    noting_environ,
    posix_module,
)

from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.kubeconfig.home import account_home
from kubeauth.testing import Application, Simulator

pytestmark = pytest.mark.process

INFO = json.dumps(
    {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }
)
POLICY = """apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
credentialPluginPolicy: Allowlist
credentialPluginAllowlist:
- command: kubeauth
"""


# Windows does not tell the caller's variables, so what counts lies in the account's own profile.
THE_ACCOUNTS_OWN = not_on_windows("a test cannot move the account's own profile there")


class Machine:
    """A person's machine with a kubeconfig, and a stand-in for kubectl that runs its plugin."""

    def __init__(self, program: Program) -> None:
        self.program, self.environ = program, dict(program.environ)
        self.config = program.home / ".kube" / "config"
        self.config.parent.mkdir(mode=0o750, exist_ok=True)

    def kubeconfig(self, *args: str, command: str = "kubeauth", **env: str) -> None:
        self.args, self.env = ["get-token", *args], env
        block = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": command,
            "args": self.args,
            "env": [{"name": name, "value": value} for name, value in env.items()],
            "interactiveMode": "Never",
        }
        names = {"name": "prod", "context": {"cluster": "c", "user": "u"}}
        content = {
            "current-context": "prod",
            "contexts": [names],
            "clusters": [{"name": "c", "cluster": {"server": "https://localhost:1"}}],
            "users": [{"name": "u", "user": {"exec": block}}],
        }
        self.config.write_text(yaml.safe_dump(content))

    def policy(self, text: str = POLICY) -> None:
        (self.config.parent / "kuberc").write_text(text)

    def kubectl(self, *words: str) -> Ran:
        """Run the plugin as kubectl does: as its child, with the exec block's variables added."""
        script = (
            "import os, subprocess, sys, json\n"
            "args, env = json.loads(sys.argv[1])\n"
            "done = subprocess.run(args, env={**os.environ, **env}, stdin=subprocess.DEVNULL)\n"
            "sys.exit(done.returncode)\n"
        )
        called = [*self.program.command, *self.args]
        plan = json.dumps([called, {**self.env, "KUBERNETES_EXEC_INFO": INFO}])
        done = subprocess.run(
            [
                shutil.which("python3", path="/usr/bin:/usr/local/bin") or sys.executable,
                "-c",
                script,
                plan,
                *words,
            ],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def kubeauth(self, *words: str, **more: str) -> Ran:
        return self.program(*words, **{**self.environ, **more})


@pytest.fixture
def machine_of(program: Program) -> Machine:
    return Machine(program)


@pytest.fixture
def foreign(sim: Simulator, app: Application, machine_of: Machine) -> Machine:
    """A kubeconfig that sends the machine's secret to an authority that only it names."""
    machine_of.environ["AZURE_CLIENT_SECRET"] = app.secret
    machine_of.kubeconfig(*flags(sim, app))
    return machine_of


def flags(sim: Simulator, app: Application, login: str = "spn") -> tuple[str, ...]:
    return (
        *("--login", login, "--server-id", sim.cluster.server_id, "--tenant-id", sim.tenant.id),
        *("--client-id", app.client_id, "--authority-host", sim.authority),
        "--disable-instance-discovery",
    )


def hinted(ran: Ran) -> list[str]:
    """The command in the hint, word by word."""
    found = re.search(r"`([^`]+)`", ran.stderr.splitlines()[-1])
    assert found, ran.stderr
    return shlex.split(found[1])


class TestPolicy:
    def test_without_one_nothing_changes(self, foreign: Machine) -> None:
        assert foreign.kubectl().code == 0

    @pytest.mark.parametrize(
        "text",
        [
            POLICY.replace("v1beta1", "v1alpha1"),
            "kind: Preference\n",
            POLICY.replace("Allowlist\ncred", "AllowAll\ncred").split("credentialPluginAllow")[0],
        ],
    )
    def test_a_kuberc_without_a_policy_changes_nothing(self, foreign: Machine, text: str) -> None:
        foreign.policy(text)
        assert foreign.kubectl().code == 0

    @THE_ACCOUNTS_OWN
    def test_refuses_until_the_hint_was_followed(self, foreign: Machine, sim: Simulator) -> None:
        foreign.policy()
        refused = foreign.kubectl()
        assert refused.code == 9
        assert "would get a secret of login spn" in refused.error
        assert sim.requests.count(service="entra") == 0
        words = hinted(refused)
        assert words == ["kubeauth", "trust", "--context", "prod"]
        asked = foreign.kubeauth(*words[1:])
        assert asked.code == 5
        assert sim.authority.rstrip("/") in asked.stdout
        again = hinted(asked)
        assert foreign.kubeauth(*again[1:]).code == 0
        assert foreign.kubectl().code == 0

    @pytest.mark.parametrize("value", ["1", "0", ""])
    def test_the_variable_is_a_policy_whatever_its_value(
        self, foreign: Machine, value: str
    ) -> None:
        foreign.environ["KUBEAUTH_STRICT"] = value
        assert foreign.kubectl().code == 9

    @THE_ACCOUNTS_OWN
    @pytest.mark.parametrize(
        "env",
        [
            {"KUBERC": "off"},
            {"KUBECTL_KUBERC": "false"},
            {"KUBERC": "/nowhere"},
            {"HOME": "/tmp"},
            {"KUBEAUTH_STRICT": ""},
            {"AZURE_AUTHORITY_HOST": "https://127.0.0.1/"},
        ],
        ids=lambda env: next(iter(env)),
    )
    def test_a_kubeconfig_cannot_switch_it_off(
        self, foreign: Machine, sim: Simulator, env: Mapping[str, str]
    ) -> None:
        foreign.policy()
        env = {n: sim.authority if n == "AZURE_AUTHORITY_HOST" else v for n, v in env.items()}
        foreign.kubeconfig(*foreign.args[1:], **env)
        assert foreign.kubectl().code == 9
        assert sim.requests.count(service="entra") == 0

    @THE_ACCOUNTS_OWN
    def test_a_file_that_only_the_caller_names_counts(self, foreign: Machine) -> None:
        file = foreign.program.home / "mine"
        file.write_text(POLICY)
        assert foreign.kubectl("--kuberc", str(file)).code == 9
        foreign.environ["KUBERC"] = str(file)
        assert foreign.kubectl().code == 9

    @THE_ACCOUNTS_OWN
    def test_the_machines_own_authority_is_known(self, foreign: Machine, sim: Simulator) -> None:
        foreign.policy()
        foreign.environ["AZURE_AUTHORITY_HOST"] = sim.authority
        assert foreign.kubectl().code == 0

    @THE_ACCOUNTS_OWN
    def test_a_program_does_not_run(
        self, machine_of: Machine, sim: Simulator, app: Application
    ) -> None:
        mark = machine_of.program.home / "ran"
        args = (*flags(sim, app, "workloadidentity"), "--assertion-source", f"command:touch {mark}")
        machine_of.kubeconfig(*args)
        machine_of.policy()
        machine_of.environ["AZURE_AUTHORITY_HOST"] = sim.authority
        refused = machine_of.kubectl()
        assert "--assertion-source 'command:touch …'" in refused.error
        assert not mark.exists()
        assert machine_of.kubeauth("trust", "--yes").code == 0
        machine_of.kubectl()
        assert mark.exists()

    @THE_ACCOUNTS_OWN
    @pytest.mark.parametrize(
        "name", ["PATH", "HTTPS_PROXY", "SSL_CERT_FILE", "PYTHONPATH", "KUBEAUTH_CACHE_DIR"]
    )
    def test_a_variable_that_redirects_is_refused_and_named(
        self, foreign: Machine, sim: Simulator, name: str
    ) -> None:
        foreign.policy()
        foreign.environ["AZURE_AUTHORITY_HOST"] = sim.authority
        foreign.kubeconfig(*foreign.args[1:], **{name: "/tmp/evil"})
        assert f"the variable {name} comes from the kubeconfig" in foreign.kubectl().error
        assert f"{name} '/tmp/evil'" in foreign.kubeauth("trust").stdout

    @THE_ACCOUNTS_OWN
    def test_other_variables_of_the_kubeconfig_do_not_reach_programs(
        self, machine_of: Machine, sim: Simulator, app: Application
    ) -> None:
        shown = machine_of.program.home / "environ"
        code = f"{noting_environ(shown)}raise SystemExit(1)\n"
        tool = install_program(machine_of.program.home, "mint", code)
        args = (*flags(sim, app, "workloadidentity"), "--assertion-source", f"command:{tool}")
        machine_of.kubeconfig(*args, BASH_ENV="/tmp/evil")
        machine_of.policy()
        machine_of.kubeauth("trust", "--yes")
        machine_of.kubectl()
        assert "BASH_ENV" not in shown.read_text()

    @THE_ACCOUNTS_OWN
    def test_a_kept_credential_costs_what_it_did(self, foreign: Machine, sim: Simulator) -> None:
        foreign.policy()
        foreign.kubeauth("trust", "--yes")
        first = foreign.kubectl()
        for approval in (foreign.config.parent / "kubeauth").iterdir():
            approval.unlink()
        again = foreign.kubectl()
        assert again.status == first.status
        assert sim.requests.count(service="entra", path="token") <= 1

    @THE_ACCOUNTS_OWN
    def test_login_follows_it(self, foreign: Machine) -> None:
        foreign.policy()
        refused = foreign.kubeauth("login", "--context", "prod")
        assert refused.code == 9
        assert foreign.kubeauth(*hinted(refused)[1:], "--yes").code == 0
        assert foreign.kubeauth("login", "--context", "prod").code == 0


class TestTrust:
    @THE_ACCOUNTS_OWN
    def test_survives_an_emptied_cache(self, foreign: Machine) -> None:
        foreign.policy()
        foreign.kubeauth("trust", "--yes")
        foreign.kubectl()
        assert foreign.kubeauth("remove-cache-dir").code == 0
        assert foreign.kubectl().code == 0

    @THE_ACCOUNTS_OWN
    def test_any_change_asks_anew(self, foreign: Machine, sim: Simulator) -> None:
        foreign.policy()
        foreign.kubeauth("trust", "--yes")
        foreign.kubeconfig(*foreign.args[1:], "--client-secret-file", "/etc/hostname")
        assert foreign.kubectl().code == 9

    def test_needs_nothing_for_a_harmless_user(self, machine_of: Machine) -> None:
        machine_of.kubeconfig("--login", "azurecli", "--server-id", "x")
        ran = machine_of.kubeauth("trust")
        assert ran.code == 0
        assert ran.stdout.startswith("context 'prod' needs no approval")

    @THE_ACCOUNTS_OWN
    def test_lists_and_takes_back(self, foreign: Machine) -> None:
        foreign.policy()
        assert foreign.kubeauth("trust", "--list").stdout == "nothing is approved\n"
        foreign.kubeauth("trust", "--yes")
        assert "context 'prod'" in foreign.kubeauth("trust", "--list").stdout
        assert "all of it is approved" in foreign.kubeauth("trust").stdout
        assert "1 approval removed" in foreign.kubeauth("trust", "--remove").stdout
        assert foreign.kubectl().code == 9

    @pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 6), ("\n", 6), ("\x04", 130)])
    def test_asks_on_a_terminal(self, foreign: Machine, answer: str, code: int) -> None:
        mine, theirs = posix_module("pty").openpty()
        process = subprocess.Popen(
            [str(BIN / "kubeauth"), "trust"],
            env=foreign.environ,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        os.close(theirs)
        os.write(mine, answer.encode())
        _, err = process.communicate(timeout=30)
        os.close(mine)
        assert process.returncode == code, err
        foreign.policy()
        assert foreign.kubectl().code == (0 if code == 0 else 9)

    def test_shows_no_escape_sequence_and_no_proxys_password(self, machine_of: Machine) -> None:
        machine_of.kubeconfig(
            *("--login", "interactive", "--browser-command", "x \x1b[2J %s"),
            HTTPS_PROXY="http://dana:pa55@proxy:1",
        )
        shown = machine_of.kubeauth("trust").stdout
        assert "\x1b" not in shown
        assert "pa55" not in shown

    @THE_ACCOUNTS_OWN
    def test_an_unusable_folder_is_an_error_with_a_way_out(self, foreign: Machine) -> None:
        (foreign.config.parent / "kubeauth").write_text("a file")
        ran = foreign.kubeauth("trust", "--yes")
        assert ran.code == 2
        assert ran.stderr.splitlines()[-1].startswith("hint: ")


class TestTheAccountsFolder:
    """Where the caller's variables cannot be read, approvals lie in the account's home folder."""

    @pytest.fixture
    def moved(self, foreign: Machine, tmp_path: Path) -> Iterator[Machine]:
        """A machine with a policy, whose HOME and USERPROFILE are not the account's."""
        foreign.environ["KUBEAUTH_STRICT"] = "1"
        if not WINDOWS:  # it plays macOS by what Linux has
            code = (
                "import pwd, sys, types\n"
                "from kubeauth.kubeconfig import approvals\n"
                "from kubeauth_plugin.trust import strict\n"
                "approvals.sys = strict.sys = types.SimpleNamespace(platform='darwin')\n"
                f"account = types.SimpleNamespace(pw_dir={str(tmp_path / 'account')!r})\n"
                "pwd.getpwuid = lambda _: account\n"
                "from kubeauth_plugin.__main__ import main\n"
                "main()\n"
            )
            (tmp_path / "account").mkdir(mode=0o700)
            foreign.program.command = (sys.executable, "-c", code)
        yield foreign
        foreign.kubeauth("trust", "--remove")  # it is a real account's on Windows

    def test_an_approval_and_its_removal_count_for_everybody(self, moved: Machine) -> None:
        assert moved.kubectl().code == 9
        assert moved.kubeauth("trust", "--yes").code == 0
        assert "context 'prod'" in moved.kubeauth("trust", "--list").stdout
        assert moved.kubeauth("login", "--context", "prod").code == 0
        assert moved.kubectl().code == 0
        assert "1 approval removed" in moved.kubeauth("trust", "--remove").stdout
        assert moved.kubeauth("remove-cache-dir").code == 0
        assert moved.kubeauth("login", "--context", "prod").code == 9
        assert moved.kubectl().code == 9

    def test_a_kubeconfig_brings_no_approvals(self, moved: Machine) -> None:
        """Its variables may name a folder in which they lie."""
        moved.kubeauth("trust", "--yes")
        account = account_home() if WINDOWS else moved.program.home.parent / "account"
        theirs = moved.program.home / "theirs"
        mine, copy = (PrivateFolder(f"{home}/.kube/kubeauth") for home in (account, theirs))
        assert mine.names()
        for name in mine.names():
            copy.write(name, mine.read(name))
        assert "1 approval removed" in moved.kubeauth("trust", "--remove").stdout
        moved.kubeconfig(*moved.args[1:], HOME=str(theirs), USERPROFILE=str(theirs))
        assert moved.kubectl().code == 9


class TestConvert:
    @THE_ACCOUNTS_OWN
    def test_approves_what_was_typed(self, foreign: Machine, sim: Simulator) -> None:
        foreign.policy()
        ran = foreign.kubeauth("convert-kubeconfig", "--authority-host", sim.authority)
        assert ran.code == 0, ran.stderr
        assert foreign.kubectl().code == 0

    def test_does_not_approve_what_only_the_file_says(self, foreign: Machine) -> None:
        foreign.policy()
        assert foreign.kubeauth("convert-kubeconfig", "--timeout", "20s").code == 0
        foreign.args = yaml.safe_load(foreign.config.read_text())["users"][0]["user"]["exec"][
            "args"
        ]
        assert foreign.kubectl().code == 9

    def test_a_dry_run_approves_nothing(self, foreign: Machine, sim: Simulator) -> None:
        foreign.policy()
        foreign.kubeauth("convert-kubeconfig", "--authority-host", sim.authority, "--dry-run")
        assert foreign.kubectl().code == 9
