"""The login ``interactive``: the browser of this machine (RFC 6749 4.1, RFC 7636, RFC 8252)."""

from __future__ import annotations

import logging
import queue
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from kubeauth.errors import KubeauthError, SettingsError, SignInCancelled, SignInRefused
from kubeauth.options.duration import spoken_duration
from kubeauth.options.settings import Settings
from kubeauth.providers._bases.person import PersonalProvider, showing
from kubeauth.system import System
from kubeauth.token import AccessToken

if TYPE_CHECKING:
    import msal
    from typing_extensions import Unpack

    from kubeauth.adapters.browsers import Opened
    from kubeauth.adapters.terminal import Terminal
    from kubeauth.providers._entra.client import EntraClient
    from kubeauth.providers._entra.loopback import Answer, Receiver
    from kubeauth.providers.options import Options

__all__ = ["Interactive"]

logger = logging.getLogger(__name__)

# OpenID Connect Core 3.1.2.1; Entra ID knows these four and "create".
_PROMPTS: Final = ("login", "select_account", "consent", "create", "none")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})
# How often to look at the terminal and at the browser's program, in seconds.
_PAUSE: Final = 0.1
# Clocks differ: accept an ID token that expired less than this ago; seconds.
_SKEW: Final = 300


class Interactive(PersonalProvider):
    """A person who signs in in the browser of this machine.

    ``login_hint`` names the person; each person has a session of their own. The browser returns to
    ``redirect_url`` (on this machine); ``redirect_port`` lists ports to listen on instead of any
    free one. ``prompt`` says what Entra ID asks the person, by default to choose an account unless
    ``login_hint`` names one. ``browser_command`` opens the page; with ``no_browser``, only show its
    address. ``show`` shows a text to the person (``show=print``); without it, a sign-in that needs
    the person raises InteractionRequired.
    """

    login: ClassVar[str] = "interactive"

    def __init__(
        self,
        *,
        server_id: str,
        tenant_id: str,
        client_id: str,
        login_hint: str = "",
        redirect_url: str = "",
        redirect_port: str = "",
        prompt: str = "",
        browser_command: str = "",
        no_browser: bool = False,
        show: Callable[[str], None] | None = None,
        system: System | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            Settings(
                login=self.login,
                server_id=server_id,
                tenant_id=tenant_id,
                client_id=client_id,
                login_hint=login_hint,
                redirect_url=redirect_url,
                redirect_port=redirect_port,
                prompt=prompt,
                browser_command=browser_command,
                no_browser=no_browser,
                **options,
            ),
            showing(system, show),
        )

    def _ask_person(
        self,
        entra: EntraClient,
        application: msal.PublicClientApplication,
        scope: str,
        show: Callable[[str], None],
    ) -> AccessToken:
        receiver, redirect_url = self._listen()
        try:
            with warnings.catch_warnings():
                # MSAL warns programmers who do not ask for a posted form; a person may have to copy
                # the answer by hand.
                warnings.simplefilter("ignore", UserWarning)
                flow = entra.code_flow(application, scope, self._request(redirect_url))
            receiver.start(flow["state"])
            answer = self._answer(entra, receiver, flow["auth_uri"], show)
            try:
                token = self._redeemed(entra, application, scope, flow, answer)
            except KubeauthError as error:
                answer.finish(str(error))
                raise
            answer.finish()
            return token
        finally:
            receiver.close()

    def _listen(self) -> tuple[Receiver, str]:
        """Open the listener; return it and the address to which the browser returns."""
        from kubeauth.providers._entra.loopback import Receiver

        asked = self._settings.redirect_url
        host, port, path = _redirect_parts(asked) if asked else ("localhost", 0, "")
        ports = [port] if port else _ports(self._settings.redirect_port) or [0]
        try:
            receiver = Receiver(ports, path)
        except OSError as error:
            flag = "redirect-url" if port else "redirect-port"
            raise SettingsError(
                f"login interactive: cannot listen on port {', '.join(map(str, ports))} of "
                f"127.0.0.1 ({error.strerror})",
                hint=f"stop the program that uses it, or name another port with --{flag}",
            ) from error
        return receiver, f"http://{host}:{receiver.port}{path}"

    def _request(self, redirect_url: str) -> Mapping[str, str]:
        """Return the parameters of the authorization request (RFC 6749 4.1.1)."""
        settings = self._settings
        if settings.prompt and settings.prompt not in _PROMPTS:
            raise SettingsError(
                f"prompt: unknown value {settings.prompt!r}",
                hint=f"use one of {', '.join(_PROMPTS)}",
            )
        asked = {"redirect_uri": redirect_url}
        # A posted form keeps the code out of the browser's history, but cannot be copied by hand.
        if self._opens_browser():
            asked["response_mode"] = "form_post"
        if settings.login_hint:
            asked["login_hint"] = settings.login_hint
        # AD FS does not support a choice of accounts.
        choice = "" if settings.login_hint or settings.tenant_id == "adfs" else "select_account"
        if prompt := settings.prompt or choice:
            asked["prompt"] = prompt
        return asked

    def _opens_browser(self) -> bool:
        from kubeauth.adapters.browsers import can_open_browser

        settings = self._settings
        return not settings.no_browser and can_open_browser(
            self._system.environ, settings.browser_command
        )

    def _answer(
        self, entra: EntraClient, receiver: Receiver, url: str, show: Callable[[str], None]
    ) -> Answer:
        """Send the person to ``url`` and wait for the answer, from the browser or a paste."""
        browser = terminal = None
        if self._opens_browser():
            command = self._settings.browser_command
            browser = self._system.open_browser(url, self._system.environ, command)
        else:
            terminal = self._system.open_terminal()
        try:
            paste = terminal is not None
            show(_instructions(url, self._sign_in_goal, opened=browser is not None, paste=paste))
            deadline = self._system.now() + self._patience
            while self._system.now() < deadline:
                if not paste:  # a line that is replaced would disturb what the person pastes
                    self._system.show_time_left("the browser", deadline)
                try:
                    return receiver.answers.get(timeout=_PAUSE)
                except queue.Empty:
                    browser = _still_good(browser, url, show)
                pasted = _pasted(terminal, receiver, show)
                if pasted is not None:
                    return pasted
        finally:
            self._system.clear_progress()
            if terminal is not None:
                terminal.close()
        other_way = "with --no-browser it prints the address to open"
        if not self._opens_browser():
            other_way = "where no browser can reach this machine, use -l devicecode"
        raise SignInCancelled(
            f"{entra.what}: no sign-in in the browser within {spoken_duration(self._patience)}",
            hint=f"run the command again; {other_way}",
        )

    def _redeemed(
        self,
        entra: EntraClient,
        application: msal.PublicClientApplication,
        scope: str,
        flow: dict[str, Any],
        answer: Answer,
    ) -> AccessToken:
        """Exchange the code for a token."""
        result: dict[str, Any] = {}

        def redeem() -> dict[str, Any]:
            result.update(
                application.acquire_token_by_auth_code_flow(
                    flow, dict(answer.parameters), scopes=[scope], data=entra.data
                )
            )
            return result

        token = entra.token(redeem)
        self._check_person(entra, result.get("id_token_claims"))
        return token

    def _check_person(self, entra: EntraClient, claims: Any) -> None:
        """Check the ID token (OpenID Connect Core 3.1.3.7); MSAL has compared its nonce.

        It came over TLS from the authority itself, so its signature needs no check.
        """
        if not isinstance(claims, dict):
            claims = {}
        now, tenant = self._system.now(), self._settings.tenant_id
        expiry, audience = claims.get("exp"), claims.get("aud")
        same_tenant = "-" not in tenant or len(tenant) != 36 or claims.get("tid", tenant) == tenant
        in_time = isinstance(expiry, (int, float)) and expiry > now - _SKEW
        if not (in_time and same_tenant and audience == self._settings.client_id):
            raise SignInRefused(
                f"{entra.what}: the answer has no ID token for this sign-in",
                hint="check --tenant-id and --authority-host, and this machine's clock",
                code="invalid_id_token",
            )


