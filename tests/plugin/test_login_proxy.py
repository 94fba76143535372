"""Signing in through a proxy that tunnels (CONNECT), as companies have it."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from kubeauth.testing import Fault, Simulator

pytestmark = pytest.mark.process

if TYPE_CHECKING:
    from harness import Program


class Proxy:
    """A proxy on loopback that notes where it is asked to tunnel to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.refuses = False
        # Hosts that lead to another one, so that a test can have a name of Azure's.
        self.elsewhere: dict[str, str] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._tunnel, args=(client,), daemon=True).start()

    def _tunnel(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            self.heads.append(head.decode())
            method, target, _ = head.split(b"\r\n")[0].decode().split()
            self.asked.append(f"{method} {target}")
            if self.refuses:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return
            host, _, port = target.rpartition(":")
            place = (self.elsewhere.get(host, host), int(port))
            with socket.create_connection(place) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=copy, args=(server, client), daemon=True)
                back.start()
                copy(client, server)
                back.join()

    def close(self) -> None:
        self._listener.close()


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


class Socks(Proxy):
    """A SOCKS 5 proxy (RFC 1928), with a user name and a password (RFC 1929) if it has a user."""

    user, reply = b"", 0

    def _tunnel(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            methods = client.recv(4096)[2:]
            wanted = 2 if self.user else 0
            if wanted not in methods:
                client.sendall(b"\x05\xff")
                return
            client.sendall(bytes([5, wanted]))
            if self.user:
                sent = client.recv(4096)
                client.sendall(b"\x01" + bytes([sent[2 : 2 + sent[1]] != self.user]))
            request = client.recv(4096)
            kind, length = request[3], request[4]
            assert kind == 3, "the name is looked up before the proxy sees it"
            host, port = request[5 : 5 + length].decode(), int.from_bytes(request[-2:], "big")
            self.asked.append(f"CONNECT {host}:{port}")
            client.sendall(bytes([5, self.reply, 0, 1, 0, 0, 0, 0, 0, 0]))
            if self.reply == 0:
                with socket.create_connection((host, port)) as server:
                    back = threading.Thread(target=copy, args=(server, client), daemon=True)
                    back.start()
                    copy(client, server)
                    back.join()


@pytest.fixture
def socks() -> Iterator[Socks]:
    running = Socks()
    running.url = running.url.replace("http:", "socks5:")
    yield running
    running.close()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks_is_a_proxy_too(
    program: Program, sim: Simulator, spn: tuple[str, ...], socks: Socks, name: str, scheme: str
) -> None:
    url = socks.url.replace("socks5", scheme)
    assert program.get_token(*spn, **{name: url}).status["token"]
    assert socks.asked and set(socks.asked) == {f"CONNECT {sim.authority[8:-1]}"}


def test_a_socks_proxy_that_knows_its_users(
    program: Program, spn: tuple[str, ...], socks: Socks
) -> None:
    """The hint, followed to the letter."""
    socks.user = b"dana"
    ran = program.get_token(*spn, HTTPS_PROXY=socks.url, limit=90)
    assert ran.code == 7 and "as socks5://USER:PASSWORD@HOST:PORT" in ran.stderr
    followed = socks.url.replace("://", "://dana:p%40ss@")
    assert program.get_token(*spn, HTTPS_PROXY=followed).status["token"]


def test_what_a_socks_proxy_answers_is_shown(
    program: Program, spn: tuple[str, ...], socks: Socks
) -> None:
    socks.reply = 4
    ran = program.get_token(*spn, HTTPS_PROXY=socks.url, limit=90)
    assert "through the proxy (host unreachable)" in ran.error and ran.code == 7


def test_what_is_no_proxy_is_named(program: Program, spn: tuple[str, ...]) -> None:
    ran = program.get_token(*spn, HTTPS_PROXY="proxy:s3cret:8080")
    assert ran.error.startswith("error: HTTPS_PROXY: its value is not") and ran.code == 2
    assert "unset HTTPS_PROXY" in ran.stderr and "s3cret" not in ran.stderr
    assert program.get_token(*spn).status["token"]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    running = Proxy()
    yield running
    running.close()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_proxy_is_taken_from_the_variables(
    program: Program, sim: Simulator, spn: tuple[str, ...], proxy: Proxy, name: str
) -> None:
    assert program.get_token(*spn, **{name: proxy.url}).status["token"]
    assert proxy.asked and set(proxy.asked) == {f"CONNECT {sim.authority[8:-1]}"}


def test_no_proxy_is_heeded(program: Program, spn: tuple[str, ...], proxy: Proxy) -> None:
    ran = program.get_token(*spn, HTTPS_PROXY=proxy.url, NO_PROXY="localhost,127.0.0.1")
    assert ran.status["token"] and not proxy.asked


def test_a_proxy_that_refuses_is_told(program: Program, spn: tuple[str, ...], proxy: Proxy) -> None:
    proxy.refuses = True
    ran = program.get_token(*spn, HTTPS_PROXY=proxy.url, limit=90)
    assert "proxy (407 Proxy Authentication Required)" in ran.error and ran.code == 7
    assert "give user and password in the proxy's variable" in ran.stderr
    assert len(proxy.asked) == 1, "a wrong password may be counted"


def test_a_user_of_a_domain(program: Program, spn: tuple[str, ...], proxy: Proxy) -> None:
    """The hint for a backslash, followed to the letter."""
    as_typed = proxy.url.replace("://", "://CORP\\dana:p@ss@")
    ran = program.get_token(*spn, HTTPS_PROXY=as_typed)
    assert ran.code == 7 and "write %5C for a backslash and %40 for @" in ran.stderr
    followed = proxy.url.replace("://", "://CORP%5Cdana:p%40ss@")
    assert program.get_token(*spn, HTTPS_PROXY=followed).status["token"]
    sent = base64.b64encode(b"CORP\\dana:p@ss").decode()
    assert f"Basic {sent}" in proxy.heads[-1]


def test_an_own_authority_without_internet(
    program: Program, sim: Simulator, spn: tuple[str, ...]
) -> None:
    """The hint names the flag that helps; with it the authority alone is asked."""
    closed = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1"}
    flag = "--disable-instance-discovery"
    without = [each for each in program.always if each != flag]
    ran = program("get-token", *without, *spn, **closed)
    assert ran.code == 7 and f"if you trust {sim.authority}" in ran.stderr and flag in ran.stderr
    assert program.get_token(*spn, **closed).status["token"]


def test_a_connection_that_is_lost_in_the_tunnel_is_made_again(
    program: Program, sim: Simulator, spn: tuple[str, ...], proxy: Proxy
) -> None:
    sim.faults.add(Fault(service="entra", path="/token", reset=True))
    assert program.get_token(*spn, HTTPS_PROXY=proxy.url).status["token"]
    assert len(proxy.asked) >= 2


def test_one_that_is_always_lost_is_told(
    program: Program, sim: Simulator, spn: tuple[str, ...], proxy: Proxy
) -> None:
    sim.faults.add(Fault(service="entra", path="/token", reset=True, times=None))
    ran = program.get_token(*spn, HTTPS_PROXY=proxy.url, limit=90)
    assert ran.code == 7 and "cannot be reached" in ran.error
    assert "check the network" in ran.stderr and "HTTPS_PROXY" in ran.stderr


def test_a_proxy_that_is_not_there_is_told(program: Program, spn: tuple[str, ...]) -> None:
    ran = program.get_token(*spn, HTTPS_PROXY="http://127.0.0.1:9", limit=90)
    assert "proxy" in ran.error and ran.code == 7


def test_managed_identity_never_goes_through_it(
    program: Program, sim: Simulator, proxy: Proxy
) -> None:
    identity = sim.add_managed_identity(sim.tenant)
    everywhere = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"), proxy.url)
    ran = program.get_token("-l", "msi", "--client-id", identity.client_id, **everywhere)
    assert ran.status["token"] and not proxy.asked
