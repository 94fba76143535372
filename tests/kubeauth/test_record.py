"""Records: frozen values as dataclasses would make them."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys

import pytest

from kubeauth.record import Record, field, fields, replace


class Point(Record):
    x: int
    y: int = 0
    secret: str = field(default="", repr=False)
    note: str = field(default="", compare=False)
    tags: list[str] = field(default_factory=list)


class Point3(Point):
    z: int = 5


def test_values_come_by_place_or_name() -> None:
    assert (Point(1).x, Point(1).y, Point(1, 2).y, Point(x=3).x) == (1, 0, 2, 3)
    assert Point3(1, z=7).z == 7


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1,), {"x": 2}), ((1,), {"nope": 2}), ((1, 2, "", "", [], 6), {})],
)
def test_what_does_not_fit_is_a_type_error(values: tuple, named: dict) -> None:
    with pytest.raises(TypeError):
        Point(*values, **named)


def test_nothing_changes_afterwards() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2
    with pytest.raises(AttributeError):
        del point.x
    with pytest.raises(AttributeError):
        point.other = 2


def test_two_are_equal_by_their_compared_fields() -> None:
    assert Point(1, note="a") == Point(1, note="b")
    assert Point(1) != Point(2)
    assert Point(1) != Point3(1)
    assert hash(Point3(1, tags=())) == hash(Point3(1, tags=(), note="n"))


def test_a_secret_is_not_shown() -> None:
    assert "s3cr3t" not in repr(Point(1, secret="s3cr3t"))


def test_shows_what_was_given() -> None:
    assert repr(Point(1)) == "Point(x=1)"
    assert repr(Point(0, 2, note="n", tags=["t"])) == "Point(x=0, y=2, note='n', tags=['t'])"


def test_a_default_is_made_anew() -> None:
    assert Point(1).tags is not Point(1).tags


def test_copies() -> None:
    changed = replace(Point(1, secret="s"), y=9)
    assert (changed.x, changed.y, changed.secret) == (1, 9, "s")
    with pytest.raises(TypeError):
        replace(Point(1), nope=1)
    assert pickle.loads(pickle.dumps(Point(1, 2))) == Point(1, 2)
    assert copy.copy(Point(1)) == Point(1) == copy.deepcopy(Point(1))
    if sys.version_info >= (3, 13):
        assert copy.replace(Point(1), x=2) == Point(2)


def test_fields_have_names_and_types() -> None:
    assert [(one.name, one.type) for one in fields(Point3)][-1] == ("z", "int")


def test_the_functions_of_dataclasses_take_them() -> None:
    assert [one.name for one in dataclasses.fields(Point)] == ["x", "y", "secret", "note", "tags"]
    assert dataclasses.replace(Point(1), y=2) == Point(1, 2)
    assert dataclasses.asdict(Point3(1))["z"] == 5
    assert dataclasses.is_dataclass(Point3(1))
