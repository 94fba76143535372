"""The wheel: what is in it, and what an empty environment has after installing it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from harness import BIN, basic_environ

from kubeauth.testing import Simulator

ROOT = Path(__file__).resolve().parent.parent
# Building and installing ask the package index, as a user's pip does.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.process,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("packaging"),  # one worker makes the environment that all of these need
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of what git would give: nothing untracked gets in by chance."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(source)],
        check=True,
        capture_output=True,
        text=True,
        timeout=200,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of an empty environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True, symlinks=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, timeout=280)
    return folder / "bin"


@pytest.fixture
def run(installed, tmp_path):
    def call(program, *words):
        return subprocess.run(
            [str(installed / program), *words],
            env=basic_environ(tmp_path, {"PATH": f"{installed}:/usr/bin:/bin"}),
            capture_output=True,
            text=True,
            timeout=60,
            cwd=tmp_path,
        )

    return call


class TestWheel:
    def test_holds_the_two_packages_and_nothing_else(self, wheel):
        names = zipfile.ZipFile(wheel).namelist()
        tops = {name.partition("/")[0] for name in names}
        own = {top for top in tops if not top.endswith((".dist-info", ".data"))}
        assert own == {"kubeauth", "kubeauth_plugin"}
        outside = {name.partition("/")[2] for name in names if ".data/" in name}
        pages = {f"data/share/man/man1/{page.name}" for page in (ROOT / "docs/man").iterdir()}
        assert outside <= {"scripts/kubeauth", *pages} and pages <= outside
        assert not [n for n in names if "/test_" in n or n.endswith((".pyc", "conftest.py"))]

    def test_holds_every_module(self, wheel):
        expected = {
            str(path.relative_to(base))
            for base, package in ((ROOT, "kubeauth"), (ROOT / "plugin", "kubeauth_plugin"))
            for path in (base / package).rglob("*.py")
        }
        assert {n for n in zipfile.ZipFile(wheel).namelist() if n.endswith(".py")} == expected

    def test_is_typed(self, wheel):
        assert "kubeauth/py.typed" in zipfile.ZipFile(wheel).namelist()

    def test_works_on_every_platform(self, wheel):
        assert wheel.name.endswith("-py3-none-any.whl")

    def test_says_what_it_is(self, wheel):
        archive = zipfile.ZipFile(wheel)
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(archive.read(name).decode())
        assert said["Name"] == "kubeauth" and said["License-Expression"] == "MIT"
        assert any(n.endswith("licenses/LICENSE") for n in archive.namelist())
        needed = [need for need in said.get_all("Requires-Dist") if "extra ==" not in need]
        ours_alone = ("pytest", "kubernetes", "hypothesis")
        assert not [need for need in needed if need.startswith(ours_alone)]
        assert said.get_payload().startswith("# kubeauth")


@pytest.mark.parametrize("folder", ["plain", "with a blank", "x" * 200])
@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_the_command_starts_wherever_it_was_installed(wheel, tmp_path, folder, installer):
    """A path with a blank, or a long path, cannot stand after "#!"."""
    home = tmp_path / folder
    venv.create(home, with_pip=installer == "pip", symlinks=True)
    python = home / "bin" / "python"
    if installer == "pip":
        install = [str(python), "-m", "pip", "install", "--quiet"]
    else:
        install = [str(BIN / "uv"), "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "--no-deps", str(wheel)], check=True, capture_output=True)
    link = tmp_path / "other" / "bin" / "kubeauth"
    link.parent.mkdir(parents=True)
    link.symlink_to(home / "bin" / "kubeauth")
    relative = link.parent / "relative"
    relative.symlink_to("kubeauth")
    # What lies beside a link is another installation's.
    (link.parent / "kubectl-kubeauth").write_text("#!/usr/bin/false\n")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    foreign = link.parent.parent / "lib" / version / "site-packages" / "kubeauth_plugin"
    foreign.mkdir(parents=True)
    (foreign / "__init__.py").write_text("raise SystemExit(9)\n")
    # Other packages are borrowed from here; this environment's own kubeauth is not.
    packages = home / "lib" / version / "site-packages"
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    borrowed = basic_environ(tmp_path)
    for command, where in (
        ([str(home / "bin" / "kubeauth")], tmp_path),
        (["bin/kubeauth"], home),
        (["sh", "kubeauth"], home / "bin"),
        ([str(link)], tmp_path),
        ([str(relative)], tmp_path),
    ):
        done = subprocess.run(
            [*command, "get-token", "-l", "spn"],
            cwd=where,
            env=borrowed,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 2, (command, done.stderr)
        assert done.stderr.startswith("error: login spn: --server-id is required")


def test_a_kept_credential_is_handed_out_before_packages_are_looked_for(installed, tmp_path):
    """Of an installed wheel, other than of a checkout, whose packages lie elsewhere."""
    with Simulator() as sim:
        app = sim.tenant.add_application("ci")
        command = [
            *(str(installed / "kubeauth"), "get-token", "-l", "spn"),
            *("--server-id", sim.cluster.server_id, "--tenant-id", sim.tenant.id),
            *("--client-id", app.client_id, "--client-secret", app.secret),
            *("--authority-host", sim.authority, "--disable-instance-discovery"),
        ]
        environ = basic_environ(tmp_path, sim.environ())
        first = subprocess.run(command, env=environ, capture_output=True, check=True)
        # As the script for sh starts it, but timed.
        timed = [str(installed / "python"), "-I", "-S", "-X", "importtime", *command]
        again = subprocess.run(timed, env=environ, capture_output=True, check=True, text=True)
        assert again.stdout == first.stdout.decode()
        assert sim.requests.count(service="entra", path="/token") == 1
    loaded = {line.rpartition("|")[2].strip() for line in again.stderr.splitlines()}
    ours = {"kubeauth_plugin", "kubeauth_plugin.__main__", "kubeauth_plugin._hot"}
    assert {name for name in loaded if name.startswith("kubeauth")} == ours
    assert not loaded & {"os", "site", "re", "json", "kubeauth"}


class TestInstalled:
    def test_runs(self, run):
        version = run("kubeauth", "--version")
        assert version.returncode == 0 and version.stdout.startswith("kubeauth ")
        assert run("kubectl-kubeauth", "--version").stdout == version.stdout
        assert run("kubectl-kubeauth", "--help").returncode == 0
        assert run("kubeauth", "demo", "--help").returncode == 0

    def test_does_its_work(self, run):
        ran = run("kubeauth", "get-token", "--login", "spn")
        assert ran.returncode == 2 and ran.stderr.startswith("error: login spn: --server-id")

    def test_leaves_no_strange_names_behind(self, run):
        for name in ("plugin", "tests", "harness", "dev"):
            assert run("python", "-c", f"import {name}").returncode == 1, name

    def test_every_module_can_be_imported_with_what_was_installed(self, run):
        """A dependency that only the development environment has would be missing here.

        What needs a client or a test runner of the user's own is imported by those.
        """
        code = (
            "import importlib, pkgutil, kubeauth, kubeauth_plugin\n"
            "for package in (kubeauth, kubeauth_plugin):\n"
            "    for m in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
            "        borrowed = '.integrations.' in m.name or m.name.endswith('pytest_plugin')\n"
            "        if not borrowed and not m.name.endswith('__main__'):\n"
            "            importlib.import_module(m.name)\n"
        )
        done = run("python", "-W", "error", "-c", code)
        assert done.returncode == 0, done.stderr

    def test_plays_the_demo_as_far_as_kubectl_is_there(self, run):
        done = run("kubeauth", "demo")
        assert done.returncode in (0, 8), done.stderr
        assert "Traceback" not in done.stderr
