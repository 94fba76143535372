"""The one HTTP session: limits, bounded retries, whose certificates count, which proxy."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from harness import not_in_wine

from kubeauth.adapters.http import open_session
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.errors import SettingsError
from kubeauth.testing import Fault


@pytest.fixture
def url(sim):
    return f"{sim.authority}{sim.tenant.id}/v2.0/.well-known/openid-configuration"


@pytest.fixture(params=["direct", "through requests"])
def open_(sim, request):
    """Open sessions that trust the simulator, and close them; each way a request can go."""
    opened = []

    def call(**options):
        options = {"environ": {}, "ca_file": str(sim.ca_file), "limit": 20.0, **options}
        opened.append(open_session(**options))
        if request.param != "direct":
            opened[-1].through_requests()
        return opened[-1]

    yield call
    for session in opened:
        session.close()


@contextlib.contextmanager
def listener(headers, parts, pause=0.0, end=b"\r\n\r\n"):
    """A server that answers each request with ``parts`` of a body, and hangs up."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)

        def serve():
            while not stop.is_set():
                try:
                    client, _ = server.accept()
                except TimeoutError:
                    continue
                with client, contextlib.suppress(OSError):
                    client.settimeout(None)
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 200 OK\r\n" + headers + end)
                    for part in parts:
                        client.sendall(part)
                        if stop.wait(pause):
                            break

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        stop.set()
        thread.join()


class TestRetries:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    def test_trouble_that_passes_is_not_seen(self, sim, url, open_, status):
        sim.faults.add(Fault(service="entra", status=status, times=1))
        assert open_().get(url).status_code == 200
        assert len(sim.requests) == 2

    @pytest.mark.parametrize("status", [400, 401, 403, 404])
    def test_a_no_is_a_no(self, sim, url, open_, status):
        sim.faults.add(Fault(service="entra", status=status, times=1))
        assert open_().get(url).status_code == status
        assert len(sim.requests) == 1

    def test_a_post_is_repeated_too(self, sim, open_):
        sim.faults.add(Fault(service="entra", status=503, times=1))
        answer = open_().post(f"{sim.authority}{sim.tenant.id}/oauth2/v2.0/token", data={})
        assert answer.status_code in (400, 401) and len(sim.requests) == 2

    def test_a_lost_connection_is_made_again(self, sim, url, open_):
        sim.faults.add(Fault(service="entra", reset=True, times=1))
        assert open_().get(url).status_code == 200

    def test_trouble_that_lasts_is_handed_out_after_a_few_tries(self, sim, url, open_):
        sim.faults.add(Fault(service="entra", status=503, times=None))
        begun = time.monotonic()
        assert open_().get(url).status_code == 503
        assert time.monotonic() - begun < 10
        assert 2 <= len(sim.requests) <= 5

    def test_a_servers_wish_is_granted(self, sim, url, open_):
        sim.faults.add(Fault(service="entra", status=429, headers={"Retry-After": "1"}, times=1))
        begun = time.monotonic()
        assert open_().get(url).status_code == 200
        assert time.monotonic() - begun >= 1

    @pytest.mark.parametrize("wish", ["3600", "Fri, 31 Dec 2027 23:59:59 GMT"])
    def test_but_not_one_for_an_hour(self, sim, url, open_, wish):
        sim.faults.add(
            Fault(service="entra", status=429, headers={"Retry-After": wish}, times=None)
        )
        begun = time.monotonic()
        try:
            answer = open_().get(url)
        except RequestFailed:
            pass
        else:
            assert answer.status_code == 429
        assert time.monotonic() - begun < 2 and len(sim.requests) == 1

    def test_nothing_goes_on_after_the_limit(self, sim, url, open_):
        sim.faults.add(Fault(service="entra", hang=30, times=None))
        begun = time.monotonic()
        with pytest.raises(RequestFailed):
            open_(limit=1.0).get(url)
        assert time.monotonic() - begun < 5

    @pytest.mark.parametrize(
        "wish", ["soon", "-5", "", "9" * 5000, "Fri, 31 Dec 99999 23:59:59 GMT"]
    )
    def test_a_wish_that_makes_no_sense_is_passed_over(self, sim, url, open_, wish):
        sim.faults.add(Fault(service="entra", status=429, headers={"Retry-After": wish}))
        assert open_().get(url).status_code == 200

    @pytest.mark.slow
    def test_the_limit_is_for_all_tries_together(self, sim, url, open_):
        sim.faults.add(Fault(service="entra", hang=60, times=None))
        begun = time.monotonic()
        with pytest.raises(RequestFailed):
            open_(limit=4.0, read_limit=3.0).get(url)
        assert time.monotonic() - begun < 5.9, "two tries of three seconds each"

    @pytest.mark.slow
    def test_the_limit_is_for_all_requests_together(self, sim, url, open_):
        session = open_(limit=4.0)
        assert session.get(url).status_code == 200
        time.sleep(2)
        sim.faults.add(Fault(service="entra", hang=60, times=None))
        begun = time.monotonic()
        with pytest.raises(RequestFailed):
            session.get(url)
        assert time.monotonic() - begun < 3.9, "the first request has used some of it up"

    @pytest.mark.parametrize("part", ["headers", "body"])
    def test_an_answer_byte_by_byte_ends_too(self, open_, part):
        """Ten bytes a second: each comes in time, and all of them never would."""
        slow = [b"x"] * 1000
        headers = b"X-Long: " if part == "headers" else b"Content-Length: 1000\r\n\r\n"
        begun = time.monotonic()
        answering = listener(headers, slow, 0.1, end=b"")
        with answering as address, pytest.raises(RequestFailed) as caught:
            open_(limit=1.0).get(address)
        assert caught.value.kind == "timeout"
        assert time.monotonic() - begun < 2.5

    @pytest.mark.parametrize("cut", ["Content-Length", "Transfer-Encoding"])
    def test_an_answer_that_is_cut_off_is_none(self, open_, cut):
        header = {"Content-Length": "1000", "Transfer-Encoding": "chunked"}[cut]
        body = b"{}" if cut == "Content-Length" else b"2\r\n{}\r\n"
        answering = listener(f"{cut}: {header}".encode(), [body])
        with answering as address, pytest.raises(RequestFailed):
            open_().get(address)

    def test_answers_arrive_whole_however_they_are_sent(self, open_):
        packed = gzip.compress(b"x" * 100_000)
        parts = [packed[:10], packed[10:]]
        length = f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}".encode()
        with listener(length, parts) as address:
            assert open_().get(address).content == b"x" * 100_000

    @pytest.mark.parametrize("status", [404, 410, 500])
    def test_a_metadata_service_may_be_updating(self, sim, open_, status):
        sim.faults.add(Fault(service="imds", status=status, times=1))
        open_(machine=True, imds=True).get(f"{sim.imds_url}/metadata/identity/oauth2/token")
        assert len(sim.requests) == 2

    def test_a_machine_without_metadata_is_known_soon(self, open_):
        begun = time.monotonic()
        with pytest.raises(RequestFailed):
            open_(machine=True, imds=True, limit=5.0).get("http://127.0.0.1:9/metadata")
        assert time.monotonic() - begun < 8


