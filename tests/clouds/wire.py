"""The network at its real host names: what was sent to it, and answers as Entra ID gives them.

`responses` stands where requests would open a connection, so every sign-in here goes through
requests, as one does where a proxy is on the way.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import responses

from kubeauth import Settings, System, provider_for
from kubeauth.adapters.http import HttpSession, open_session
from kubeauth.adapters.programs import Completed
from kubeauth.jwt import claims_of

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
CLIENT = "11111111-2222-3333-4444-555555555555"
SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
ANNA = "anna@contoso.example"

DISCOVERY = "/v2.0/.well-known/openid-configuration"
GOOGLE = "http://metadata.google.internal/"
ANYTHING = re.compile(".*")
_guarding = False


@dataclass(frozen=True)
class Sent:
    """One request: its method, its URL with the query, the fields of its form."""

    method: str
    url: str
    form: Mapping[str, str] = field(default_factory=dict)


def _refuse_connections(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every connection but that of the browser back to this machine."""
    if not _guarding or event not in ("socket.getaddrinfo", "socket.connect"):
        return
    host = arguments[0] if event == "socket.getaddrinfo" else arguments[1][0]
    assert host in ("localhost", "127.0.0.1", "::1"), f"a connection to {host}"


sys.addaudithook(_refuse_connections)


class Wire:
    """Answers every request, and notes it in ``sent``; the clock is its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.sent: list[Sent] = []
        self.time = time.time()
        self.statuses: list[int] = []
        self._nonce = ""
        self._folder = folder
        tools = folder / "bin"
        tools.mkdir(exist_ok=True)
        for tool in ("az", "azd"):
            (tools / tool).touch(0o755)
        self.environ = {
            "HOME": str(folder),
            "PATH": str(tools),
            "BROWSER": str(tools / "its-own"),
            **(environ or {}),
        }

    @contextmanager
    def listening(self) -> Iterator[None]:
        global _guarding
        with responses.RequestsMock() as mock:
            for method in ("GET", "POST"):
                mock.add_callback(method, ANYTHING, callback=self._answer)
            mock.assert_all_requests_are_fired = False
            _guarding = True
            try:
                yield
            finally:
                _guarding = False

    def sign_in(self, login: str, **settings: Any) -> list[Sent]:
        """Get a token as a new process would; return what was sent for it."""
        self.sent.clear()
        asked = Settings(
            login=login,
            server_id=SERVER,
            cache_dir=str(self._folder / "cache"),
            cache_storage="file",
            **settings,
        )
        provider = provider_for(asked, self.system())
        claims = claims_of(provider.get_token().token)
        # A signed request has the token in it.
        assert claims_of(claims.get("at", "") or "").get("aud", claims.get("aud")) == SERVER
        return list(self.sent)

    def system(self) -> System:
        """The outside as a sign-in sees it here."""
        return System(
            environ=self.environ,
            now=lambda: self.time,
            sleep=self._pass_time,
            open_session=_through_requests,
            open_browser=self._browse,
            open_terminal=lambda: None,
            run_program=self._run,
            prompt=lambda _: None,
            warn=lambda _: None,
        )

    def _pass_time(self, seconds: float) -> None:
        self.time += seconds

    def _answer(self, request: Any) -> tuple[int, dict[str, str], str]:
        form = dict(urllib.parse.parse_qsl(request.body or ""))
        self.sent.append(Sent(request.method, request.url, form))
        status = self.statuses.pop(0) if self.statuses else 200
        if status >= 300:
            headers = {"Location": "https://elsewhere.example/"} if status < 400 else {}
            return status, headers, json.dumps({"error": "trouble"})
        if request.url.startswith(GOOGLE):
            audience = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query))
            token = self._jwt(iss="https://accounts.google.com", sub="1", aud=audience["audience"])
            return status, {"Metadata-Flavor": "Google"}, token
        return status, {}, json.dumps(self._body(request.url, form))

    def _body(self, url: str, form: Mapping[str, str]) -> dict[str, Any]:
        path = urllib.parse.urlsplit(url).path
        if path.endswith("/devicecode"):
            page = {"verification_uri": "https://microsoft.com/devicelogin", "interval": 1}
            return {"device_code": "code-of-device", "user_code": "U", "expires_in": 900, **page}
        if "/userrealm/" in path:
            return {"account_type": "Managed", "ver": "1.0"}
        if path.startswith("/job"):
            token = self.job_token()
            return {"value": token, "oidcToken": token}
        if path.endswith("/openid-configuration"):
            return {
                "issuer": "entra",
                "authorization_endpoint": url.replace(DISCOVERY, "/oauth2/v2.0/authorize"),
                "token_endpoint": url.replace(DISCOVERY, "/oauth2/v2.0/token"),
            }
        bound = {}
        if form.get("token_type") == "pop":
            padded = form["req_cnf"] + "=" * (-len(form["req_cnf"]) % 4)
            bound = {"cnf": json.loads(base64.urlsafe_b64decode(padded))}
        token = {
            "access_token": self._jwt(aud=SERVER, **bound),
            "expires_in": 3599,
            "expires_on": str(int(self.time + 3599)),
            "resource": SERVER,
            "token_type": form.get("token_type", "Bearer"),
        }
        if form.get("grant_type") in (None, "client_credentials"):
            return token
        who = {"aud": CLIENT, "tid": TENANT, "preferred_username": ANNA, "nonce": self._nonce}
        account = json.dumps({"uid": "anna", "utid": TENANT}).encode()
        return {
            **token,
            "refresh_token": "token-of-refresh",
            "id_token": self._jwt(iss="entra", sub="anna", oid="anna", iat=self.time, **who),
            "client_info": base64.urlsafe_b64encode(account).decode(),
        }

    def job_token(self) -> str:
        """Return what a CI system issues for a job."""
        return self._jwt(iss="https://ci.example", sub="job")

    def _jwt(self, **claims: Any) -> str:
        parts = ({"alg": "RS256"}, {"exp": self.time + 3599, **claims}, "signature")
        encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts)
        return b".".join(part.rstrip(b"=") for part in encoded).decode()

    def _browse(self, url: str, environ: Mapping[str, str], command: str = "") -> Any:
        """Be a browser in which somebody signs in at once."""
        address, _, query = url.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        self.sent.append(Sent("BROWSER", address, {"scope": asked["scope"]}))
        self._nonce = asked["nonce"]
        back = urllib.parse.urlencode({"code": "code-of-browser", "state": asked["state"]})
        visit = (asked["redirect_uri"], back.encode())
        threading.Thread(target=urllib.request.urlopen, args=visit).start()

    def _run(self, argv: Any, *, environ: Mapping[str, str], limit: float) -> Completed:
        """Be the Azure CLI and azd."""
        token = self._jwt(aud=SERVER)
        expiry = self.time + 3599
        written = datetime.fromtimestamp(expiry, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        cli, azd = {"accessToken": token, "expires_on": expiry}, {"token": token}
        return Completed(0, json.dumps({**cli, **azd, "expiresOn": written}), "")


def _through_requests(**options: Any) -> HttpSession:
    session = open_session(**options)
    session.through_requests()
    return session
