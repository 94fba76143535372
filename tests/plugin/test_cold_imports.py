"""The modules that a cold sign-in imports: imports are most of its price, so the lists are pinned.

The interpreter's own modules differ between versions, so of those only the expensive ones that a
login does without are listed.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness import Program, approving, install_program, not_on_windows

from kubeauth.testing import AKS_CLIENT_ID, Application, Simulator

pytestmark = [
    pytest.mark.imports,
    pytest.mark.process,
    not_on_windows("the lists are those of Linux and macOS"),
]

PLUGIN = {
    "kubeauth_plugin",
    *(
        f"kubeauth_plugin.{name}"
        for name in (
            *("_ahead", "_hot", "_leader", "diagnostics", "execinfo", "fast_cli", "get_token"),
            *("hot_records", "prompt", "trust", "trust.strict", "windows", "windows.console"),
        )
    ),
}
EVERY = {
    "kubeauth",
    *(
        f"kubeauth.{name}"
        for name in (
            *("_env", "cache", "clouds", "credential", "errors", "files", "jwt", "log", "options"),
            *("providers", "record", "sanitize", "secret", "system", "token", "providers.base"),
            *(f"cache.{n}" for n in ("failures", "keeper", "prune", "renewal_throttle")),
            *(f"cache.{n}" for n in ("sign_in_lock", "state", "storage", "tokens")),
            *(f"cache.storage.{n}" for n in ("checked", "file_lock", "folder", "location")),
            *(f"cache.storage.{n}" for n in ("names", "store")),
            *(f"options.{n}" for n in ("check", "duration", "entry_rule", "flags", "logins")),
            *(f"options.{n}" for n in ("pop_claims", "resolve", "settings", "variables")),
        )
    ),
}
HTTP = {
    "kubeauth.providers._http_session",
    "kubeauth.adapters",
    *(
        f"kubeauth.adapters.{name}"
        for name in ("answer", "direct", "http", "limits", "request_failed", "tls", "unreachable")
    ),
}
REFUSALS = {"kubeauth.providers._entra", "kubeauth.providers._entra.refusals"}
ENTRA = {
    *HTTP,
    *REFUSALS,
    "kubeauth.providers._entra.client",
    "kubeauth.providers._entra.http",
    "kubeauth.providers._entra.lean_msal",
}
SECRET = {"kubeauth.providers._entra.client_secret"}
# Each of these costs a tenth of an interpreter's start or more, with what it brings.
EXPENSIVE = {
    *("asyncio", "dataclasses", "datetime", "email", "hashlib", "http", "inspect", "logging"),
    *("pathlib", "random", "shutil", "socketserver", "subprocess", "tempfile", "threading"),
    *("typing", "urllib.request", "xml", "zipfile"),
}
# MSAL needs these itself.
OF_MSAL = {"datetime", "hashlib", "inspect", "logging", "random", "threading", "typing", "xml"}
SCRIPT = """
import sys
sys.path[:0] = {paths!r}
before = set(sys.modules)
from kubeauth_plugin.fast_cli import run_fast
code = run_fast(sys.argv[1:])
loaded = set(name for name, module in sys.modules.items() if module is not None)
print(*(loaded - before), file=sys.stderr)
sys.exit(code)
"""


def loaded_by(program: Program, *words: str, **environ: str) -> set[str]:
    """Run get-token as the installed command does, and return the modules that it adds."""
    paths = [
        str(Path(importlib.util.find_spec(name).origin).parent.parent)  # type: ignore[union-attr,arg-type]
        for name in ("kubeauth_plugin", "kubeauth", "msal")
    ]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SCRIPT.format(paths=paths), "get-token", *words],
        env={**program.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.splitlines()[-1].split())


def ours(loaded: set[str]) -> set[str]:
    return {name for name in loaded if name.startswith("kubeauth")} - PLUGIN


def others(loaded: set[str]) -> set[str]:
    """The packages that are neither ours nor Python's, by their first name."""
    tops = {name.partition(".")[0] for name in loaded if not name.startswith("kubeauth")}
    return {name for name in tops - sys.stdlib_module_names if name != "__mp_main__"}


def expensive(loaded: set[str]) -> set[str]:
    return loaded & EXPENSIVE


