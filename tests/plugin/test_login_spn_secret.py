"""A client secret that is in a file, in a variable of one's own choice, or in the keyring."""

from __future__ import annotations

import json
import sys
from hashlib import blake2b
from pathlib import Path

import pytest
from harness import Program

from kubeauth.cache.storage.checked import unpacked
from kubeauth.testing import Application, Simulator

pytestmark = pytest.mark.process


@pytest.fixture
def identity(sim: Simulator, app: Application) -> tuple[str, ...]:
    return ("-l", "spn", "--tenant-id", sim.tenant.id, "--client-id", app.client_id)


@pytest.fixture
def keyring(tmp_path: Path, app: Application, program: Program) -> Path:
    """A keyring with one item, as a backend of our own; the file that holds its secret."""
    file = tmp_path / "item"
    file.write_text(app.secret)
    (tmp_path / "one_item.py").write_text(
        "from keyring.backend import KeyringBackend\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 9\n"
        "    def get_password(self, service, username):\n"
        "        if (service, username) == ('aks', 'ci'):\n"
        f"            return open({str(file)!r}).read()\n"
        "    def set_password(self, service, username, password): raise NotImplementedError\n"
    )
    # The installed command takes nothing from PYTHONPATH.
    program.command = (sys.executable, "-m", "kubeauth_plugin")
    program.environ["PYTHONPATH"] = str(tmp_path)
    program.environ["PYTHON_KEYRING_BACKEND"] = "one_item.Keyring"
    return file


def test_a_file(
    program: Program, app: Application, identity: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(app.secret + "\n")
    flags = (*identity, "--client-secret-file", str(file))
    first = program.get_token(*flags).status["token"]
    assert program.get_token(*flags).status["token"] == first
    file.write_text("another")
    assert "AADSTS7000215" in program.get_token(*flags).error


def test_a_variable(program: Program, app: Application, identity: tuple[str, ...]) -> None:
    flags = (*identity, "--client-secret-env", "CI_SECRET")
    first = program.get_token(*flags, CI_SECRET=app.secret).status["token"]
    assert program.get_token(*flags, CI_SECRET=app.secret).status["token"] == first
    assert "AADSTS7000215" in program.get_token(*flags, CI_SECRET="another").error
    assert "CI_SECRET is not set" in program.get_token(*flags).error


@pytest.mark.usefixtures("keyring")
def test_a_keyring(program: Program, app: Application, identity: tuple[str, ...]) -> None:
    assert program.get_token(*identity, "--client-secret-keyring", "aks/ci").status["token"]
    ran = program.get_token(*identity, "--client-secret-keyring", "aks/nobody")
    assert "no item aks/nobody" in ran.error
    assert "names no item" in program.get_token(*identity, "--client-secret-keyring", "aks").error


class TestRefusedKeyring:
    """What is remembered of a refusal has to tell whether the keyring has another secret since."""

    FLAGS = ("--client-secret-keyring", "aks/ci")

    def test_another_secret_is_tried_at_once(
        self, program: Program, app: Application, identity: tuple[str, ...], keyring: Path
    ) -> None:
        keyring.write_text("wrong")
        for _ in range(3):
            assert "AADSTS7000215" in program.get_token(*identity, *self.FLAGS).error
        keyring.write_text(app.secret)
        assert program.get_token(*identity, *self.FLAGS).status["token"]

    def test_the_secret_cannot_be_guessed_from_it(
        self, program: Program, identity: tuple[str, ...], keyring: Path
    ) -> None:
        """A fast digest would let its reader try millions of secrets each second."""
        keyring.write_text("short")
        assert "AADSTS7000215" in program.get_token(*identity, *self.FLAGS).error
        (record,) = program.cache.glob("*.failed.json")
        kept = unpacked(record.read_bytes())["evidence"]
        texts = (b"short", b"the keyring's item aks/ci\0short")
        sizes = (8, 16, 32, 64)
        assert kept
        assert kept not in [blake2b(t, digest_size=n).hexdigest() for t in texts for n in sizes]


def test_no_keyring(program: Program, identity: tuple[str, ...]) -> None:
    program.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    ran = program.get_token(*identity, "--client-secret-keyring", "aks/ci")
    assert "no usable keyring" in ran.error and "--client-secret-file" in ran.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_an_encoding_of_windows(
    program: Program, app: Application, identity: tuple[str, ...], tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(f"{app.secret}\r\n".encode(encoding))
    assert program.get_token(*identity, "--client-secret-file", str(file)).status["token"]


def test_a_variable_with_a_line_break_at_its_end(
    program: Program, app: Application, identity: tuple[str, ...]
) -> None:
    flags = (*identity, "--client-secret-env", "CI_SECRET")
    assert program.get_token(*flags, CI_SECRET=app.secret + "\r\n").status["token"]


@pytest.mark.parametrize(
    "content", [None, "", b"\xff\xfe", b"\xef\xbb\xbf\r\n", b"\0" * 8, "one\ntwo\n", "a\x1b[0mb"]
)
def test_a_file_that_has_none(
    program: Program, identity: tuple[str, ...], tmp_path: Path, content: str | bytes | None
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = program.get_token(*identity, "--client-secret-file", str(file))
    assert str(file) in ran.error


def test_converting_writes_where_it_is_and_never_what(
    program: Program, sim: Simulator, app: Application, tmp_path: Path
) -> None:
    config, secret = tmp_path / "config", tmp_path / "secret"
    config.write_text(sim.kubeconfig("exec", "prod"))
    secret.write_text(app.secret)
    ran = program(
        *("convert-kubeconfig", "--kubeconfig", str(config), "-l", "spn"),
        *("--client-id", app.client_id, "--client-secret-file", str(secret)),
        AZURE_CLIENT_SECRET=app.secret,
    )
    assert ran.code == 0, ran.stderr
    assert f'"--client-secret-file"\n      - {json.dumps(str(secret))}' in config.read_text()
    assert app.secret not in config.read_text()


def test_a_program_in_python_that_never_gives_up(
    program: Program, sim: Simulator, app: Application, identity: tuple[str, ...], tmp_path: Path
) -> None:
    """Nobody is at a terminal here, and the caller is Python, as a controller may be."""
    file = tmp_path / "secret"
    file.write_text("wrong")
    flags = (*identity, "--client-secret-file", str(file))
    for _ in range(4):
        assert "AADSTS7000215" in program.get_token(*flags).error
    assert sim.requests.count(service="entra", path="/oauth2/v2.0/token") == 2
    file.write_text(app.secret)
    assert program.get_token(*flags).status["token"]
