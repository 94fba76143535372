"""The pages for people: sign-in with redirect (RFC 6749 section 4.1) and device login.

The forms need no script, so that a browser and a test's HTTP client can both fill them in.
"""

from __future__ import annotations

import secrets as random
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.entra.mint import parse_scope
from kubeauth.testing.entra.state import AuthorizationCode
from kubeauth.testing.entra.token import check_password
from kubeauth.testing.wire.http import DuplicateParameter, html_response, redirect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kubeauth.testing.entra.device import DeviceFlow
    from kubeauth.testing.entra.directory import Application, Tenant, User
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request, Response

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;
place-items:center;background:light-dark(#eef2f7,#12161c)}}
main{{box-sizing:border-box;width:min(24em,100vw);padding:2em;border-radius:.7em;
background:light-dark(#fff,#1d232c);box-shadow:0 .2em 1.5em #0003}}
h1{{font-size:1.5em;margin:0 0 .6em}}
label{{display:block;margin:.8em 0;font-size:.9em}}
input{{box-sizing:border-box;width:100%;font:inherit;padding:.5em;border:1px solid #8a94a3;
border-radius:.3em}}
button{{font:inherit;margin:.8em .4em 0 0;padding:.5em 1.2em;border:1px solid #8a94a3;
border-radius:.3em;background:none;color:inherit;cursor:pointer}}
button[value=signin]{{background:#1d5fd0;border-color:#1d5fd0;color:#fff}}
[role=alert]{{color:light-dark(#b3261e,#ff9d94)}}
footer{{margin-top:2em;font-size:.8em;color:light-dark(#5a6472,#a3adbb)}}
</style>
</head><body><main><h1>{title}</h1>
{body}
<footer>Entra ID as kubeauth.testing plays it</footer></main>
</body></html>
"""
_CODE_LIFETIME = 600.0


class Pages:
    """The authorize endpoint and the device login page."""

    def __init__(self, state: EntraState, device_flow: DeviceFlow) -> None:
        self._state = state
        self._device_flow = device_flow

    def authorize(self, request: Request, segment: str) -> Response:
        """Answer GET …/authorize with the sign-in form, or with the protocol's error."""
        asked = dict(request.query)
        try:
            self._check_client(segment, asked)
        except EntraError as error:
            # RFC 6749 section 4.1.2.1: never redirect to an address that is not registered.
            return html_response(error.status, _page("Sign-in failed", _text(error.text)))
        try:
            _check_request(asked)
            if asked.get("prompt") == "none":
                raise EntraError(50058)
        except EntraError as error:
            return self._return(asked, self._error(asked, error.error, error.text))
        return html_response(200, self._form(request, asked))

    def signed_in(self, request: Request, segment: str) -> Response:
        """Answer the form: redirect with a code, or with access_denied, or show it again."""
        try:
            form = request.form()
        except DuplicateParameter as error:
            raise EntraError(9000411, name=str(error)) from error
        asked = {name[2:]: value for name, value in form.items() if name.startswith("q.")}
        try:
            app = self._check_client(segment, asked)
            _check_request(asked)
        except EntraError as error:
            return html_response(error.status, _page("Sign-in failed", _text(error.text)))
        if form.get("action") == "cancel":
            text = "AADSTS65004: User declined to consent to access the app."
            return self._return(asked, self._error(asked, "access_denied", text))
        try:
            tenant, user = self._state.home(segment, form.get("username", "").strip())
            check_password(user, form.get("password", ""))
        except EntraError as error:
            return html_response(200, self._form(request, asked, error.text))
        return self._return(asked, self._grant(asked, tenant, app, user))

    def logout(self, request: Request, segment: str) -> Response:
        """Answer GET …/logout; the simulator has no browser session to end."""
        return html_response(200, _page("Signed out", "<p>You signed out of your account."))

    def device_login(self, request: Request) -> Response:
        """Answer the page where a person types the code that a device shows."""
        if request.method == "GET":
            code = request.query.get("otc", "")
            return html_response(200, _page("Enter code", self._device_form(code)))
        try:
            form = request.form()
            sign_in = self._device_flow.find(form.get("code", ""))
        except (DuplicateParameter, LookupError):
            text = "That code didn't work. Check the code and try again."
            return html_response(200, _page("Enter code", self._device_form("", text)))
        if form.get("action") == "cancel":
            self._device_flow.settle(sign_in.user_code, "declined")
            return html_response(200, _page("Declined", "<p>You declined the sign-in."))
        try:
            _, user = self._state.home(sign_in.tenant, form.get("username", "").strip())
            check_password(user, form.get("password", ""))
        except EntraError as error:
            page = _page("Enter code", self._device_form(sign_in.user_code, error.text))
            return html_response(200, page)
        self._device_flow.settle(sign_in.user_code, "approved", user)
        text = "<p>You have signed in on your device. You may now close this window."
        return html_response(200, _page("Signed in", text))

    def _check_client(self, segment: str, asked: Mapping[str, str]) -> Application:
        for name in ("client_id", "redirect_uri"):
            if not asked.get(name):
                raise EntraError(900144, name=name)
        app = self._state.application(segment, asked["client_id"])
        if not _registered(app.redirect_uris, asked["redirect_uri"]):
            raise EntraError(50011, uri=asked["redirect_uri"], app=app.client_id)
        return app

    def _grant(
        self, asked: Mapping[str, str], tenant: Tenant, app: Application, user: User
    ) -> dict[str, str]:
        code = "1.A" + random.token_urlsafe(64)
        with self._state.lock:
            self._state.codes[code] = AuthorizationCode(
                app.client_id,
                tenant.id,
                user,
                asked["redirect_uri"],
                asked["code_challenge"],
                asked.get("nonce", ""),
                asked["scope"],
                self._state.clock.now() + _CODE_LIFETIME,
            )
        answer = {"code": code, "session_state": random.token_hex(16)}
        if "state" in asked:
            answer["state"] = asked["state"]
        return answer

    def _error(self, asked: Mapping[str, str], error: str, text: str) -> dict[str, str]:
        answer = {"error": error, "error_description": text}
        if "state" in asked:
            answer["state"] = asked["state"]
        return answer

    def _return(self, asked: Mapping[str, str], answer: Mapping[str, str]) -> Response:
        """Send the browser back ("OAuth 2.0 Form Post Response Mode" for form_post)."""
        address, mode = asked["redirect_uri"], asked.get("response_mode", "query")
        if mode == "form_post":
            body = f'<form method="post" action="{escape(address)}">{_hidden(answer)}'
            body += "<button>Continue</button></form><script>document.forms[0].submit()</script>"
            return html_response(200, _page("Working…", body))
        mark = "#" if mode == "fragment" else "&" if "?" in address else "?"
        return redirect(f"{address}{mark}{urlencode(answer)}")

    def _form(self, request: Request, asked: Mapping[str, str], problem: str = "") -> str:
        fields = _hidden({f"q.{name}": value for name, value in asked.items()})
        action = escape(request.path)
        hint = asked.get("login_hint", "")
        body = f'{_text(problem)}<form method="post" action="{action}">{fields}'
        return _page("Sign in", body + self._person(hint) + "</form>")

    def _device_form(self, code: str, problem: str = "") -> str:
        return (
            f'{_text(problem)}<form method="post" action="/devicelogin">'
            f'<label>Code<input name="code" value="{escape(code)}" autofocus></label>'
            f"{self._person('')}</form>"
        )

    def _person(self, hint: str) -> str:
        users = [user.upn for tenant in self._state.directory.tenants for user in tenant.users]
        options = "".join(f'<option value="{escape(upn)}">' for upn in users)
        return (
            f'<label>User<input name="username" list="users" value="{escape(hint)}"></label>'
            f'<datalist id="users">{options}</datalist>'
            '<label>Password<input name="password" type="password"></label>'
            '<button name="action" value="signin">Sign in</button>'
            '<button name="action" value="cancel">Cancel</button>'
        )


def _check_request(asked: Mapping[str, str]) -> None:
    if asked.get("response_type") != "code":
        raise EntraError(900144, name="response_type", error="unsupported_response_type")
    if asked.get("response_mode", "query") not in ("query", "fragment", "form_post"):
        raise EntraError(9002313, reason="The response_mode is not supported.")
    if not asked.get("scope"):
        raise EntraError(900144, name="scope")
    parse_scope(asked["scope"])
    # RFC 7636 section 4.4.1, and RFC 9700 section 2.1.1: no plain challenges.
    if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
        raise EntraError(9002325)


def _registered(known: Iterable[str], asked: str) -> bool:
    """Return whether a redirect address is registered; a loopback one may have any port.

    RFC 8252 section 7.3; "Redirect URI (reply URL) best practices and limitations".
    """
    wanted = urlsplit(asked)
    if wanted.fragment:
        return False
    for uri in known:
        have = urlsplit(uri)
        same = (have.scheme, have.hostname, have.path.rstrip("/"), have.query) == (
            wanted.scheme,
            wanted.hostname,
            wanted.path.rstrip("/"),
            wanted.query,
        )
        loopback = have.scheme == "http" and have.hostname in ("localhost", "127.0.0.1")
        if same and (loopback or have.netloc == wanted.netloc):
            return True
    return False


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def _text(problem: str) -> str:
    return f'<p role="alert">{escape(problem)}</p>' if problem else ""


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=escape(title), body=body)
