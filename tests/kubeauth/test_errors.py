"""The tree of errors: drawn truly, public, and each with a next step."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
import traceback
from importlib import metadata

import pytest

import kubeauth
from kubeauth import errors

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, errors.KubeauthError)
}


def test_the_drawing_in_the_docstring_is_the_tree():
    drawn: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ((?:[│ ] {3})*(?:[├└]── )?)([A-Z]\w+)", line)
        if found:
            depth, name = len(found[1]) // 4, found[2]
            above[depth] = name
            drawn[name] = above.get(depth - 1, "Exception")
    assert drawn == {name: kind.__base__.__name__ for name, kind in KINDS.items()}


def test_every_error_is_behind_the_front_door():
    assert set(errors.__all__) == set(KINDS)
    for name, kind in KINDS.items():
        assert getattr(kubeauth, name) is kind


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)
def test_an_error_has_a_text_and_a_hint(kind):
    more = {"code": "AADSTS1"} if issubclass(kind, errors.SignInRefused) else {}
    error = kind("what failed", hint="what to do", **more)
    assert str(error) == "what failed" and error.hint == "what to do"
    assert inspect.getdoc(kind)
    with pytest.raises(TypeError):
        kind("what failed")


def test_an_error_survives_the_way_back_from_another_process():
    for kind in KINDS.values():
        more = {"code": "AADSTS1"} if issubclass(kind, errors.SignInRefused) else {}
        back = pickle.loads(pickle.dumps(kind("what failed", hint="what to do", **more)))
        assert (str(back), back.hint) == ("what failed", "what to do")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes are new in Python 3.11")
def test_a_traceback_shows_the_hint_and_keeps_other_notes():
    error = kubeauth.SettingsError("what failed", hint="what to do")
    error.add_note("in shop")
    error.hint = "what else to do"
    error = pickle.loads(pickle.dumps(error))
    shown = "".join(traceback.format_exception(error)).splitlines()
    assert shown[-3:] == [
        "kubeauth.errors.SettingsError: what failed",
        "hint: what else to do",
        "in shop",
    ]


def test_the_package_knows_its_version():
    assert kubeauth.__version__ == metadata.version("kubeauth")
