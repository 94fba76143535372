"""Azure PowerShell in a process of others: several sign-ins at once leave its logging as it was."""

from __future__ import annotations

import logging
import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from harness import install_program, not_on_windows

from kubeauth import AzurePowerShell, System, ToolError
from kubeauth.token import AccessToken

pytestmark = [
    pytest.mark.process,
    not_on_windows("the stand-in is a batch file there, whose exit code azure-identity loses"),
]

# The first waits for the second, and the second until the first one's sign-in is over.
TWO = """
import os, sys, time
def until(name):
    while not os.path.exists(os.path.join({folder!r}, name)):
        time.sleep(0.01)
try:
    os.mkdir(os.path.join({folder!r}, "first"))
    until("second")
    sys.exit("complaint of the first")
except FileExistsError:
    os.mkdir(os.path.join({folder!r}, "second"))
    until("over")
    sys.exit("complaint of the second")
"""


@pytest.fixture
def loggers() -> list[logging.Logger]:
    names = ("azure", "azure.identity", "azure.identity._credentials.azure_powershell")
    return [logging.getLogger(name) for name in names]


def test_each_of_two_sign_ins_has_its_own_complaint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loggers: list[logging.Logger]
) -> None:
    install_program(tmp_path, "pwsh", TWO.format(folder=str(tmp_path)))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    before = [(each.level, list(each.filters)) for each in loggers]

    def sign_in(tenant: str) -> AccessToken:
        system = System(environ=dict(os.environ))
        options = {"server_id": "api", "tenant_id": tenant, "cache_storage": "none"}
        return AzurePowerShell(**options, system=system).token()

    with ThreadPoolExecutor() as pool:
        running: list[Future[AccessToken]] = [pool.submit(sign_in, each) for each in ("a", "b")]
        done, still = wait(running, timeout=60, return_when=FIRST_COMPLETED)
        (tmp_path / "over").mkdir()
        said = [each.exception(timeout=60) for each in (*done, *still)]
    assert all(isinstance(each, ToolError) for each in said), said
    assert [str(each).rpartition(" of the ")[2] for each in said] == ["first)", "second)"]
    assert [(each.level, list(each.filters)) for each in loggers] == before
