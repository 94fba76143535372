"""A release: what is in it, that it can be made again, and its program in one file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from pipelines.machine import VERSION, JobFailed, nodes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PYZ = f"kubeauth-{VERSION}.pyz"
NEWEST, OLDEST = 14, 10


def run_release(checkout, out, *words):
    command = [sys.executable, checkout / "scripts" / "release.py", "--out", out, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=250)


def find_python(minor):
    """Return a CPython 3.``minor`` of this machine, which pyenv may have off PATH."""
    places = sorted(Path("~/.pyenv/versions").expanduser().glob(f"3.{minor}.*/bin/python3"))
    return (
        places[-1] if places else shutil.which(f"python3.{minor}", path="/usr/bin:/usr/local/bin")
    )


class TestRelease:
    def test_has_all_and_the_sums_are_right(self, release):
        names = [
            "SHA256SUMS",
            f"kubeauth-{VERSION}-py3-none-any.whl",
            f"kubeauth-{VERSION}-py3-none-win32.win_amd64.win_arm64.whl",
            f"kubeauth-{VERSION}-requirements.txt",
            PYZ,
            f"kubeauth-{VERSION}.tar.gz",
        ]
        assert sorted(file.name for file in release.iterdir()) == names
        sums = [line.split("  ") for line in (release / "SHA256SUMS").read_text().splitlines()]
        assert [name for _, name in sums] == names[1:]
        for digest, name in sums:
            assert hashlib.sha256((release / name).read_bytes()).hexdigest() == digest

    def test_is_the_same_when_made_again(self, release, checkout, tmp_path):
        again, before = tmp_path / "again", os.umask(0o077)
        try:
            subprocess.run(["git", "clone", "-q", checkout, again], check=True)
            assert run_release(again, tmp_path / "out").returncode == 0
        finally:
            os.umask(before)
        for file in (tmp_path / "out").iterdir():
            assert file.read_bytes() == (release / file.name).read_bytes(), file.name

    def test_is_not_made_of_what_is_not_committed(self, checkout, tmp_path):
        again = tmp_path / "again"
        subprocess.run(["git", "clone", "-q", checkout, again], check=True)
        (again / "kubeauth" / "new.py").touch()
        done = run_release(again, tmp_path / "out")
        assert done.returncode == 1 and not (tmp_path / "out").exists()
        error, hint = done.stderr.splitlines()
        assert error == "error: release: 1 files are not committed, kubeauth/new.py for one"
        assert hint.startswith("hint: ") and "--dirty" in hint
        (tmp_path / "out" / "old").mkdir(parents=True)
        done = run_release(again, tmp_path / "out", "--dirty")
        assert done.returncode == 1 and "is not an empty folder" in done.stderr

    def test_another_wheel_than_the_released_one_is_not_installed(self, real, release):
        lock = real.work / "requirements.txt"
        text = (release / f"kubeauth-{VERSION}-requirements.txt").read_text()
        others, _, ours = text.rpartition("kubeauth==")
        lock.write_text(others + "kubeauth==" + re.sub("[0-9a-f]{64}", "0" * 64, ours))
        with pytest.raises(JobFailed, match="DO NOT MATCH THE HASHES"):
            real.shell(f"python3 -m venv v && v/bin/pip install -q --require-hashes -r {lock}")


class TestSingleFile:
    @pytest.fixture
    def single(self, real, release, sim):
        """The machine with the program in its home, and an application's secret in the job."""
        shutil.copy2(release / PYZ, real.folder / "home")
        app = sim.tenant.add_application("single")
        real.environ |= {"AZURE_CLIENT_ID": app.client_id, "AZURE_CLIENT_SECRET": app.secret}
        real.environ |= {"TMPDIR": str(real.temp), "FILE": str(real.folder / "home" / PYZ)}
        return real

    @pytest.fixture
    def get_token(self, sim):
        ids = f"--server-id {sim.cluster.server_id} --tenant-id {sim.tenant.id}"
        flags = f"--authority-host {sim.authority} --disable-instance-discovery"
        return f"get-token -l spn {ids} {flags}"

    def unpacked(self, single):
        return single.folder / "home" / ".cache" / "kubeauth"

    def test_kubectl_signs_in_with_it(self, single, sim):
        (single.work / "config").write_text(single.kubeconfig())
        (single.work / "config").chmod(0o600)
        single.environ["KUBECONFIG"] = str(single.work / "config")
        ran = single.shell("$FILE convert-kubeconfig -l spn\nkubectl get nodes\nkubectl get nodes")
        assert nodes(ran) == ["node-0", "node-1"] * 2
        assert sim.requests.count(path="/oauth2/v2.0/token") == 1
        block = yaml.safe_load((single.work / "config").read_text())["users"][0]["user"]["exec"]
        assert block["command"] == single.environ["FILE"]

    @pytest.mark.parametrize("minor", range(OLDEST, NEWEST + 1))
    def test_every_python(self, single, get_token, minor):
        if not (python := find_python(minor)):
            pytest.skip(f"this machine has no Python 3.{minor}")
        ran = single.shell(f"{python} -B $FILE {get_token}")
        assert json.loads(ran.stdout)["status"]["token"]

    @pytest.mark.parametrize("minor", range(6, OLDEST))
    def test_a_python_that_is_too_old(self, single, minor):
        if not (python := find_python(minor)):
            pytest.skip(f"this machine has no Python 3.{minor}")
        with pytest.raises(JobFailed) as failed:
            single.shell(f"{python} $FILE --version")
        error, hint = failed.value.ran.stderr.splitlines()
        assert failed.value.ran.code == 8 and error.startswith("error: kubeauth: there is nothing")
        assert hint.startswith(f"hint: use CPython 3.{OLDEST}, ") and f"3.{NEWEST} on Linux" in hint

    def test_no_python(self, single):
        with pytest.raises(JobFailed) as failed:
            single.shell("PATH=/nowhere $FILE --version")
        assert failed.value.ran.code == 8
        assert failed.value.ran.stderr.startswith("error: kubeauth: there is no python3")

    def test_many_first_starts_make_one_private_folder(self, single):
        with ThreadPoolExecutor(6) as pool:
            command = [single.environ["FILE"], "--version"]
            calls = [
                pool.submit(subprocess.run, command, env=single.environ, capture_output=True)
                for _ in range(6)
            ]
        assert {call.result().stdout for call in calls} == {f"kubeauth {VERSION}\n".encode()}
        (kept,) = self.unpacked(single).iterdir()
        assert len(list(kept.iterdir())) == 2  # start.py, and what this Python needs
        assert stat.S_IMODE(kept.stat().st_mode) == 0o700
        assert not list(single.temp.glob("kubeauth-*"))

    def test_a_folder_that_others_can_write_to_is_not_used(self, single):
        single.shell("$FILE --version")
        (kept,) = self.unpacked(single).iterdir()
        (folder,) = (path for path in kept.iterdir() if path.is_dir())
        (folder / "kubeauth_plugin" / "__main__.py").write_text("raise SystemExit('planted')")
        kept.chmod(0o777)
        assert single.shell("$FILE --version").stdout == f"kubeauth {VERSION}\n"
        assert single.shell("python3 $FILE --version").stdout == f"kubeauth {VERSION}\n"

    @pytest.mark.parametrize(
        "home", ["HOME=/dev/null", "XDG_CACHE_HOME=/dev/null", "XDG_CACHE_HOME=relative"]
    )
    def test_without_a_home_nothing_is_left_behind(self, single, get_token, home):
        script = (
            f"export {home}\nexport KUBEAUTH_CACHE_DIR=$TMPDIR/tokens\nmkdir -m 700 $TMPDIR/tokens"
        )
        ran = single.shell(f"{script}\n$FILE {get_token}\n$FILE {get_token}")
        assert ran.stdout.count('"token"') == 2
        until = time.monotonic() + 20
        while list(single.temp.glob("kubeauth-*")) and time.monotonic() < until:
            time.sleep(0.05)
        assert not list(single.temp.glob("kubeauth-*")) and not list(single.work.iterdir())

    def test_a_kept_credential_needs_nothing_of_the_zip(self, single, get_token):
        first = single.shell(f"$FILE {get_token}").stdout
        file = Path(single.environ["FILE"])
        file.write_bytes(file.read_bytes().partition(b"PK\x03\x04")[0])
        assert single.shell(f"$FILE {get_token}").stdout == first
