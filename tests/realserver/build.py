"""Build kube-apiserver from its Go module, once for each version, outside the checkout.

    python3 tests/realserver/build.py           # the version in go.mod
    python3 tests/realserver/build.py v1.34.4   # another one, for a look by hand

It takes some minutes on two processors, and needs Go and the module proxy. The tests here find what
was built; KUBEAUTH_APISERVER_VERSION names another version for them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULE = "k8s.io/kubernetes"


def default_version() -> str:
    """Return the version that go.mod names."""
    found = re.search(rf"^\s+{MODULE} (v\S+)$", (HERE / "go.mod").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def program(version: str) -> Path:
    """Return where the program of a version is built."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "kubeauth-dev" / f"kube-apiserver-{version}"


def build(version: str) -> Path:
    """Build a version, unless it is there; raises CalledProcessError."""
    target = program(version)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        for name in ("server.go", "go.mod", "go.sum"):
            shutil.copy(HERE / name, source)
        if version != default_version():
            _write_modules(source, version)
        _, major, minor, *_ = re.split(r"[v.]", version)
        numbers = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
        flags = " ".join(
            f"-X k8s.io/component-base/version.{name}={value}" for name, value in numbers.items()
        )
        built = source / "kube-apiserver"
        _go("build", "-trimpath", "-ldflags", f"-s -w {flags}", "-o", str(built), cwd=source)
        shutil.move(built, target.with_suffix(f".{os.getpid()}"))
    target.with_suffix(f".{os.getpid()}").rename(target)
    return target


def _write_modules(folder: Path, version: str) -> None:
    """Write go.mod for another version: its repository replaces these modules by folders."""
    address = f"https://proxy.golang.org/{MODULE}/@v/{version}.mod"
    with urllib.request.urlopen(address, timeout=60) as answer:  # it is https
        listed = answer.read().decode()
    staged = re.findall(r"^\t(k8s\.io/[a-z-]+) v0\.0\.0$", listed, re.MULTILINE)
    release = version.replace("v1.", "v0.", 1)
    replaced = "".join(f"replace {name} => {name} {release}\n" for name in staged)
    head = f"module realserver\n\ngo 1.24.0\n\nrequire {MODULE} {version}\n\n"
    (folder / "go.mod").write_text(head + replaced)
    (folder / "go.sum").unlink()
    _go("mod", "tidy", cwd=folder)


def _go(*words: str, cwd: Path) -> None:
    environ = {**os.environ, "CGO_ENABLED": "0"}
    subprocess.run(["go", *words], cwd=cwd, env=environ, check=True)


if __name__ == "__main__":
    if shutil.which("go") is None:
        sys.exit("there is no Go on this machine, so the tests at a real API server are skipped")
    print(build(sys.argv[1] if len(sys.argv) > 1 else default_version()))