def _redirect_parts(url: str) -> tuple[str, int, str]:
    """Split a redirect URL into host, port (0 for any) and path; raises SettingsError."""
    try:
        parts = urlsplit(url)
        good = parts.scheme == "http" and parts.hostname in _LOOPBACK
        if good and not (parts.query or parts.fragment or parts.username):
            return str(parts.hostname), parts.port or 0, parts.path
    except ValueError:
        pass
    raise SettingsError(
        f"redirect-url: {url!r} does not lead to this machine",
        hint="write it like http://localhost:8000, as the application has it registered",
    )


def _ports(text: str) -> list[int]:
    """Read a list of ports; raises SettingsError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isdigit() and 0 < int(word) < 65536 for word in words):
        raise SettingsError(
            f"redirect-port: {text!r} is not a list of ports", hint="give it like 8400 or 8400,8401"
        )
    return [int(word) for word in words]


def _instructions(url: str, about: str, *, opened: bool, paste: bool) -> str:
    if opened:
        return (
            f"A page to sign in{about} opens in the browser. If you do not see it, open\n    {url}"
        )
    text = f"To sign in{about}, open this page in a browser\n    {url}"
    if paste:
        text += (
            "\nIf that browser is on another machine, it ends at an address that cannot be "
            "reached:\ncopy that address, paste it here (it will not be shown) and press Enter"
        )
    return text


def _still_good(browser: Opened | None, url: str, show: Callable[[str], None]) -> Opened | None:
    """Return the browser while it runs; if it could not start, show the address once."""
    code = browser.poll() if browser is not None else None
    if code:
        logger.info("the browser's program ended with exit code %s", code)
        show("The browser did not open. " + _instructions(url, "", opened=False, paste=False))
    return browser if code is None else None


def _pasted(
    terminal: Terminal | None, receiver: Receiver, show: Callable[[str], None]
) -> Answer | None:
    """Return the answer in what the person pasted, or None."""
    from kubeauth.providers._entra.loopback import Answer, parameters

    lines: Sequence[str] = terminal.lines() if terminal is not None else ()
    for line in lines:
        parts = urlsplit(line)
        found = parameters(parts.query or parts.fragment or line)
        if receiver.accepts(found):
            return Answer(found, in_browser=False)
        show("This is not the address at which the sign-in ended. Copy all of it and try again")
    return None
