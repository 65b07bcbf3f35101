"""What a request body may contain, taken from the installed SDK's own models.

The SDK does not check a dictionary before sending it; Azure does. Each model
class lists its wire names, types and visibility (``read`` alone is read-only),
and this module walks them. The models know no closed and open enums apart, so
every enum is closed here but those in ``OPEN_ENUMS``, which lag behind the
service and are checked by the rules of their resource.
"""

import datetime as dt
import enum
import types
import typing
from functools import cache
from typing import Any

from azure.mgmt.compute import models as compute_models
from azure.mgmt.network import models as network_models

from sandbox.azure.errors import ArmError, invalid_parameter

OPEN_ENUMS = frozenset({"VirtualMachineSizeTypes"})
_SCALARS: dict[type, tuple[type, ...]] = {
    str: (str,),
    bool: (bool,),
    int: (int,),
    float: (int, float),
    dt.datetime: (str,),
    dt.date: (str,),
    dt.timedelta: (str,),
    bytes: (str,),
}


class Field(typing.NamedTuple):
    """One property of a model, by its wire name."""

    annotation: Any
    required: bool
    read_only: bool


class _Models:
    """Resolves ``_models.X`` of an annotation, also for classes the package keeps private."""

    def __init__(self, package: types.ModuleType, private: types.ModuleType) -> None:
        self._places = (package, private)

    def __getattr__(self, name: str) -> Any:
        for place in self._places:
            if hasattr(place, name):
                return getattr(place, name)
        raise AttributeError(name)


@cache
def fields(model: type) -> dict[str, Field]:
    """The properties of a model class by wire name, its base classes included."""
    model({})  # The SDK fills in the wire names when the first instance is made.
    package = compute_models if ".compute." in model.__module__ else network_models
    private = typing.cast("types.ModuleType", getattr(package, "_models"))  # noqa: B009
    scope = {"_models": _Models(package, private)}
    hints = typing.get_type_hints(model, vars(private) | scope, scope)
    found = {}
    rest_fields: dict[str, Any] = getattr(model, "_attr_to_rest_field")  # noqa: B009
    for attribute, rest_field in rest_fields.items():
        annotation = hints[attribute]
        optional = type(None) in typing.get_args(annotation)
        visibility = getattr(rest_field, "_visibility", None)
        name = str(rest_field._rest_name)
        found[name] = Field(annotation, not optional, visibility == ["read"])
    return found


def check_body(body: Any, model: type, update: bool = False) -> None:
    """Refuse a body that does not fit ``model``; an ``update`` may leave out required ones."""
    _check_model(body, model, "", update)


def _check_model(value: Any, model: type, path: str, update: bool) -> None:
    if not isinstance(value, dict):
        raise _refusal(path or "(body)", "must be an object")
    known = fields(model)
    for name, item in value.items():
        here = f"{path}.{name}" if path else name
        if name not in known:
            raise _refusal(here, f"Could not find member '{name}' on object")
        if known[name].read_only:
            raise _refusal(here, "is read-only")
        if item is not None:
            _check_value(item, known[name].annotation, here, update)
    for name, field in known.items():
        if field.required and not field.read_only and not update and value.get(name) is None:
            here = f"{path}.{name}" if path else name
            if here == "location":
                raise ArmError(
                    400, "LocationRequired", "The location property is required for this definition"
                )
            raise invalid_parameter(here, f"Required parameter '{here}' is missing (null).")


def _check_value(value: Any, annotation: Any, path: str, update: bool) -> None:
    origin = typing.get_origin(annotation)
    arguments = [item for item in typing.get_args(annotation) if item is not type(None)]
    if origin is typing.Union or origin is types.UnionType:
        enums = [item for item in arguments if _is_enum(item)]
        _check_value(value, enums[0] if enums else arguments[0], path, update)
    elif origin is list:
        if not isinstance(value, list):
            raise _refusal(path, "must be an array")
        for position, item in enumerate(value):
            _check_value(item, arguments[0], f"{path}[{position}]", update)
    elif origin is dict:
        if not isinstance(value, dict):
            raise _refusal(path, "must be an object")
        for name, item in value.items():
            _check_value(item, arguments[1], f"{path}.{name}", update)
    elif annotation is not Any:
        _check_plain(value, annotation, path, update)


def _check_plain(value: Any, annotation: Any, path: str, update: bool) -> None:
    if _is_enum(annotation):
        _check_enum(value, annotation, path)
    elif annotation in _SCALARS:
        # A boolean is an int to Python, and never one to ARM.
        wrong_bool = isinstance(value, bool) and annotation is not bool
        if wrong_bool or not isinstance(value, _SCALARS[annotation]):
            raise _refusal(path, f"must be of type {annotation.__name__}")
    elif isinstance(annotation, type) and annotation.__module__.startswith("azure.mgmt."):
        _check_model(value, annotation, path, update)
    else:
        raise TypeError(f"the SDK's type of '{path}' is not understood: {annotation}")


def _is_enum(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, enum.Enum)


def _check_enum(value: Any, annotation: type[enum.Enum], path: str) -> None:
    allowed = [str(item.value) for item in annotation]
    if not isinstance(value, str):
        raise _refusal(path, "must be a string")
    if annotation.__name__ not in OPEN_ENUMS and value not in allowed:
        raise _refusal(path, f"Error converting value '{value}', known are: {', '.join(allowed)}")


def _refusal(path: str, why: str) -> ArmError:
    return ArmError(
        400, "InvalidRequestContent", f"The request content was invalid: '{path}': {why}.", path
    )
