"""Outside OpenID Connect issuers: a Kubernetes cluster, GitHub, GitLab."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ._directory import EXCHANGE_AUDIENCE
from ._http import Response, json_response
from ._jwt import Signer, rsa_key

if TYPE_CHECKING:
    from ._clock import Clock
    from ._http import Request


class Issuer:
    """Signs the tokens of workloads; `url` is their `iss`.

    Its discovery document and keys (OpenID Connect Discovery 1.0) are served by the simulator,
    below `path`, even when `url` names another host.
    """

    def __init__(self, path: str, url: str, base: str, clock: Clock) -> None:
        self.url = url
        self.path = path
        self._base = base
        self._clock = clock
        self._signer = Signer(rsa_key("issuer"))

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

    def __call__(self, request: Request) -> Response:
        """Answer the two addresses that an identity provider asks."""
        rest = request.path.removeprefix(self.path)
        if request.method != "GET":
            return Response(405)
        if rest == "/.well-known/openid-configuration":
            return json_response(
                200,
                {
                    "issuer": self.url,
                    "jwks_uri": f"{self._base}{self.path}/keys",
                    "response_types_supported": ["id_token"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                },
            )
        if rest == "/keys":
            return json_response(200, self._signer.jwks())
        return Response(404)
