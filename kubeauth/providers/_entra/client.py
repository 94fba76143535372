"""Sign in with an authority through MSAL, and turn MSAL's failures into kubeauth's errors.

A sign-in takes one request: ``http`` answers MSAL's discovery of a known authority's endpoints, and
MSAL starts with an empty cache.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from kubeauth import _env
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.adapters.unreachable import ca_places, unreachable
from kubeauth.clouds import KNOWN_AUTHORITY_HOSTS
from kubeauth.errors import KubeauthError, SignInError, SignInRefused, Throttled, Unreachable
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings
from kubeauth.providers._entra.http import HttpClient
from kubeauth.providers._entra.lean_msal import load_msal
from kubeauth.providers._entra.refusals import WRONG_KIND, refusal
from kubeauth.providers._http_session import session_for
from kubeauth.sanitize import sanitized
from kubeauth.system import System
from kubeauth.token import AccessToken, epoch, token_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    import msal

    from kubeauth.pop.key import ProofKey
    from kubeauth.providers._entra.binding import Binding

__all__ = ["EntraClient"]

# MSAL logs the whole of an answer that it cannot read; without a handler Python would print it.
logging.getLogger("msal").addHandler(logging.NullHandler())

# How long a server may make us wait before we ask again about a device code, in seconds.
_LONGEST_INTERVAL: Final = 60
_TOO_MANY_REQUESTS: Final = 429
# What MSAL must not turn into an exception of its own while a token is refreshed.
_ANY_EXCEPTION: Final = (Exception,)
# How MSAL fails over answers that are JSON and yet make no sense.
_FAILURES: Final = (
    ValueError,
    RuntimeError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
)


class EntraClient:
    """A sign-in in progress with the authority and the tenant of ``settings``.

    ``limit`` bounds it in seconds; None means the limit of a sign-in without a person. ``login`` is
    the login's name for the hints of errors. ``proof`` is the key to bind tokens to. ``binding`` is
    the proxy that gets the requests instead of the authority.
    """

    def __init__(
        self,
        settings: Settings,
        authority: str,
        system: System,
        limit: float | None = None,
        proof: ProofKey | None = None,
        binding: Binding | None = None,
    ) -> None:
        self._settings = settings
        self._authority = authority + settings.tenant_id
        # The variable is set by who runs the machine or the cluster, who need not be doubted, and
        # for Azure's SDKs, which ask no further where an Entra ID's endpoints are.
        by_machine = settings.origins.get("authority_host") == _env.AZURE_AUTHORITY_HOST
        known = by_machine or urlsplit(authority).hostname in KNOWN_AUTHORITY_HOSTS
        self._known = known and settings.tenant_id != "adfs"
        self._system = system
        self._msal = load_msal(lean=system.owns_process)
        self.login = settings.login
        # The person who signs in, "" if they are not known yet.
        self.person = settings.login_hint
        # What must not be shown, should the authority quote it.
        self._secrets = settings.secrets
        # What every token request says besides what MSAL knows of.
        self.data = {} if proof is None else proof.request_fields
        session = session_for(settings, system, limit=limit)
        # Where to say whose certificates count.
        self._trust = ca_places(system.environ)
        if binding is not None:
            self._trust = binding.ca_places
            # The authority itself is never asked, and need not be reached.
            binding.mount(session)
            self._known = True
        forward = binding.address if binding is not None else None
        self._http = HttpClient(session, authority, discover=not self._known, forward=forward)
        self._throttled: dict[str, Any] = {}

    @property
    def what(self) -> str:
        """Who signs in and in which tenant, for the beginning of an error."""
        settings = self._settings
        where = f"in tenant {settings.tenant_id}"
        if find_login(self.login).human:
            who = f"as {self.person}" if self.person else "of a person"
            purpose = f" to {self._system.purpose}" if self._system.purpose else ""
            return f"sign-in {who}{purpose} {where}"
        return f"sign-in as {settings.username or settings.client_id} {where}"

    def confidential_application(self, credential: Any) -> msal.ConfidentialClientApplication:
        """Return MSAL's client for an application that has a credential of its own.

        ``credential`` is what MSAL's ``client_credential`` is. Raises SignInError.
        """
        return self._run(
            lambda: self._msal.ConfidentialClientApplication(
                self._settings.client_id,
                client_credential=credential,
                azure_region=False,
                **self._common(self._msal.TokenCache()),
            )
        )

    def public_application(
        self, session: msal.SerializableTokenCache
    ) -> msal.PublicClientApplication:
        """Return MSAL's client for a person, with their ``session`` if any. Raises SignInError."""
        return self._run(
            lambda: self._msal.PublicClientApplication(
                self._settings.client_id, **self._common(session)
            )
        )

    def load_session(self, text: str) -> msal.SerializableTokenCache:
        """Return MSAL's memory of a sign-in from its text, an empty one if that cannot be read."""
        session: msal.SerializableTokenCache = self._msal.SerializableTokenCache()
        try:
            kept = json.loads(text or "{}")
            if isinstance(kept, dict) and all(isinstance(part, dict) for part in kept.values()):
                session.deserialize(json.dumps(kept))
        except (ValueError, RecursionError):
            pass
        return session

    def _common(self, cache: msal.TokenCache) -> dict[str, Any]:
        settings = self._settings
        trusted = self._known or settings.disable_instance_discovery
        return {
            "authority": self._authority,
            "instance_discovery": False if trusted else None,
            "http_client": self._http,
            "http_cache": self._throttled,
            "token_cache": cache,
        }

    def client_token(
        self,
        credential: str | Callable[[str], str],
        scope: str,
        data: Mapping[str, str | None] | None = None,
    ) -> AccessToken:
        """Get a token for an application as itself (RFC 6749 4.4). Raises SignInError.

        ``credential`` is its secret, or a function that takes the token endpoint's address and
        returns an assertion for it (RFC 7521 4.2). ``data`` are fields to add to MSAL's request;
        None removes one of MSAL's.
        """
        application: msal.ConfidentialClientApplication
        if isinstance(credential, str):
            self._secrets.add(credential)
        if callable(credential):
            # Asked when the application is complete, and with it the endpoint known.
            wrapped = {"client_assertion": lambda: credential(application.authority.token_endpoint)}
            application = self.confidential_application(wrapped)
        else:
            application = self.confidential_application(credential)
        return self.token(
            lambda: application.acquire_token_for_client(
                [scope],
                claims_challenge=self._settings.claims or None,
                http_exceptions=_ANY_EXCEPTION,
                data={**self.data, **(data or {})},
            )
        )

    def renewed_token(
        self, application: msal.PublicClientApplication, account: Any, scope: str
    ) -> AccessToken:
        """Return a token for the refresh token of a session. Raises SignInError.

        The error says whether a new sign-in by the person may help (``person_helps``), and whether
        the session has ended (``session_over``).
        """
        return self.token(
            lambda: (
                application.acquire_token_silent_with_error(
                    [scope],
                    account,
                    claims_challenge=self._settings.claims or None,
                    http_exceptions=_ANY_EXCEPTION,
                    data=self.data,
                )
                or {"error": "login_required", "error_description": "no refresh token is cached"}
            )
        )

    def device_flow(self, application: msal.PublicClientApplication, scope: str) -> dict[str, Any]:
        """Begin a device authorization (RFC 8628 3.1); raises SignInError.

        The answer has ``user_code``, ``verification_uri``, and in seconds ``interval``, at least
        one second and at most a minute, and ``expires_in``.
        """
        flow = self.answer(lambda: application.initiate_device_flow([scope]))
        if "error" in flow and self._http.status < 500:
            raise self._refusal(flow)
        if not {"user_code", "verification_uri", "device_code"} <= flow.keys():
            raise self._unusable()
        flow["interval"] = min(max(flow["interval"], 1), _LONGEST_INTERVAL)
        return flow

    def code_flow(
        self, application: msal.PublicClientApplication, scope: str, asked: Mapping[str, str]
    ) -> dict[str, Any]:
        """Begin a sign-in in the browser (RFC 6749 4.1 with RFC 7636), without a request yet.

        ``asked`` are ``redirect_uri``, ``response_mode`` and more that MSAL knows. The answer has
        the address, ``auth_uri``, and the ``state`` that the browser has to come back with.
        """
        flow: dict[str, Any] = self._run(
            lambda: application.initiate_auth_code_flow([scope], **asked)
        )
        return flow

    def token(self, ask: Callable[[], dict[str, Any] | None]) -> AccessToken:
        """Run one of MSAL's acquire_token methods and return its token.

        Raises SignInRefused, SignInCancelled or Unreachable.
        """
        asked_at = self._system.now()
        answer = self.answer(ask)
        if "access_token" not in answer:
            raise self._refusal(answer)
        wanted = "pop" if self.data else "bearer"
        if str(answer.get("token_type") or "bearer").lower() != wanted:
            kind, hint = WRONG_KIND[wanted]
            what = f"{self.what}: the authority issued a token {kind}"
            raise SignInRefused(what, hint=hint, code="token_type")
        try:
            refresh_on = answer.get("refresh_on")
            token = AccessToken(
                token_text(answer["access_token"]),
                epoch(asked_at + float(answer["expires_in"])),
                None if refresh_on is None else epoch(refresh_on),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._unusable() from error
        if token.seconds_left(asked_at) <= 0:
            raise Unreachable(
                f"{self.what}: the token from {self._http.host} has already expired",
                hint="check this machine's clock, and whether a proxy answers in its place",
            )
        return token

    def answer(self, ask: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        """Run one of MSAL's methods and return its answer, which may be an OAuth error.

        Raises Unreachable if no usable answer comes back.
        """
        # MSAL would repeat a failed answer from memory instead of sending the request again.
        self._throttled.clear()
        answer = self._run(ask)
        if self._http.status == _TOO_MANY_REQUESTS or not isinstance(answer, dict):
            raise self._unusable()
        return answer

    def _run(self, call: Callable[[], Any]) -> Any:
        """Call MSAL and turn its exceptions into kubeauth's errors."""
        try:
            return call()
        except KubeauthError:
            raise
        except RequestFailed as error:
            failed = unreachable(self.what, error, self._trust)
            if "/discovery/instance" in error.url:
                # Microsoft was asked whether it knows the authority, which may lie in a closed net.
                failed.hint = (
                    f"if you trust {self._authority}, add --disable-instance-discovery; else "
                    f"{failed.hint}"
                )
            raise failed from error
        except self._msal.MsalServiceError as error:
            raise self._unusable() from error
        except _FAILURES as error:
            if "invalid_instance" in str(error):
                raise SignInRefused(
                    f"{self.what}: Microsoft does not know the authority {self._authority}",
                    hint="if you trust it, add --disable-instance-discovery",
                    code="invalid_instance",
                ) from error
            if "nonce" in str(error):
                raise SignInRefused(
                    f"{self.what}: the answer belongs to another sign-in (its nonce is not ours)",
                    hint="run the command again; if it fails again, look for a proxy that changes "
                    "answers",
                    code="invalid_id_token",
                ) from error
            raise self._unusable() from error

    def _refusal(self, answer: Mapping[str, Any]) -> SignInError:
        """Make the error for an answer without a token.

        NOTE: the error shows no secret that the authority quotes.
        """
        if "error" not in answer:
            return self._unusable()
        return refusal(
            answer,
            self.what,
            self.login,
            self._settings,
            secrets=self._secrets | self._http.secrets,
        )

    def _unusable(self) -> Unreachable:
        """Make the error for an answer that MSAL, or anybody, can do nothing with."""
        if self._http.status == _TOO_MANY_REQUESTS:
            return Throttled(
                f"{self.what}: the authority got too many requests (HTTP 429)",
                hint="wait a minute, then run the command again",
            )
        if self._http.status >= 500:
            return Unreachable(
                f"{self.what}: the authority failed (HTTP {self._http.status})",
                hint="try again in a minute; https://azure.status.microsoft lists outages",
            )
        kind = (
            sanitized(self._http.content_type, self._secrets | self._http.secrets)
            or "no content type"
        )
        return Unreachable(
            f"{self.what}: what {self._http.host} answered is not OAuth "
            f"(HTTP {self._http.status}, {kind})",
            hint="check --authority-host, and whether a proxy stands in between",
        )
