"""What a debugger, a log line or a crash report makes of our objects: never a secret."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import pickle
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from logins import CASES, ENTRA, Place, each, system_of

import kubeauth
from kubeauth import Chain, KubeauthError, SignInError, provider_for
from kubeauth.integrations import requests as requests_integration
from kubeauth.options.logins import LOGINS
from kubeauth.testing import Fault

httpx_integration = pytest.importorskip("kubeauth.integrations.httpx")
ECHO = b'{"error": "invalid_grant", "error_description": "AADSTS70000: {request}"}'


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
        elif type(each).__module__.startswith("kubeauth.") and not isinstance(each, str):
            yield each
            slots = [name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())]
            waiting += [getattr(each, name, None) for name in slots]
            waiting += getattr(each, "__dict__", {}).values()
        elif callable(each) and hasattr(each, "__self__"):
            waiting.append(each.__self__)


def shown(thing: Any) -> str:
    """Return what a debugger or a crash report lists of an object and of all that it holds."""
    parts = []
    for one in inside(thing):
        parts.append(f"{one!r} {one!s} {one} {getattr(one, '__dict__', None)!r}")
        parts.append(repr(copy.copy(one)))
        with contextlib.suppress(TypeError):  # what is no dataclass, or holds a lock
            parts.append(repr(dataclasses.asdict(one)))
        with contextlib.suppress(Exception):  # what cannot be pickled
            parts.append(repr(pickle.dumps(one)))
    return "\n".join(parts)


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
        *(provider.aio, Chain(provider).aio),
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


@pytest.mark.parametrize("login", each(CASES))
def test_a_credential_says_why_it_cannot_be_pickled(place: Place, login: str) -> None:
    case = place.case(login)
    provider = provider_for(case.settings, system_of(place, case))
    for thing in (provider, Chain(provider), provider.aio, provider.get_token()):
        with pytest.raises(TypeError, match="cannot be pickled, since a pickle is readable"):
            pickle.dumps(thing)
    again = copy.copy(provider)
    assert again.get_token().token == provider.get_token().token


def test_a_token_is_text_for_whoever_uses_it() -> None:
    token = kubeauth.AccessToken("eyJ0.eyJ1.c2ln", 1)
    assert f"Bearer {token.token}" == "Bearer " + token.token == "Bearer eyJ0.eyJ1.c2ln"
    assert json.loads(json.dumps(token.token)) == "eyJ0.eyJ1.c2ln" == str(token.token)
    assert "eyJ" not in repr((token, vars(token), dataclasses.asdict(token)))  # type: ignore[call-overload]
    assert copy.deepcopy(token) == token


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
