"""Tables of fields, and reading a request's body or query by them.

A table maps a field's name to its shape. :func:`read` returns the fields as they are meant (a number that was sent
as text is a number) and raises 50035 with all that is wrong, each at its path. Fields that no table names stay:
nobody looks at them. Codes and texts of the errors: docs.discord.com, developers/reference, "Error Messages".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from sandbox.discord_api.wire import JSON, form_error, form_errors

Problems: TypeAlias = dict[str, tuple[str, str]]
Fields: TypeAlias = Mapping[str, "Shape"]
_DEEPEST = 16
"""Levels of a body: nothing that Discord takes is deeper than a choice in a group of commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Any value. ``required``: the field must be there; ``null``: null is a value of it."""

    required: bool = False
    null: bool = False

    def read(self, value: object, path: str, problems: Problems) -> object:  # noqa: ARG002  # for those that derive
        """The value as it is meant; what is wrong with it is put into ``problems``."""
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Shape):
    """Text of ``low`` to ``high`` characters; ``loose``: a number will do, and is written out."""

    low: int = 0
    high: int | None = None
    loose: bool = False

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses what is no text or has another length."""
        if self.loose and type(value) in (int, float):
            value = str(value)
        if not isinstance(value, str):
            problems[path] = ("STRING_TYPE_CONVERT", "Could not interpret value as string.")
        elif self.high is not None and not self.low <= len(value) <= self.high:
            if self.low:
                problems[path] = ("BASE_TYPE_BAD_LENGTH", f"Must be between {self.low} and {self.high} in length.")
            else:
                problems[path] = ("BASE_TYPE_MAX_LENGTH", f"Must be {self.high} or fewer in length.")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Shape):
    """A whole number from ``low`` to ``high``, or its decimal digits."""

    low: int = -(2**53)
    high: int = 2**53

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses what is no whole number or is out of range."""
        number = _whole(value)
        if number is None:
            problems[path] = ("NUMBER_TYPE_COERCE", f'Value "{_short(value)}" is not int.')
        elif number < self.low:
            problems[path] = ("NUMBER_TYPE_MIN", f"int value should be greater than or equal to {self.low}.")
        elif number > self.high:
            problems[path] = ("NUMBER_TYPE_MAX", f"int value should be less than or equal to {self.high}.")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Shape):
    """A number, whole or not."""

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses everything else."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            problems[path] = ("NUMBER_TYPE_COERCE", f'Value "{_short(value)}" is not float.')
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Id(Shape):
    """A snowflake; it is read as a number."""

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses what is no snowflake."""
        number = _whole(value)
        if number is None or not 0 <= number < 1 << 64:
            problems[path] = ("NUMBER_TYPE_COERCE", f'Value "{_short(value)}" is not snowflake.')
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Shape):
    """True or false."""

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses everything but a truth value, written or not."""
        known = {"true": True, "1": True, "false": False, "0": False}
        found = value if isinstance(value, bool) else known.get(str(value).lower())
        if found is None:
            problems[path] = ("BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Shape):
    """One of a few numbers or words."""

    among: tuple[int | str, ...]

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses every other value."""
        found = value if isinstance(value, str) and value in self.among else _whole(value)
        if found not in self.among:
            listed = ", ".join(str(one) for one in self.among)
            problems[path] = ("BASE_TYPE_CHOICES", f"Value must be one of {{{listed}}}.")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment(Shape):
    """An instant in ISO 8601; it is read as Unix seconds."""

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses what is no instant."""
        try:
            return datetime.fromisoformat(str(value)).timestamp()
        except (ValueError, OverflowError):
            problems[path] = ("DATE_TIME_TYPE_PARSE", f"Could not parse {_short(value)}. Should be ISO8601.")
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Shape):
    """A list of ``low`` to ``high`` values of one shape."""

    of: Shape = field(default_factory=Shape)
    low: int = 0
    high: int | None = None

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses what is no list, has too many values, or wrong ones."""
        if not isinstance(value, list):
            problems[path] = ("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if self.high is not None and not self.low <= len(value) <= self.high:
            text = f"Must be between {self.low} and {self.high} in length."
            text = text if self.low else f"Must be {self.high} or fewer in length."
            problems[path] = ("BASE_TYPE_BAD_LENGTH" if self.low else "BASE_TYPE_MAX_LENGTH", text)
            return []
        return [_value(self.of, one, _below(path, str(index)), problems) for index, one in enumerate(value)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Shape):
    """An object with a table of its own."""

    fields: Fields

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses what is no object, and each wrong field."""
        if not isinstance(value, dict):
            problems[path] = ("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            return {}
        if path.count(".") > _DEEPEST:
            problems[path] = ("DICT_TYPE_CONVERT", "Nested too deeply")
            return {}
        return _record(self.fields, value, path, problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named(Shape):
    """An object whose keys are data: names, with values of one shape."""

    of: Shape = field(default_factory=Shape)

    def read(self, value: object, path: str, problems: Problems) -> object:
        """Refuses what is no object, and each wrong value."""
        if not isinstance(value, dict):
            problems[path] = ("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
            return {}
        return {name: _value(self.of, one, _below(path, name), problems) for name, one in value.items()}


def read(fields: Fields, body: JSON) -> JSON:
    """The body by its table. Raises 50035 with everything that is wrong."""
    problems: Problems = {}
    found = _record(fields, body, "", problems)
    if problems:
        raise form_errors(problems)
    return found


def read_all(of: Shape, bodies: object, *, high: int | None = None) -> list[JSON]:
    """A body that is a list. Raises 50035 with everything that is wrong."""
    problems: Problems = {}
    found = Listed(of=of, high=high).read(bodies, "", problems)
    if problems:
        raise form_errors(problems)
    return found if isinstance(found, list) else []


def object_expected() -> Exception:
    """The error for a list where an object belongs."""
    return form_error("", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")


def _record(fields: Fields, body: JSON, path: str, problems: Problems) -> JSON:
    found = dict(body)
    for name, shape in fields.items():
        here = _below(path, name)
        if name in body:
            found[name] = _value(shape, body[name], here, problems)
        elif shape.required:
            problems[here] = ("BASE_TYPE_REQUIRED", "This field is required")
    return found


def _value(shape: Shape, value: object, path: str, problems: Problems) -> object:
    if value is not None:
        return shape.read(value, path, problems)
    if not shape.null:
        problems[path] = ("BASE_TYPE_REQUIRED", "This field is required")
    return None


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if not isinstance(value, str) or not value.isascii() or not value.removeprefix("-").isdecimal():
        return None
    return int(value) if len(value) <= 20 else None


def _short(value: object) -> str:
    return str(value)[:100]
