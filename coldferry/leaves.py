"""The leaf fields of a description: what exactly one verdict is given to.

A path is dotted, list items by index: ``nics[0].subnet_id``. Its pattern is
the path without the indexes: ``nics[].subnet_id``. Lists of words are one leaf.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from coldferry.machine import Machine

_INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Leaf:
    """One field of one machine; ``index`` holds the positions in its path, outermost first."""

    path: str
    pattern: str
    index: tuple[int, ...]
    value: Any


def pattern_of(path: str) -> str:
    """``nics[0].subnet_id`` becomes ``nics[].subnet_id``."""
    return _INDEX.sub("[]", path)


def leaves(machine: Machine) -> Iterator[Leaf]:
    """Every leaf of this machine, in the schema's order.

    A part that is known to be absent (``user_data`` is None) is itself a leaf.
    """
    yield from _walk(machine, "", "", ())


def schema_patterns() -> list[str]:
    """The pattern of every leaf that the schema allows, in its order.

    A part that may be absent counts twice: by its own name, and by its leaves.
    """
    return [pattern for pattern, _ in _walk_type(Machine, "")]


@cache
def takes_list(pattern: str) -> bool:
    """The leaf's value is a list of words."""
    return dict(_walk_type(Machine, ""))[pattern]


def _walk(part: BaseModel, path: str, pattern: str, index: tuple[int, ...]) -> Iterator[Leaf]:
    """``path`` and ``pattern`` end where a field's name goes on; ``index`` is the way so far."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from _walk(value, f"{path}{name}.", f"{pattern}{name}.", index)
        elif isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
            for at, item in enumerate(value):
                below = f"{path}{name}[{at}].", f"{pattern}{name}[]."
                yield from _walk(item, *below, (*index, at))
        elif value == () and _part_type(type(part), name) is not None:
            continue  # an empty list of parts has no leaves
        else:
            yield Leaf(f"{path}{name}", f"{pattern}{name}", index, value)


def _walk_type(part: type[BaseModel], prefix: str) -> Iterator[tuple[str, bool]]:
    """Pattern of each leaf, and whether it is a list of words."""
    for name, field in part.model_fields.items():
        inner = _part_type(part, name)
        path = f"{prefix}{name}"
        listed = _is_list(field.annotation)
        if inner is None:
            yield path, listed
            continue
        if not listed and field.default is None:
            yield path, False
        yield from _walk_type(inner, f"{path}[]." if listed else f"{path}.")


def _part_type(part: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The part that a field holds, alone, optionally or in a list; None for scalars."""
    return _find_part(part.model_fields[name].annotation)


def _find_part(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := _find_part(arg))), None)


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(_is_list(arg) for arg in get_args(annotation))
    return origin is tuple
