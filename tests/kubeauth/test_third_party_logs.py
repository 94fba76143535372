"""Programs that switch on every log (``basicConfig(level=DEBUG)``) see no secret of ours."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from logins import CASES, ENTRA, Case, Place, each, system_of

from kubeauth import SignInError, provider_for
from kubeauth.adapters.http import open_session
from kubeauth.options.logins import LOGINS
from kubeauth.testing import Fault

ECHOES = {
    "a refusal": (
        400,
        b'{"error": "invalid_grant", "error_description": "AADSTS70000: {request}"}',
    ),
    "a list": (
        400,
        b'{"error": "invalid_client", "claims": ["{request}"], "x": {"y": "{request}"}}',
    ),
    "no JSON": (200, b"<html>{request}"),
    "a failure": (500, b"{request}"),
    "another type": (200, b'["{request}"]'),
}
# What a sign-in sends that nobody outside may see.
SENT = ("client_secret", "client_assertion", "password", "refresh_token", "device_code", "code")


class Listener(logging.Handler):
    """Everything that anybody logs, at any level, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        # The simulator runs in this process; its own log is not what a program would see.
        if not record.name.startswith("kubeauth.testing"):
            self.texts.append(self.format(record))


@pytest.fixture
def listener() -> Iterator[Listener]:
    root, level = logging.getLogger(), logging.getLogger().level
    listener = Listener()
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    yield listener
    root.removeHandler(listener)
    root.setLevel(level)


class Wire:
    """Notes the secrets that a sign-in sends, and passes everything on."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def open_session(self, **limits: Any) -> Any:
        session = open_session(**limits)
        send = session.post

        def post(url: str, **kw: Any) -> Any:
            fields = kw.get("data") or {}
            texts = (fields[name] for name in SENT if name in fields)
            self.sent += [t.decode() if isinstance(t, bytes) else str(t) for t in texts]
            return send(url, **kw)

        session.post = post  # type: ignore[method-assign]
        return session


@pytest.fixture
def wire() -> Wire:
    return Wire()


def sign_in(place: Place, case: Case, wire: Wire) -> tuple[str, Exception | None]:
    system = replace(system_of(place, case), open_session=wire.open_session)
    try:
        return provider_for(case.settings, system).get_token().token, None
    except SignInError as error:
        return "", error


def leaks(listener: Listener, secrets: list[str]) -> list[str]:
    assert secrets
    return [text for text in listener.texts if any(len(s) > 3 and s in text for s in secrets)]


@pytest.mark.parametrize("login", each(CASES))
def test_a_success(place: Place, login: str, listener: Listener, wire: Wire) -> None:
    case = place.case(login)
    token, error = sign_in(place, case, wire)
    assert error is None
    assert not leaks(listener, [*case.secrets, *wire.sent, token])


@pytest.mark.parametrize("login", each(["devicecode", "interactive", "auto"]))
def test_a_renewal(place: Place, login: str, listener: Listener, wire: Wire) -> None:
    case = place.case(login)
    sign_in(place, case, wire)
    place.sim.faults.add(
        Fault(
            service="entra",
            path="/token",
            status=ECHOES["a refusal"][0],
            body=ECHOES["a refusal"][1],
        )
    )
    again = replace(case, settings=replace(case.settings, force_refresh=True))
    sign_in(place, again, wire)
    assert any(place.sim.requests.select(grant_type="refresh_token"))
    assert not leaks(listener, wire.sent)


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize(
    "login", each([c for c in ENTRA if not LOGINS.get(c) or not LOGINS[c].human])
)
def test_a_failure_that_quotes_the_request(
    place: Place, login: str, echo: str, listener: Listener, wire: Wire
) -> None:
    case = place.case(login)
    status, body = ECHOES[echo]
    soon = {"Retry-After": "0"}
    place.sim.faults.add(
        Fault(service="entra", path="/token", status=status, body=body, headers=soon, times=None)
    )
    place.sim.faults.add(Fault(service="imds", status=status, body=body, headers=soon, times=None))
    _, error = sign_in(place, case, wire)
    assert error is not None
    shown = [str(error), error.hint, repr(error), json.dumps(vars(error), default=str)]  # type: ignore[attr-defined]
    listener.texts += shown
    assert not leaks(listener, [*case.secrets, *wire.sent, "nothing was sent"])
