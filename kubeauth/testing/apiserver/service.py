"""The API server: check the token, then answer (Kubernetes API concepts)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeauth.testing.apiserver import failures
from kubeauth.testing.apiserver.addresses import is_of_known_group, locate
from kubeauth.testing.apiserver.auth import Admission, Identity, Refused, impersonated
from kubeauth.testing.apiserver.bodies import Answered, body_of
from kubeauth.testing.apiserver.handler import ObjectRequest
from kubeauth.testing.apiserver.objects.resources import Resource
from kubeauth.testing.apiserver.objects.store import Store
from kubeauth.testing.apiserver.reviews import REVIEWS, review
from kubeauth.testing.apiserver.views import answer, discovery, health, is_open, openapi, openapi_v2
from kubeauth.testing.wire.http import Response

if TYPE_CHECKING:
    from kubeauth.testing.entra.cluster import Cluster
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request

_USERS = Resource("users", "User")


class ApiServer:
    """A cluster with two nodes, one pod and room for objects."""

    version = "v1.32.0"

    def __init__(self, state: EntraState, cluster: Cluster) -> None:
        self._clock = state.clock
        self._cluster = cluster
        self._admission = Admission(state, cluster)
        self.store = Store(state.clock)

    def reset(self) -> None:
        """Restore the objects of a new cluster."""
        self.store.close()
        self.store = Store(self._clock)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        authorization = request.headers.get("authorization", "")
        healthy = health(request.path, request.query)
        if healthy is not None and is_open(request.path) and not authorization:
            return healthy
        try:
            identity = self._admission.identify(authorization)
        except Refused as refusal:
            self._cluster.refusals.append(str(refusal))
            return failures.status(401, "Unauthorized", "Unauthorized")
        return healthy or self._admitted(request, identity)

    def _admitted(self, request: Request, identity: Identity) -> Response:
        """Answer a request of a user; `kubectl --as` acts for another one."""
        user = impersonated(identity, request.headers)
        if user is not identity and ("impersonate", "users") in self._cluster.forbidden:
            return failures.forbidden(_USERS, "", user.name, identity.name, "impersonate")
        document = discovery(request.path.rstrip("/"), self.version, self._cluster.server)
        document = document or openapi(request.path)
        if document is not None:
            return answer(200, document) if request.method == "GET" else failures.not_allowed()
        if request.path == "/openapi/v2" and request.method == "GET":
            old = openapi_v2(request.headers.get("accept", ""))
            return old or failures.no_such_path()
        words = request.path.strip("/").split("/")
        if len(words) == 4 and REVIEWS.get(words[3], ("",))[0] == words[1]:
            return self._review(request, user, words[3])
        target = locate(request)
        if target is None:
            known = is_of_known_group(request.path)
            return failures.no_such_resource() if known else failures.no_such_path()
        if (target.verb, target.checked.name) in self._cluster.forbidden:
            return failures.forbidden(
                target.checked, target.namespace, target.name, user.name, target.verb
            )
        return ObjectRequest(request, target, self.store, self._clock).response()

    def _review(self, request: Request, identity: Identity, name: str) -> Response:
        """Answer `kubectl auth whoami` and `kubectl auth can-i`."""
        if request.method != "POST":
            return failures.not_allowed()
        try:
            asked = body_of(request, REVIEWS[name][1])
        except Answered as refused:
            return refused.response
        done = review(name, asked, identity, self._cluster.forbidden)
        return done if isinstance(done, Response) else answer(201, done)
