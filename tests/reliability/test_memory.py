"""Endless, packed and deep inputs: the peak memory of a call that fails stays below 100 MB."""

from __future__ import annotations

import gzip
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from harness import Program
from reliability.cells import Outcome, run

from kubeauth.testing import Application, Fault, Simulator

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="the peak of a child's memory is POSIX's"),
]

LARGEST = 100 * 10**6
MEASURE = """
import os, sys
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""
INFO = {
    "kind": "ExecCredential",
    "apiVersion": "client.authentication.k8s.io/v1",
    "spec": {"interactive": True},
}
HUGE = b"x" * (64 << 20)
DEEP = b"[" * 500_000
PACKED = gzip.compress(b"\0" * (200 << 20), 1)
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "huge": (HUGE, {}),
    "packed": (PACKED, {"Content-Encoding": "gzip", "Content-Type": "application/json"}),
    "deep": (DEEP, {"Content-Type": "application/json"}),
}


def identity(app: Application, sim: Simulator) -> tuple[str, ...]:
    return ("-t", sim.tenant.id, "--client-id", app.client_id)


def peak_of(program: Program, *words: str, **environ: str) -> tuple[Outcome, int]:
    """Run the command under a small program that measures it; return its peak in bytes.

    A child starts with its parent's peak, and pytest's is large.
    """
    file = program.home / "peak"
    command = (sys.executable, "-I", "-S", "-c", MEASURE, str(file), *program.command)
    outcome = run(replace(program, command=command), *words, environ=environ)
    return outcome, int(file.read_text()) * 1024


def check(program: Program, *words: str, **environ: str) -> None:
    outcome, peak = peak_of(program, *words, **environ)
    outcome.check()
    assert outcome.code != 0
    assert peak < LARGEST, f"{peak / 10**6:.0f} MB"


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("login", ["spn", "msi", "devicecode"])
def test_answers(program: Program, sim: Simulator, app: Application, login: str, body: str) -> None:
    content, headers = BODIES[body]
    for service in ("entra", "imds"):
        sim.faults.add(Fault(service=service, body=content, headers=headers, times=None))
    flags = (*identity(app, sim), "-l", login)
    limits = ("--timeout", "5s", "--person-timeout", "5s")
    words = ("get-token", *program.always, *flags, *limits)
    check(program, *words, AZURE_CLIENT_SECRET="s", KUBERNETES_EXEC_INFO=json.dumps(INFO))


@pytest.mark.parametrize(
    "flag", ["--client-secret-file", "--client-certificate", "--ca-file", "--federated-token-file"]
)
@pytest.mark.parametrize("content", ["endless", "huge", "deep"])
def test_files(
    program: Program, sim: Simulator, app: Application, tmp_path: Path, flag: str, content: str
) -> None:
    file = tmp_path / "input"
    if content == "endless":
        file = Path("/dev/zero")
    else:
        file.write_bytes(HUGE if content == "huge" else DEEP)
    login = "workloadidentity" if "token" in flag else "spn"
    flags = (*identity(app, sim), "-l", login, flag, str(file), "--timeout", "5s")
    more = {"AZURE_CLIENT_SECRET": "s"} if flag == "--ca-file" else {}
    check(program, "get-token", *program.always, *flags, **more)


PROGRAMS = {
    "endless": "cat /dev/zero",
    "endless complaint": "cat /dev/zero >&2",
    "deep": "head -c 500000 /dev/zero | tr '\\0' '['",
}


@pytest.mark.parametrize("tool", ["az", "azd", "command"])
@pytest.mark.parametrize("prints", PROGRAMS)
def test_programs(
    program: Program, sim: Simulator, app: Application, tmp_path: Path, tool: str, prints: str
) -> None:
    script = tmp_path / tool
    script.write_text(f"#!/bin/sh\n{PROGRAMS[prints]}\n")
    script.chmod(0o755)
    logins = {
        "az": ("-l", "azurecli"),
        "azd": ("-l", "azd"),
        "command": (
            *identity(app, sim),
            "-l",
            "workloadidentity",
            "--assertion-source",
            f"command:{script}",
        ),
    }
    path = f"{tmp_path}{os.pathsep}{program.environ['PATH']}"
    check(program, "get-token", *program.always, *logins[tool], "--timeout", "5s", PATH=path)


@pytest.mark.parametrize("content", [HUGE, DEEP, b"a: " + DEEP], ids=["huge", "deep", "deep YAML"])
@pytest.mark.parametrize("command", ["convert-kubeconfig", "login", "trust"])
def test_kubeconfigs(program: Program, tmp_path: Path, command: str, content: bytes) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    check(program, command, "--kubeconfig", str(file))


@pytest.mark.parametrize("content", [HUGE, DEEP], ids=["huge", "deep"])
def test_the_cache(
    program: Program, sim: Simulator, app: Application, content: bytes, spn: tuple[str, ...]
) -> None:
    assert program.get_token(*spn).code == 0
    for file in program.cache.iterdir():
        file.write_bytes(content)
    outcome, peak = peak_of(program, "get-token", *program.always, *spn)
    assert outcome.code == 0
    assert peak < LARGEST, f"{peak / 10**6:.0f} MB"
