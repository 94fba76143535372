"""Frozen values with named fields, for the modules that every cold start loads.

``dataclasses`` would do the same, but importing it, and what it imports, takes twice as long as the
interpreter's own start.

    class Point(Record):
        x: int
        y: int = 0

    replace(Point(1), y=2)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, ClassVar, TypeVar

    from typing_extensions import Self, dataclass_transform

    _Record = TypeVar("_Record", bound="Record")
else:

    def dataclass_transform(**_: Any) -> Any:
        """Do nothing; type checkers know what it means."""
        return lambda thing: thing


__all__ = ["Field", "Record", "field", "fields", "replace"]

_MISSING = object()


class _Made:
    def __repr__(self) -> str:
        return "<factory>"


_MADE = _Made()


class Field:
    """One field of a record: its name, its default, and whether it is shown and compared."""

    def __init__(
        self,
        default: Any,
        default_factory: Callable[[], Any] | None,
        repr: bool,  # noqa: A002  # the names are those of dataclasses.field
        compare: bool,
        metadata: Mapping[str, Any],
    ) -> None:
        self.name = ""
        self.type = ""
        self.default = default
        self.default_factory = default_factory
        self.repr = repr
        self.compare = compare
        self.metadata = metadata

    @property
    def is_required(self) -> bool:
        """Whether the field has no default."""
        return self.default is _MISSING and self.default_factory is None

    @property
    def shown_default(self) -> Any:
        """The default as a signature shows it; NOTE: made values may hold an environment."""
        return self.default if self.default_factory is None else _MADE

    def value(self) -> Any:
        """Return the default; raises TypeError if there is none."""
        if self.default_factory is not None:
            return self.default_factory()
        if self.is_required:
            raise TypeError(f"the field {self.name!r} needs a value")
        return self.default


def field(
    *,
    default: Any = _MISSING,
    default_factory: Callable[[], Any] | None = None,
    repr: bool = True,  # noqa: A002  # as in dataclasses
    compare: bool = True,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """Describe a field as ``dataclasses.field`` does; use ``repr=False`` for secrets."""
    return Field(default, default_factory, repr, compare, metadata or {})


class _DataclassFields:
    """Lets the functions of ``dataclasses`` (``replace``, ``asdict``) work on records."""

    def __init__(self) -> None:
        self._made: dict[type[Record], Any] = {}

    def __get__(self, record: object, kind: type[Record]) -> Any:
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def _make(self, kind: type[Record]) -> Any:
        import dataclasses

        listed = [
            (
                one.name,
                one.type,
                dataclasses.field(default_factory=one.value, repr=one.repr, compare=one.compare),
            )
            for one in kind._fields.values()
        ]
        made: Any = dataclasses.make_dataclass(kind.__name__, listed)
        return made.__dataclass_fields__


class _Signature:
    """Shows the fields to ``help`` and ``inspect.signature``, if a program uses them."""

    def __get__(self, record: object, kind: type[Record]) -> Any:
        from inspect import Parameter, Signature

        return Signature(
            [
                Parameter(
                    one.name,
                    Parameter.POSITIONAL_OR_KEYWORD,
                    default=Parameter.empty if one.is_required else one.shown_default,
                    annotation=one.type,
                )
                for one in kind._fields.values()
            ]
        )


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record:
    """The base of frozen values; subclasses list their fields as annotations."""

    _fields: ClassVar[dict[str, Field]] = {}
    __dataclass_fields__ = _DataclassFields()
    __signature__ = _Signature()

    def __init_subclass__(cls, **more: Any) -> None:
        """Collect the fields of the subclass, those of its bases first."""
        super().__init_subclass__(**more)
        found = dict(cls._fields)
        for name, kind in cls.__annotations__.items():
            if str(kind).startswith("ClassVar"):
                continue
            declared = cls.__dict__.get(name, _MISSING)
            one = declared if isinstance(declared, Field) else field(default=declared)
            one.name, one.type = name, str(kind)
            if isinstance(declared, Field):
                delattr(cls, name)
            found[name] = one
        cls._fields = found

    def __init__(self, *values: Any, **named: Any) -> None:
        """Take the fields' values, in their order or by name."""
        known = self._fields
        if len(values) > len(known):
            raise TypeError(f"{type(self).__name__} has {len(known)} fields, not {len(values)}")
        given = dict(zip(known, values, strict=False))
        for name, value in named.items():
            if name not in known or name in given:
                raise TypeError(f"{type(self).__name__} got an unexpected or second {name!r}")
            given[name] = value
        for name, one in known.items():
            object.__setattr__(self, name, given[name] if name in given else one.value())
        self.__post_init__()

    def __post_init__(self) -> None:
        """Judge the values; for subclasses."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def _compared(self) -> tuple[Any, ...]:
        return tuple(getattr(self, one.name) for one in self._fields.values() if one.compare)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._compared() == other._compared()

    def __hash__(self) -> int:
        return hash(self._compared())

    def __repr__(self) -> str:
        given = (f"{name}={value!r}" for name, value in self.shown_fields().items())
        return f"{type(self).__qualname__}({', '.join(given)})"

    def shown_fields(self) -> dict[str, Any]:
        """Return the fields that ``repr`` shows: no secret, and none that has its default."""
        return {
            name: value
            for name, one in self._fields.items()
            if one.repr
            for value in [getattr(self, name)]
            if one.is_required or value != one.value()
        }

    def __replace__(self, **changes: Any) -> Self:
        """Return a copy with other values, for ``copy.replace`` (Python 3.13)."""
        return type(self)(**{**{name: getattr(self, name) for name in self._fields}, **changes})


def fields(record: type[Record]) -> tuple[Field, ...]:
    """Return the fields of a record's class, in their order."""
    return tuple(record._fields.values())


def replace(record: _Record, **changes: Any) -> _Record:
    """Return a copy of ``record`` with other values; raises TypeError for an unknown field."""
    return record.__replace__(**changes)
