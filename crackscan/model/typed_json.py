"""Conversion of JSON into the frozen dataclasses that declare its content."""

import reprlib
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

_NAMES: Mapping[type, str] = types.MappingProxyType(
    {str: "a text", float: "a number", int: "a whole number", bool: "true or false"}
)


def convert(kind: Any, value: Any, where: str = "") -> Any:
    """Convert a parsed JSON value into the type that a field declares.

    where: the path to the value, such as "data[0].name"; "" is the whole document.

    Raises:
        ValueError: the value does not fit; the text says where, what was found and what was expected.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in {Union, types.UnionType}:
        return None if value is None else convert(arguments[0], value, where)
    if is_dataclass(kind):
        return _convert_record(kind, value, where)
    if origin is tuple:
        expect(isinstance(value, list), where, value, "a list")
        return tuple(convert(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is Mapping:
        expect(isinstance(value, dict), where, value, "an object")
        return {key: convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    fits = isinstance(value, (int, float) if kind is float else kind)
    expect(fits and (kind is bool or not isinstance(value, bool)), where, value, _NAMES[kind])
    return value


def _convert_record(kind: Any, value: Any, where: str) -> Any:
    expect(isinstance(value, dict), where, value, "an object")
    hints = get_type_hints(kind)
    for field in fields(kind):
        if field.name not in value and not _is_optional(hints[field.name]):
            raise ValueError(f"lacks {f'{where}.{field.name}'.lstrip('.')!r}")
    return kind(
        **{
            name: convert(hint, value.get(name), f"{where}.{name}".lstrip("."))
            for name, hint in hints.items()
        }
    )


def _is_optional(hint: Any) -> bool:
    return type(None) in get_args(hint)


def expect(fits: bool, where: str, value: Any, expected: str) -> None:  # noqa: FBT001 - a check, not an option
    """Raise a ValueError where a value is not as expected."""
    if not fits:
        shown = reprlib.repr(value)
        raise ValueError(f"{where or 'the card'!s} is {shown}, expected {expected}")
