"""The errors for servers without TLS, and for each way in which a certificate can be wrong."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program

DAY = dt.timedelta(days=1)
AUTHORITY = "127.0.0.1"


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Callable[..., tuple[str, str]]]:
    """Start a server whose certificate is for ``name``; return its address and its CA's file."""
    with contextlib.ExitStack() as running:

        def start(name: str, ends: dt.timedelta = DAY) -> tuple[str, str]:
            file = tmp_path / "server.pem"
            file.write_bytes(certificate(name, ends))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            address = running.enter_context(listening(lambda s: context.wrap_socket(s, True)))
            return f"https://{address}/", str(file)

        yield start


@contextlib.contextmanager
def listening(greet: Callable[[socket.socket], socket.socket]) -> Iterator[str]:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    client, _ = server.accept()
                    client.settimeout(5)
                    with client, greet(client) as greeted:
                        greeted.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        thread.join()


def certificate(name: str, ends: dt.timedelta) -> bytes:
    """A certificate that is its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
    now = dt.datetime.now(dt.timezone.utc)
    alternative: x509.GeneralName = x509.DNSName(name)
    with contextlib.suppress(ValueError):
        alternative = x509.IPAddress(ipaddress.ip_address(name))
    signed = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(own)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 10 * DAY)
        .not_valid_after(now + ends)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + signed.public_bytes(Encoding.PEM)


def ask(program: Program, spn: tuple[str, ...], address: str, *more: str):
    return program.get_token(*spn, "--authority-host", address, *more)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_hint_names_the_variable_that_wins(
    program: Program, spn, serving, tmp_path: Path, sim, name: str
) -> None:
    address, _ = serving(AUTHORITY)
    other = tmp_path / "other.pem"
    other.write_bytes(sim.ca_pem)
    # The simulator's own variables name its CA, too.
    others = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), "")
    environ = {**others, name: str(other), "SSL_CERT_FILE": str(other)}
    ran = program.get_token(*spn, "--authority-host", address, **environ)
    assert ran.code == 7 and "not trusted here" in ran.error
    assert f"in the file of {name}, which is set here and wins" in ran.stderr


def test_a_stranger(program: Program, spn, serving) -> None:
    address, _ = serving(AUTHORITY)
    ran = ask(program, spn, address)
    assert ran.code == 7 and "not trusted here" in ran.error and "--ca-file" in ran.stderr


@pytest.mark.parametrize("name", ["entra.example", "127.0.0.2"])
def test_another_name(program: Program, spn, serving, name: str) -> None:
    address, file = serving(name)
    ran = ask(program, spn, address, "--ca-file", file)
    assert ran.code == 7 and "a certificate for another name" in ran.error
    assert "--ca-file" not in ran.stderr


def test_an_old_one(program: Program, spn, serving) -> None:
    address, file = serving(AUTHORITY, ends=-DAY)
    ran = ask(program, spn, address, "--ca-file", file)
    assert ran.code == 7 and "has expired" in ran.error and "clock" in ran.stderr


def test_none_at_all(program: Program, spn) -> None:
    def plain(client: socket.socket) -> socket.socket:
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        return client

    with listening(plain) as address:
        ran = ask(program, spn, f"https://{address}/")
    assert ran.code == 7 and "does not speak TLS" in ran.error
    assert "the port" in ran.stderr and "--ca-file" not in ran.stderr


def test_a_token_proxy_is_trusted_by_the_clusters_own_certificates(
    program: Program, sim, serving, tmp_path: Path
) -> None:
    address, _ = serving(AUTHORITY)
    issuer = sim.add_issuer()
    other = tmp_path / "other.pem"
    other.write_bytes(sim.ca_pem)
    file = tmp_path / "token"
    file.write_text(issuer.mint(subject="s"))
    ran = program.get_token(
        *("-l", "workloadidentity", "-t", sim.tenant.id, "--client-id", "c"),
        *("--federated-token-file", str(file)),
        AZURE_KUBERNETES_TOKEN_PROXY=address,
        AZURE_KUBERNETES_CA_FILE=str(other),
    )
    assert ran.code == 7 and "not trusted here" in ran.error
    assert "AZURE_KUBERNETES_CA_FILE" in ran.stderr and "--ca-file" not in ran.stderr
