"""A wave in YAML: its fields, ``rows``, and ``defaults`` for the rows that do not say otherwise.

Of ``options``, ``answers`` and ``placement`` each entry has its default by
itself.
"""

from typing import Any

import yaml

from coldferry.errors import BadInput
from coldferry.plain import plain
from coldferry.strict_yaml import compose, line, word
from coldferry.waves.written import Place, Written, clean, spot

DEFAULTS = (
    "source", "target", "owner", "group", "options", "answers", "placement", "checks",
    "checks_within_s", "security_groups",
)  # fmt: skip
_MOST_WORDS = 100_000
"""Five hundred rows of two hundred."""
_DEEPEST = 4
"""``rows``, a row, its ``answers``, a list of words."""


def read(text: str | bytes, name: str) -> Written:
    """Raises BadInput when it is no YAML mapping, or none that is safe to read."""
    node = compose(text, name, "a wave", _MOST_WORDS)
    if not isinstance(node, yaml.MappingNode):
        raise BadInput(
            f"{name} is not a wave: it must say 'name:', 'rows:' and so on, a line each.",
            "Begin with the example in docs/waves.md.",
        )
    written = Written()
    head = _told(node, (), written)
    defaults = head.pop("defaults", None) or {}
    rows = head.pop("rows", None) or []
    written.head = head
    if not isinstance(rows, list):
        written.fault(("rows",), "rows: must be a list, one '- name: …' a machine")
        rows = []
    if not isinstance(defaults, dict):
        written.fault(("defaults",), "defaults: must be 'field: value' lines")
        defaults = {}
    for key in defaults.keys() - set(DEFAULTS):
        known = ", ".join(DEFAULTS)
        written.fault(("defaults", key), f"defaults: there is no {plain(key, 60)}, only {known}")
    for at, row in enumerate(rows):
        if isinstance(row, dict):
            _inherit(row, defaults, at, written)
        else:
            written.fault(("rows", at), "rows: each must be 'field: value' lines")
    written.rows = [row if isinstance(row, dict) else None for row in rows]
    return written


def _inherit(row: dict[str, Any], defaults: dict[str, Any], at: int, written: Written) -> None:
    """Complete a row; a default's line is where a fault in it is looked for."""
    for key in DEFAULTS:
        told, own = defaults.get(key), row.get(key)
        if isinstance(told, dict) and isinstance(own, dict):
            absent = {name: one for name, one in told.items() if name not in own}
            own.update(absent)
            written.inherited((("rows", at, key, name), ("defaults", key, name)) for name in absent)
        elif told is not None and own is None:
            row[key] = dict(told) if isinstance(told, dict) else told
            written.inherited([(("rows", at, key), ("defaults", key))])


def _told(node: yaml.Node, place: Place, written: Written) -> Any:
    """Words, lists and mappings of them; what is empty is not there."""
    written.lines.setdefault(place, line(node))
    if isinstance(node, yaml.ScalarNode):
        return clean(word(node))
    if len(place) >= _DEEPEST:
        written.fault(place, f"{plain(spot(place))}: is nested too deep")
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_told(item, (*place, at), written) for at, item in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key_node, value in node.value:
        key = word(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if not key or key in found:
            what = f"{plain(key, 60)} stands there twice" if key else "a key must be one word"
            written.faults.append((line(key_node), what))
            continue
        written.lines[(*place, key)] = line(key_node)
        found[key] = _told(value, (*place, key), written)
    return {key: told for key, told in found.items() if told is not None}
