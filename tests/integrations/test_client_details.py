"""What single clients do besides: defaults, hooks, watches, bodies that are sent twice."""

from __future__ import annotations

import io
import subprocess
import sys
import threading

import httpx
import kubernetes.client
import kubernetes.watch
import kubernetes_asyncio.client
import pytest
import requests

import kubeauth
from kubeauth.integrations import _target
from kubeauth.integrations import httpx as for_httpx
from kubeauth.integrations import kubernetes as official
from kubeauth.integrations import kubernetes_asyncio as official_asyncio
from kubeauth.integrations import requests as for_requests


@pytest.fixture
def options(sim, principal):
    cluster = kubeauth.Cluster(sim.cluster.server, ca_data=sim.cluster.ca_pem)
    return {"cluster": cluster, "credential": principal}


CONFIG_MAP = {"metadata": {"name": "made"}, "data": {"a": "b"}}


class TestOfficial:
    @pytest.fixture
    def default(self):
        yield
        kubernetes.client.Configuration.set_default(None)
        kubernetes.client.ApiClient.set_default(None)

    @pytest.mark.usefixtures("default")
    def test_load_makes_it_the_default(self, options, sim, outside):
        with official.load(**options):
            assert kubernetes.client.CoreV1Api().list_node().items
            outside.pass_time(4000)
            with kubernetes.client.ApiClient(
                kubernetes.client.Configuration.get_default_copy()
            ) as copied:
                assert kubernetes.client.CoreV1Api(copied).list_node().items
        assert sim.cluster.refusals == []

    def test_new_client_changes_no_default(self, options):
        with official.new_client(**options):
            assert "localhost" not in kubernetes.client.Configuration.get_default_copy().host[9:]

    def test_a_configuration_keeps_itself_fresh(self, options, sim, outside):
        made = official.configuration(**options)
        with kubernetes.client.ApiClient(made) as client:
            api = kubernetes.client.CoreV1Api(client)
            for _ in range(3):
                assert api.list_node().items
                outside.pass_time(4000)
        assert sim.cluster.refusals == []

    def test_a_configuration_raises_what_prevents_a_token(self, options, sim, outside):
        with kubernetes.client.ApiClient(official.configuration(**options)) as client:
            outside.pass_time(4000)
            sim.fail_next(7000222)
            before = sim.requests.count(service="apiserver")
            with pytest.raises(kubeauth.SignInRefused):
                kubernetes.client.CoreV1Api(client).list_node()
            assert sim.requests.count(service="apiserver") == before

    def test_a_body_is_sent_again(self, options, sim, app):
        with official.new_client(**options) as client:
            api = kubernetes.client.CoreV1Api(client)
            assert api.list_node().items
            sim.revoke(app)
            body = kubernetes.client.V1ConfigMap(
                metadata=kubernetes.client.V1ObjectMeta(name="made"), data={"a": "b"}
            )
            assert api.create_namespaced_config_map("default", body).data == {"a": "b"}
        assert sim.cluster.refusals == ["revoked"]

    def test_other_refusals_are_not_repeated(self, options, sim):
        sim.cluster.forbid("list", "nodes")
        with (
            official.new_client(**options) as client,
            pytest.raises(kubernetes.client.ApiException, match="403"),
        ):
            kubernetes.client.CoreV1Api(client).list_node()
        assert sim.requests.count(service="apiserver") == 1

    @pytest.mark.slow
    def test_a_watch_goes_on_over_the_end_of_its_token(self, options, sim, outside):
        """Two hours: each part of a watch ends after a second, and forty minutes pass between."""
        with official.new_client(**options) as client:
            api = kubernetes.client.CoreV1Api(client)
            seen = []
            for part in range(4):
                body = {
                    "metadata": {"name": f"pod-{part}"},
                    "spec": {"containers": [{"name": "c"}]},
                }
                api.create_namespaced_pod("default", body)
                stream = kubernetes.watch.Watch().stream(
                    api.list_namespaced_pod, "default", timeout_seconds=1
                )
                seen += [event["object"].metadata.name for event in stream]
                outside.pass_time(2400)
        assert {f"pod-{part}" for part in range(4)} <= set(seen)
        assert sim.cluster.refusals == []

    def test_a_watch_begins_again_after_a_revocation(self, options, sim, app):
        with official.new_client(**options) as client:
            api = kubernetes.client.CoreV1Api(client)
            api.list_node()
            sim.revoke(app)
            stream = kubernetes.watch.Watch().stream(api.list_node, timeout_seconds=1)
            assert [event["type"] for event in stream] == ["ADDED", "ADDED"]
        assert sim.cluster.refusals == ["revoked"]

    def test_where_the_cluster_is(self, principal):
        cluster = kubeauth.Cluster(
            "https://10.0.0.1/", tls_server_name="api", proxy_url="http://p:1", insecure=True
        )
        made = official.configuration(cluster=cluster, credential=principal)
        assert (made.host, made.tls_server_name, made.verify_ssl) == (
            "https://10.0.0.1",
            "api",
            False,
        )
        assert made.proxy == "http://p:1" and made.ssl_ca_cert is None


