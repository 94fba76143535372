"""The device authorization grant: codes, approval, polling.

Sources: RFC 8628; "Microsoft identity platform and the OAuth 2.0 device authorization grant flow".
"""

from __future__ import annotations

import secrets as random
from typing import TYPE_CHECKING

from kubeauth.testing.entra.errors import EntraError
from kubeauth.testing.entra.mint import parse_scope
from kubeauth.testing.entra.state import OPEN_TENANTS, DeviceCode
from kubeauth.testing.wire.http import DuplicateParameter, json_response

if TYPE_CHECKING:
    from kubeauth.testing.entra.directory import Application, User
    from kubeauth.testing.entra.state import EntraState
    from kubeauth.testing.wire.http import Request, Response

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_SLOWER = 5.0


class DeviceFlow:
    """Starts sign-ins with a code, and keeps their state until the client fetches the tokens."""

    def __init__(self, state: EntraState) -> None:
        self._state = state

    def __call__(self, request: Request, segment: str) -> Response:
        """Answer POST /{tenant}/oauth2/v2.0/devicecode; raises `EntraError`."""
        try:
            form = request.form()
        except DuplicateParameter as error:
            raise EntraError(9000411, name=str(error)) from error
        for name in ("client_id", "scope"):
            if not form.get(name):
                raise EntraError(900144, name=name)
        if segment.lower() not in OPEN_TENANTS:
            self._state.tenant(segment)
        app = self._state.application(segment, form["client_id"])
        if not app.public:
            raise EntraError(7000218)
        parse_scope(form["scope"])
        sign_in = self._start(app, segment, form["scope"])
        own = f"{self._state.authority}devicelogin"
        address = self._state.settings.device_code_page or own
        return json_response(
            200,
            {
                "user_code": sign_in.user_code,
                "device_code": sign_in.device_code,
                "verification_uri": address,
                "expires_in": self._state.settings.device_code_lifetime,
                "interval": self._state.settings.device_code_interval,
                "message": f"To sign in, use a web browser to open the page {address} and enter "
                f"the code {sign_in.user_code} to authenticate.",
            },
        )

    def _start(self, app: Application, segment: str, scope: str) -> DeviceCode:
        settings = self._state.settings
        sign_in = DeviceCode(
            device_code="D" + random.token_urlsafe(48),
            user_code="".join(random.choice(_LETTERS) for _ in range(9)),
            client_id=app.client_id,
            tenant=segment,
            scope=scope,
            expires_at=self._state.clock.now() + settings.device_code_lifetime,
            interval=settings.device_code_interval,
        )
        with self._state.lock:
            self._state.device_codes[sign_in.device_code] = sign_in
        return sign_in

    def pending(self) -> list[DeviceCode]:
        """Return the sign-ins that wait for a person, oldest first."""
        now = self._state.clock.now()
        with self._state.lock:
            codes = list(self._state.device_codes.values())
        return [code for code in codes if code.state == "pending" and code.expires_at > now]

    def find(self, user_code: str) -> DeviceCode:
        """Return the waiting sign-in of a user code; ignore case, blanks and dashes.

        Raises LookupError.
        """
        wanted = user_code.replace("-", "").replace(" ", "").upper()
        for sign_in in self.pending():
            if sign_in.user_code == wanted:
                return sign_in
        raise LookupError(f"no sign-in waits for the code {user_code!r}")

    def settle(self, user_code: str, state: str, user: User | None = None) -> None:
        """Let the sign-in of `user_code` be "approved" by `user`, "declined" or "expired"."""
        sign_in = self.find(user_code)
        with self._state.lock:
            sign_in.user, sign_in.state = user, state

    def redeem(self, app: Application, device_code: str) -> DeviceCode:
        """Return an approved sign-in once; raises `EntraError` for every other state."""
        if not device_code:
            raise EntraError(900144, name="device_code")
        now = self._state.clock.now()
        with self._state.lock:
            sign_in = self._state.device_codes.get(device_code)
            if sign_in is None or sign_in.client_id != app.client_id:
                raise EntraError(70018)
            early = _is_early(sign_in, now)
            sign_in.polled_at = now
            if sign_in.state == "redeemed":
                raise EntraError(70000)
            if sign_in.state == "declined":
                raise EntraError(65004)
            if sign_in.state == "expired" or sign_in.expires_at <= now:
                raise EntraError(70020)
            if early:
                sign_in.interval += _SLOWER
                raise EntraError(70016, error="slow_down")
            if sign_in.state == "pending":
                raise EntraError(70016)
            sign_in.state = "redeemed"
            return sign_in


def _is_early(sign_in: DeviceCode, now: float) -> bool:
    """Return whether a poll came too early; accept it after nine tenths of the interval."""
    if sign_in.polled_at is None:
        return False
    return now - sign_in.polled_at < sign_in.interval * 0.9
