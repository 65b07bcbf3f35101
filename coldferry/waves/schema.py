"""The JSON schema of a wave in YAML: what an editor checks while somebody writes one."""

from typing import Any

from coldferry.waves.reading import WORDS
from coldferry.waves.wave import Wave
from coldferry.waves.yaml_manifest import DEFAULTS

_PROMISED = ("name", "vm", "source", "target")
"""A row needs these; the last two may be said once, for all rows."""


_MOMENT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$"
"""The format ``date-time`` is RFC 3339's, which demands seconds."""


def schema() -> dict[str, Any]:
    """As ``coldferry.waves.reading`` takes it, but for what only the whole can show."""
    told = Wave.model_json_schema()
    row, fields = told["$defs"]["Row"], told["properties"]
    row["required"] = [name for name in _PROMISED if name not in DEFAULTS]
    for field in WORDS:
        row["properties"][field] = _words_or_one(row["properties"][field])
    fields["defaults"] = {
        "additionalProperties": False,
        "description": "What holds for every row that does not say otherwise.",
        "properties": {name: row["properties"][name] for name in DEFAULTS},
        "title": "Defaults",
        "type": "object",
    }
    fields["bytes_per_s"]["anyOf"].insert(
        1, {"pattern": r"^[0-9]+(\.[0-9]+)?\s*[KMG]iB$", "type": "string"}
    )
    for moment in told["$defs"]["Window"]["properties"].values():
        moment["anyOf"][0] = {"pattern": _MOMENT, "type": "string"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **told}


def _words_or_one(words: dict[str, Any]) -> dict[str, Any]:
    """A list, or its members in one text with blanks between."""
    rest = {
        key: value for key, value in words.items() if key in ("title", "default", "description")
    }
    only = {key: value for key, value in words.items() if key not in rest}
    return {"anyOf": [only, {"type": "string"}], **rest}
