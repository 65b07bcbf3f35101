"""Checks a PUT body against Microsoft's published Bicep types.

The type files are not part of the project; a test that needs them skips when
they are absent. Flags of a property: 1 required, 2 read-only.
"""

import json
from pathlib import Path
from typing import Any

TYPES_DIR = Path(__file__).parents[3] / "shared" / "azure-types"
FILES = {
    "Microsoft.Compute": "microsoft.compute-{version}.types.json",
    "Microsoft.Network": "microsoft.network-{version}.types.json",
}
REQUIRED, READ_ONLY = 1, 2
# Given by the address, not by the body.
IMPLIED = {"name", "type", "id", "apiVersion"}


def problems(arm_type: str, version: str, body: Any) -> list[str] | None:
    """What is wrong with a body; None when there are no types to check it against."""
    file = TYPES_DIR / FILES[arm_type.split("/", maxsplit=1)[0]].format(version=version)
    if not file.is_file():
        return None
    types = json.loads(file.read_text())
    wanted = f"{arm_type}@{version}".lower()
    for entry in types:
        if entry["$type"] == "ResourceType" and entry["name"].lower() == wanted:
            return list(_walk(types, entry["body"], body, arm_type))
    return None


SCALARS: dict[str, type] = {"StringType": str, "BooleanType": bool, "IntegerType": int}


def _walk(types: list[Any], reference: Any, value: Any, path: str) -> list[str]:
    kind = types[int(reference["$ref"].removeprefix("#/"))]
    name = kind["$type"]
    found: list[str] = []
    if value is None or name in ("AnyType", "DiscriminatedObjectType"):
        return found
    if name == "ObjectType":
        found = _object(types, kind, value, path)
    elif name == "ArrayType" and isinstance(value, list):
        for position, item in enumerate(value):
            found += _walk(types, kind["itemType"], item, f"{path}[{position}]")
    elif name == "UnionType":
        if all(_walk(types, element, value, path) for element in kind["elements"]):
            found = [f"{path}: {value!r} is none of the known values"]
    elif name == "StringLiteralType":
        if value != kind["value"]:
            found = [f"{path}: {value!r} is not {kind['value']!r}"]
    # Compared by type alone: a boolean is an int to Python, and never one to ARM.
    elif type(value) is not SCALARS.get(name):
        found = [f"{path}: {value!r} is no {name}"]
    return found


def _object(types: list[Any], kind: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: not an object"]
    found: list[str] = []
    known, other = kind.get("properties", {}), kind.get("additionalProperties")
    for name, item in value.items():
        if name in known and known[name]["flags"] & READ_ONLY:
            found.append(f"{path}.{name}: read-only")
        elif name in known or other is not None:
            reference = known[name]["type"] if name in known else other
            found += _walk(types, reference, item, f"{path}.{name}")
        else:
            found.append(f"{path}.{name}: unknown")
    for name, field in known.items():
        if field["flags"] & REQUIRED and name not in IMPLIED and name not in value:
            found.append(f"{path}.{name}: missing")
    return found
