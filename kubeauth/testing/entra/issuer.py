"""Outside OpenID Connect issuers: a Kubernetes cluster, GitHub, Azure Pipelines, GitLab.

Sources: OpenID Connect Discovery 1.0; GitHub, "OpenID Connect reference"; Azure DevOps REST API,
"Oidctoken - Create".
"""

from __future__ import annotations

import secrets as random
import uuid
from typing import TYPE_CHECKING, Any

from kubeauth.testing.entra.directory import EXCHANGE_AUDIENCE
from kubeauth.testing.wire.http import Response, json_response
from kubeauth.testing.wire.jwt import Signer, rsa_key

if TYPE_CHECKING:
    from kubeauth.testing.wire.clock import Clock
    from kubeauth.testing.wire.http import Request


class Issuer:
    """Signs the tokens of workloads; `url` is their `iss`.

    The simulator serves its discovery document and keys (OpenID Connect Discovery 1.0) below
    `path`, even if `url` names another host.
    """

    def __init__(self, path: str, url: str, base: str, clock: Clock) -> None:
        self.url = url
        self.path = path
        self._base = base
        self._clock = clock
        self._signer = Signer(rsa_key("issuer"))
        self._jobs: dict[str, str] = {}

    def __repr__(self) -> str:
        """Return the URL."""
        return f"Issuer({self.url!r})"

    def mint(
        self,
        *,
        subject: str,
        audience: str = EXCHANGE_AUDIENCE,
        expires_in: float = 600,
        **claims: Any,
    ) -> str:
        """Return a signed token for `subject`, valid for `expires_in` seconds from now."""
        now = int(self._clock.now())
        return self._signer.sign(
            {
                "iss": self.url,
                "sub": subject,
                "aud": audience,
                "iat": now,
                "nbf": now,
                "exp": int(now + expires_in),
                "jti": str(uuid.uuid4()),
                **claims,
            }
        )

    @property
    def signer(self) -> Signer:
        """The key that signs, and verifies, this issuer's tokens."""
        return self._signer

    def github_actions(self, subject: str) -> dict[str, str]:
        """Return the variables with which a GitHub Actions job gets its token."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self._base}{self.path}/github?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self._job(subject),
        }

    def azure_pipelines(self, subject: str) -> dict[str, str]:
        """Return the variables with which an Azure Pipelines task gets its token."""
        return {
            "TF_BUILD": "True",
            "SYSTEM_OIDCREQUESTURI": f"{self._base}{self.path}/pipelines",
            "SYSTEM_ACCESSTOKEN": self._job(subject),
        }

    def _job(self, subject: str) -> str:
        credential = random.token_urlsafe(24)
        self._jobs[credential] = subject
        return credential

    def __call__(self, request: Request) -> Response:
        """Answer identity providers that verify a token, and jobs that ask for one."""
        rest = request.path.removeprefix(self.path)
        if (request.method, rest) == ("GET", "/.well-known/openid-configuration"):
            return json_response(200, self._metadata())
        if (request.method, rest) == ("GET", "/keys"):
            return json_response(200, self._signer.jwks())
        if (request.method, rest) not in (("GET", "/github"), ("POST", "/pipelines")):
            return Response(404)
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        subject = self._jobs.get(credential)
        if scheme.lower() != "bearer" or subject is None:
            return json_response(401, {"message": "The job's credential is not valid."})
        if "api-version" not in request.query:
            return json_response(400, {"message": "No api-version was supplied."})
        if rest == "/github":
            audience = request.query.get("audience", "https://github.com/octo")
            return json_response(200, {"value": self.mint(subject=subject, audience=audience)})
        if not request.query.get("serviceConnectionId"):
            return json_response(400, {"message": "No serviceConnectionId was supplied."})
        return json_response(200, {"oidcToken": self.mint(subject=subject)})

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self._base}{self.path}/keys",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
