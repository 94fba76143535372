"""Ask an API server who it thinks a token's bearer is.

Source: Kubernetes, "API access to authentication information for a client" (SelfSubjectReview).
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from kubeauth import _env
from kubeauth.adapters.http import HttpSession
from kubeauth.adapters.limits import LARGEST_ANSWER
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.integrations._target import tls_context
from kubeauth.kubeconfig.entry import Cluster

if TYPE_CHECKING:
    from kubeauth.adapters.answer import Answer

__all__ = ["Review", "post", "review"]

_PATH: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_QUESTION: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
# Seconds for the connection and the answer.
_LIMIT: Final = 8.0


@dataclass(frozen=True, slots=True)
class Review:
    """What came back. ``status`` is HTTP's, 0 if nothing came; ``failure`` says why not.

    ``date`` is the server's own time as it sent it, "" if it did not.
    """

    status: int
    user: str = ""
    groups: tuple[str, ...] = ()
    message: str = ""
    date: str = ""
    is_kubernetes: bool = True
    failure: RequestFailed | None = None


def review(cluster: Cluster, token: str, environ: Mapping[str, str]) -> Review:
    """Ask the API server who sends ``token``; never raise for a server that does not answer."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }
    url = cluster.server.rstrip("/") + _PATH
    try:
        session = _session(cluster, environ)
    except (ssl.SSLError, ValueError):
        reason = "the kubeconfig's certificate-authority-data holds no certificate"
        return Review(0, failure=RequestFailed(url, "answer", reason))
    try:
        answer = session.post(url, data=json.dumps(_QUESTION).encode(), headers=headers)
    except RequestFailed as failure:
        return Review(0, failure=failure)
    finally:
        session.close()
    return _read(answer)


def post(
    cluster: Cluster, token: str, environ: Mapping[str, str], path: str, content: Mapping[str, Any]
) -> Any:
    """Send a question to the API server and return its answer; None without one that is JSON."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    session = _session(cluster, environ)
    url = cluster.server.rstrip("/") + path
    try:
        return session.post(url, data=json.dumps(content).encode(), headers=headers).json()
    except (RequestFailed, ValueError):
        return None
    finally:
        session.close()


def _session(cluster: Cluster, environ: Mapping[str, str]) -> HttpSession:
    """Open a session as kubectl would: its CA, its server name, its proxy."""
    proxies = dict(environ)
    if cluster.proxy_url:
        # NOTE: the kubeconfig's proxy wins over the variables, as in client-go.
        proxies = {"HTTPS_PROXY": cluster.proxy_url, "HTTP_PROXY": cluster.proxy_url}
    proxies.pop(_env.KUBERNETES_EXEC_INFO, None)
    context = tls_context(cluster)
    session = HttpSession(
        context,
        deadline=time.monotonic() + _LIMIT,
        connect_limit=_LIMIT / 2,
        read_limit=_LIMIT / 2,
        transient=(),
        tries=1,
        proxy_environ=proxies,
        largest=LARGEST_ANSWER,
    )
    if cluster.tls_server_name:
        from kubeauth.adapters.requests_session import Adapter

        requests = session.through_requests()
        usual: Any = requests.get_adapter("https://")
        place = urlsplit(cluster.server)
        requests.mount(
            f"{place.scheme}://{place.netloc}",
            Adapter(context, usual.max_retries, server_name=cluster.tls_server_name),
        )
    return session


def _read(answer: Answer) -> Review:
    date = str(answer.headers.get("date", ""))
    try:
        content: Any = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict) or "kind" not in content:
        return Review(answer.status_code, date=date, is_kubernetes=False)
    status = content.get("status")
    who = status.get("userInfo") if isinstance(status, dict) else None
    who = who if isinstance(who, dict) else {}
    groups = who.get("groups")
    return Review(
        answer.status_code,
        user=str(who.get("username") or ""),
        groups=tuple(map(str, groups)) if isinstance(groups, list) else (),
        message=str(content.get("message") or ""),
        date=date,
    )
