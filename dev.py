"""The project's own commands: `python3 dev.py demo` and `python3 dev.py test`.

Each needs Python 3.10 or newer, git and the package index, makes its own environment in .venv, and
can be run again at any time. Anything after the command's name goes on to the program it runs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
# Many tests wait, for programs that they start or for time to pass.
WORKERS = 3 * (os.cpu_count() or 1)


def main(argv: list[str]) -> int:
    """Run one command and return its exit code."""
    commands = {
        "demo": demo,
        "test": test,
        "check": check,
        "format": reformat,
        "docs": docs,
        "site": site,
        "coverage": coverage,
        "mutants": mutants,
        "windows": windows,
        "clients": clients,
    }
    if not argv or argv[0] not in commands:
        print(f"usage: python3 dev.py {'|'.join(commands)} [ARGUMENTS]", file=sys.stderr)
        return 2
    if sys.version_info < (3, 10):
        print("error: kubeauth needs Python 3.10 or newer", file=sys.stderr)
        return 1
    return commands[argv[0]](argv[1:])


def demo(arguments: list[str]) -> int:
    """Watch the real kubectl sign in to a simulated cluster."""
    install("" if shutil.which("kubectl") else "[demo]")
    return run("kubeauth", "demo", *arguments)


def test(arguments: list[str]) -> int:
    """Lint, types, then all tests; the test runner's closing line comes last.

    ``--quick`` leaves out the tests that start a process, ``--run-slow`` adds the slow ones.
    """
    # The tests of a module share its simulator, so workers steal whole stretches of quick tests.
    spread = "worksteal" if "--quick" in arguments else "loadgroup"
    # Slow tests keep the processors busy with real servers and programs, so fewer run at a time.
    workers = WORKERS * 2 // 3 if "--run-slow" in arguments else WORKERS
    return check([]) or run("pytest", f"-n{workers}", f"--dist={spread}", *arguments)


def check(_arguments: list[str]) -> int:
    """Lint of code and prose, and types, without tests."""
    install("[dev]")
    lint = run("ruff", "format", "--check", ".") or run("ruff", "check", ".")
    return lint or run("python", "docs/check_prose.py") or run("mypy")


def reformat(_arguments: list[str]) -> int:
    """Put every file in the project's format."""
    install("[dev]")
    return run("ruff", "format", ".") or run("ruff", "check", "--fix", ".")


def docs(_arguments: list[str]) -> int:
    """Write what is generated: the reference, modules, codes, measured numbers and faults."""
    install("[dev]")
    pages = ("reference", "modules", "codes", "logins", "json", "performance", "reliability", "man")
    return max(run("python", f"docs/build_{page}.py") for page in pages)


def site(_arguments: list[str]) -> int:
    """Build the documentation site into site/."""
    install("[dev]")
    return run("python", "docs/build_site.py")


def coverage(arguments: list[str]) -> int:
    """Measure which lines and branches the tests reach, in child processes too; print the figure.

    Tests that list what a start imports are left out, since measuring imports more.
    """
    install("[dev]")
    measured = ["-m", "pytest", "-q", f"-n{WORKERS}", "--dist=loadgroup", "-m", "not imports"]
    run("coverage", "erase")
    ended = run("coverage", "run", *measured, *arguments)
    run("coverage", "combine", "-q")
    return run("coverage", "report") or ended


def mutants(arguments: list[str]) -> int:
    """Break the code in one place after the other and count how many breaks the tests notice.

    Takes the files to break, else breaks those for which CONTRIBUTING.md has figures.
    """
    install("[dev]")
    return run("python", "scripts/mutants.py", *arguments)


def windows(arguments: list[str]) -> int:
    """Run the tests marked ``windows`` under Wine; ``--all``: tests/kubeauth and tests/plugin."""
    install("[dev]")
    return run("python", "scripts/windows/lot.py", *arguments)


def clients(arguments: list[str]) -> int:
    """Run other people's programs at a real API server and write the table of docs/clients.md.

    ``--build`` only builds them and the server, in a cache outside the checkout. ``--all`` adds
    those whose builds take many minutes.
    """
    install("[dev]")
    large = [word for word in arguments if word == "--all"]
    os.environ["PYTHONPATH"] = str(ROOT / "tests")
    built = run("python", "tests/realserver/build.py") or run(
        "python", "-m", "realserver.clients", *large
    )
    if built or "--build" in arguments:
        return built
    os.environ["KUBEAUTH_CLIENTS_PAGE"] = str(ROOT / "docs" / "clients.md")
    os.environ["KUBEAUTH_CLIENTS_ALL"] = "".join(large)
    arguments = [word for word in arguments if word not in large]
    lot = ["-n0", "--run-slow", "-rs", "tests/realserver/test_clients.py"]
    return run("python", "-m", "pytest", *lot, *arguments)


def install(extra: str) -> None:
    """Make the environment have this project and ``extra``, unless it does already."""
    stamp = ENVIRONMENT / f"installed{extra}"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"installing kubeauth{extra} into {ENVIRONMENT.name} …", file=sys.stderr, flush=True)
    if not (BIN / ("python.exe" if os.name == "nt" else "python")).exists():
        make_environment()
    pip = [str(BIN / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--editable", f"{ROOT}{extra}"], check=True)
    stamp.write_text(wanted)


def make_environment() -> None:
    """Make an empty virtual environment."""
    try:
        venv.create(ENVIRONMENT, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        raise SystemExit(
            f"error: this Python cannot make a virtual environment ({error})\n"
            "hint: on Debian and Ubuntu, install python3-venv"
        ) from error


def run(program: str, *arguments: str) -> int:
    """Run a program of the environment; its programs come first on PATH."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    environ = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(ENVIRONMENT)}
    # Without compiled files each of pytest's workers compiles all tests anew.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        return subprocess.run([str(BIN / program), *arguments], cwd=ROOT, env=environ).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