def test_a_secret(program: Program, spn: tuple[str, ...]) -> None:
    loaded = loaded_by(program, *program.always, *spn)
    own = {"kubeauth.providers.service_principal"}
    assert ours(loaded) == EVERY | ENTRA | SECRET | own
    assert others(loaded) == {"msal"}
    assert expensive(loaded) <= OF_MSAL


def test_a_federated_token(
    program: Program, sim: Simulator, app: Application, tmp_path: Path
) -> None:
    issuer = sim.add_issuer()
    app.add_federated_credential(issuer=issuer.url, subject="job")
    token = tmp_path / "token"
    token.write_text(issuer.mint(subject="job"))
    identity = ("-t", sim.tenant.id, "--client-id", app.client_id)
    words = ("-l", "workloadidentity", *identity, "--federated-token-file", str(token))
    loaded = loaded_by(program, *program.always, *words)
    own = {
        "kubeauth.providers.workload_identity",
        "kubeauth.providers._program",
        "kubeauth.adapters.child_environ",
        "kubeauth.providers._entra.assertions",
    }
    assert ours(loaded) == EVERY | ENTRA | SECRET | own
    assert others(loaded) == {"msal"}
    assert expensive(loaded) <= OF_MSAL


def test_a_managed_identity(program: Program, sim: Simulator) -> None:
    sim.add_managed_identity(sim.tenant, system_assigned=True)
    loaded = loaded_by(program, "--server-id", sim.cluster.server_id, "-l", "msi")
    own = {
        "kubeauth.providers.managed_identity",
        "kubeauth.providers._identity",
        "kubeauth.providers._identity.answers",
        "kubeauth.providers._identity.hosts",
    }
    assert ours(loaded) == EVERY | HTTP | REFUSALS | SECRET | own
    assert others(loaded) == set()
    assert expensive(loaded) == set()


@pytest.mark.parametrize("login", ["azurecli", "azd"])
def test_a_tool(program: Program, tmp_path: Path, login: str) -> None:
    answer = {"azurecli": {"accessToken": "a.b.c", "expires_on": int(time.time()) + 3600}}.get(
        login, {"token": "a.b.c", "expiresOn": "2099-01-01T00:00:00Z"}
    )
    name = {"azurecli": "az"}.get(login, login)
    install_program(tmp_path, name, f"print({json.dumps(answer)!r})\n")
    loaded = loaded_by(program, "--server-id", "server", "-l", login, PATH=str(tmp_path))
    module = {"azurecli": "azure_cli", "azd": "azure_developer_cli"}[login]
    own = {
        f"kubeauth.providers.{module}",
        "kubeauth.providers._bases",
        "kubeauth.providers._bases.tool",
        "kubeauth.providers._program",
        "kubeauth.adapters",
        "kubeauth.adapters.child_environ",
        "kubeauth.adapters.programs",
    }
    assert ours(loaded) == EVERY | REFUSALS | SECRET | own
    assert others(loaded) == set()
    # azd writes a date where az writes a number.
    assert expensive(loaded) <= {"datetime"} & ({"datetime"} if login == "azd" else set())


def test_a_persons_renewal(program: Program, sim: Simulator) -> None:
    user = sim.tenant.add_user(f"dana-{time.monotonic_ns()}@{sim.tenant.name}")
    words = ("-l", "devicecode", "-t", sim.tenant.id, "--client-id", AKS_CLIENT_ID)
    words = (*words, "--cache-storage", "file")
    info = json.dumps(
        {
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "spec": {"interactive": True},
        }
    )
    with approving(sim, user):
        assert program.get_token(*words, KUBERNETES_EXEC_INFO=info).status["token"]
    for file in (*program.cache.glob("*.token.json"), *program.cache.glob("*.hot")):
        file.unlink()
    loaded = loaded_by(program, *program.always, *words)
    own = {
        "kubeauth.providers.device_code",
        "kubeauth.providers._bases",
        "kubeauth.providers._bases.person",
        "kubeauth.providers._entra.device_flow",
        "kubeauth.cache.sessions",
        "kubeauth.cache.keyring_key",
    }
    assert ours(loaded) == EVERY | ENTRA | SECRET | own
    assert others(loaded) == {"msal"}
    assert expensive(loaded) <= OF_MSAL