class TestTrust:
    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_each_variable_names_certificates(self, sim, url, open_, name):
        session = open_(ca_file="", environ={name: str(sim.ca_file)})
        assert session.get(url).status_code == 200

    def test_the_flag_wins_over_variables(self, sim, url, open_):
        session = open_(environ={"SSL_CERT_FILE": "/nonexistent", "REQUESTS_CA_BUNDLE": "/none"})
        assert session.get(url).status_code == 200

    def test_an_empty_variable_counts_as_unset(self, sim, url, open_):
        environ = {"REQUESTS_CA_BUNDLE": "", "SSL_CERT_FILE": str(sim.ca_file)}
        assert open_(ca_file="", environ=environ).get(url).status_code == 200

    @not_in_wine
    def test_the_systems_certificates_do_not_include_a_strangers(self, url, open_):
        with pytest.raises(RequestFailed) as caught:
            open_(ca_file="").get(url)
        assert caught.value.kind == "tls"

    @not_in_wine
    def test_the_variables_of_the_process_are_not_asked_behind_its_back(
        self, sim, url, open_, monkeypatch
    ):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sim.ca_file))
        with pytest.raises(RequestFailed) as caught:
            open_(ca_file="").get(url)
        assert caught.value.kind == "tls"

    @not_in_wine
    def test_checking_cannot_be_switched_off(self, url, open_):
        with pytest.raises(RequestFailed) as caught:
            open_(ca_file="").get(url, verify=False)
        assert caught.value.kind == "tls"

    def test_old_versions_of_tls_are_not_spoken(self, open_):
        context = open_().through_requests().get_adapter("https://x/").context
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname

    @pytest.mark.parametrize("content", [None, b"", b"no certificate"])
    def test_certificates_that_cannot_be_read_are_named(self, tmp_path, content):
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_bytes(content)
        for source, options in (
            ("--ca-file", {"ca_file": str(file), "environ": {}}),
            ("SSL_CERT_FILE", {"environ": {"SSL_CERT_FILE": str(file)}}),
        ):
            with pytest.raises(SettingsError, match=source) as caught:
                open_session(**options)
            assert str(file) in str(caught.value) and source in caught.value.hint


class _Recorder(BaseHTTPRequestHandler):
    """Gives the answers of a test, and records the requests."""

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def recorder():
    with HTTPServer(("127.0.0.1", 0), _Recorder) as server:
        server.asked, server.status = [], 200
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def at(server):
    return f"http://127.0.0.1:{server.server_port}"


class TestWhereItGoes:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_an_answer_and_not_followed(self, recorder, open_, status):
        recorder.status = status
        assert open_().get(at(recorder) + "/token", allow_redirects=True).status_code == status
        assert len(recorder.asked) == 1

    def test_no_password_of_a_netrc_is_sent(self, recorder, open_, tmp_path, monkeypatch):
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password s3cr3t\n")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        open_().get(at(recorder))
        assert "Authorization" not in recorder.asked[0][1]

    @pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
    def test_the_proxy_is_that_of_the_environment_given(self, recorder, open_, name):
        environ = {name: at(recorder), "no_proxy": "127.0.0.1"}
        session = open_(environ=environ, limit=2.0)
        assert session.get("http://entra.invalid/x").status_code == 200
        assert recorder.asked[0][0] == "http://entra.invalid/x"
        assert session.get(at(recorder) + "/direct").status_code == 200
        assert recorder.asked[1][0] == "/direct"

    def test_the_proxy_of_the_process_is_not_used(self, recorder, open_, monkeypatch):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert open_().get(at(recorder)).status_code == 200

    def test_a_metadata_service_is_never_asked_through_a_proxy(self, recorder, open_):
        session = open_(machine=True, environ={"http_proxy": "http://127.0.0.1:9"})
        assert session.get(at(recorder)).status_code == 200
