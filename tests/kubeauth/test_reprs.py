"""What a debugger, a log line or a crash report makes of our objects: never a secret."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from logins import CASES, ENTRA, Place, each, system_of

import kubeauth
from kubeauth import Chain, KubeauthError, SignInError, provider_for
from kubeauth.integrations import httpx as httpx_integration
from kubeauth.integrations import requests as requests_integration
from kubeauth.options.logins import LOGINS
from kubeauth.testing import Fault, Simulator

ECHO = b'{"error": "invalid_grant", "error_description": "AADSTS70000: {request}"}'


@pytest.fixture
def place(sim: Simulator, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, value in sim.environ().items():
        monkeypatch.setenv(name, value)
    return Place(sim, tmp_path)


def inside(thing: Any) -> Iterator[Any]:
    """Yield an object of ours and all others of ours that it holds, however deep."""
    seen: set[int] = set()
    waiting = [thing]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, (list, tuple, set, frozenset)):
            waiting += each
        elif type(each).__module__.startswith("kubeauth."):
            yield each
            slots = [name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())]
            waiting += [getattr(each, name, None) for name in slots]
            waiting += getattr(each, "__dict__", {}).values()
        elif callable(each) and hasattr(each, "__self__"):
            waiting.append(each.__self__)


def shown(thing: Any) -> str:
    return "\n".join(f"{each!r} {each!s} {each}" for each in inside(thing))


def hidden(secrets: tuple[str, ...], text: str) -> bool:
    return not any(secret in text for secret in secrets)


@pytest.mark.parametrize("login", each(CASES))
def test_objects_show_no_secret(place: Place, login: str) -> None:
    case = place.case(login)
    system = system_of(place, case)
    provider = provider_for(case.settings, system)
    token = provider.get_token()
    secrets = (*case.secrets, token.token)
    objects = [
        *(provider, token, system, case.settings, Chain(provider)),
        *(httpx_integration.BearerAuth(provider), requests_integration.BearerAuth(provider)),
        provider.for_scope("https://management.azure.com/.default"),
    ]
    for thing in objects:
        assert hidden(secrets, shown(thing)), type(thing)


@pytest.mark.parametrize(
    "login", each([c for c in ENTRA if not LOGINS.get(c) or not LOGINS[c].human])
)
def test_errors_hold_no_secret(place: Place, login: str) -> None:
    """Not in their text, their attributes, their pickle, nor in those of their causes."""
    case = place.case(login)
    place.sim.faults.add(Fault(service="entra", path="/token", status=400, body=ECHO, times=None))
    with pytest.raises(SignInError) as caught:
        provider_for(case.settings, system_of(place, case)).get_token()
    error: BaseException | None = caught.value
    text = "".join(traceback.format_exception(caught.value)) + repr(pickle.dumps(caught.value))
    while error is not None:
        text += f"{error!r} {vars(error)!r} {error.args!r}" + shown(vars(error))
        error = error.__cause__ or error.__context__
    assert hidden(case.secrets, text)


def test_every_public_class_was_looked_at() -> None:
    """A class that can hold a secret is a credential, a value or an error, which are above."""
    kinds = [getattr(kubeauth, name) for name in kubeauth.__all__]
    classes = {kind for kind in kinds if isinstance(kind, type)}
    values = {kubeauth.AccessToken, kubeauth.Settings, kubeauth.System}
    rest = {
        kind.__name__
        for kind in classes - values
        if not issubclass(kind, (kubeauth.Credential, KubeauthError))
    }
    assert rest == {"Cluster"}  # public keys and addresses