async def _watched(options, sim, app):
    async with await official_asyncio.load(**options) as client:
        api = kubernetes_asyncio.client.CoreV1Api(client)
        await api.list_node()
        sim.revoke(app)
        answer = await api.list_node(_preload_content=False)
        return answer.status


def test_a_stream_of_the_asyncio_client_is_repeated(options, sim, app):
    import asyncio

    assert asyncio.run(_watched(options, sim, app)) == 200
    kubernetes_asyncio.client.Configuration.set_default(None)


class TestHttp:
    @pytest.fixture
    def session(self, options):
        with requests.Session() as session:
            session.trust_env = False
            session.verify = _target.authority_file(options["cluster"])
            session.auth = for_requests.BearerAuth(options["credential"])
            yield session

    @pytest.fixture
    def url(self, sim):
        return f"{sim.cluster.server}/api/v1/namespaces/default/configmaps"

    def test_requests_sends_a_body_again(self, session, url, sim, app):
        assert session.get(url).ok
        sim.revoke(app)
        answer = session.post(url, json=CONFIG_MAP)
        assert answer.status_code == 201 and [r.status_code for r in answer.history] == [401]

    def test_requests_does_not_send_a_stream_again(self, session, url, sim, app):
        assert session.get(url).ok
        sim.revoke(app)
        answer = session.post(url, data=io.BytesIO(b'{"metadata": {"name": "x"}}'))
        assert answer.status_code == 401

    def test_httpx_sends_a_body_again(self, options, url, sim, app):
        with for_httpx.load(**options) as client:
            assert client.get(url).is_success
            sim.revoke(app)
            assert client.post(url, json=CONFIG_MAP).status_code == 201

    def test_httpx_takes_it_for_one_request(self, options, sim):
        context = _target.tls_context(options["cluster"])
        with httpx.Client(verify=context, trust_env=False) as client:
            auth = for_httpx.BearerAuth(options["credential"])
            assert client.get(f"{sim.cluster.server}/version", auth=auth).is_success
            assert client.get(f"{sim.cluster.server}/version").status_code == 401

    def test_a_token_is_not_carried_to_another_host(self, session, options, sim):
        """A redirect to another origin is followed without the token, and without a new one."""
        from http.server import BaseHTTPRequestHandler, HTTPServer

        heard = []

        class Elsewhere(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/go":
                    self.send_response(302)
                    self.send_header("Location", f"http://localhost:{server.server_port}/there")
                else:
                    heard.append(self.headers.get("Authorization"))
                    self.send_response(401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}/go"
            assert session.get(url).status_code == 401
            with httpx.Client(
                auth=for_httpx.BearerAuth(options["credential"]), follow_redirects=True
            ) as client:
                assert client.get(url).status_code == 401
            server.shutdown()
        assert heard == [None, None]


CLIENTS = {"kubernetes", "kubernetes_asyncio", "kr8s", "lightkube", "httpx"}


@pytest.mark.imports
@pytest.mark.process
@pytest.mark.parametrize("name", [*sorted(CLIENTS), ""])
def test_only_its_own_client_is_imported(name):
    use = f".{name}" if name else ""
    code = f"import kubeauth, sys; kubeauth.integrations{use}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    found = CLIENTS & set(done.stdout.split())
    # kr8s is built on httpx.
    assert found - {name} <= ({"httpx"} if name in ("kr8s", "lightkube") else set())


@pytest.mark.process
@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_a_client_that_is_not_installed_is_named(name):
    """What the module imports first need not be what is missing for the reader."""
    code = (
        "import sys, kubeauth\n"
        f"sys.modules['{name}'] = sys.modules['anyio'] = None\n"
        f"kubeauth.integrations.{name}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"needs the package {name} (pip install {name})" in done.stderr.splitlines()[-1]


def test_a_client_that_nobody_knows():
    with pytest.raises(AttributeError, match="pykube"):
        _ = kubeauth.integrations.pykube
    assert dir(kubeauth.integrations) == kubeauth.integrations.__all__


def test_an_option_that_there_is_not_is_named_instead_of_ignored(options):
    with pytest.raises(TypeError, match=r"client_id.*from_kubeconfig"):
        official.new_client(**options, client_id="somebody")
