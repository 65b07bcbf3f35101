"""Answers in YAML: read strictly, written ready to fill in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from coldferry.errors import BadInput
from coldferry.inquiry import inquiries
from coldferry.machine import Machine
from coldferry.plain import plain, shown
from coldferry.plan import Plan
from coldferry.rules import strangers
from coldferry.strict_yaml import compose_file
from coldferry.translation import ACKNOWLEDGE, as_said
from console import new_file

_MAX_BYTES = 1 << 20
"""Small enough to be parsed at once; a thousand answers are a tenth of it."""


def read(path: Path) -> dict[str, Any]:
    """Answers by path; None where a field is left empty, which is :func:`answered` none.

    Raises BadInput when the file is not a flat mapping, repeats a key, or
    uses anchors (a few hundred bytes of them make gigabytes).
    """
    node = compose_file(path, "an answers file", _MAX_BYTES)
    try:
        return {} if node is None else _mapping(node)
    except ValueError as error:
        raise BadInput(
            f"{path} is not an answers file: {error}.",
            "Write one 'field: value' a line; 'coldferry plan … --write-answers FILE' begins one.",
        ) from None


def answered(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was answered: a path without a value is no answer."""
    return {path: value for path, value in given.items() if value is not None}


def checkable(machine: Machine, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was answered, and each path that is no field: it is refused beside all else."""
    return answered(given) | {path: given[path] or "" for path in strangers(machine, given)}


def write(path: Path, plan: Plan, given: Mapping[str, Any], came_from: Path | None = None) -> None:
    """What was answered already, and one commented line for each open field.

    A file that is there is replaced only when the answers came from it, or when
    the same would be written: else somebody's answers would be lost.

    What the translation book answers stands there as a comment: a person's
    line in its place would be heeded first.

    Raises BadInput when the file cannot be written.
    """
    text = _as_text(plan, given)
    try:
        if came_from is not None and path.exists() and path.samefile(came_from):
            path.write_text(text, encoding="utf-8")
            return
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written: {error.strerror}.", "Name a file in a folder of yours."
        ) from None
    new_file.write(
        path,
        text,
        f"Name another file, or give this one with --answers {path} too: what it answers is "
        "then kept.",
    )


def _as_text(plan: Plan, given: Mapping[str, Any]) -> str:
    lines = [
        f"# {plain(plan.machine.name)} ({plain(plan.machine.origin.id)}), "
        f"migration {plan.migration}",
        "# Fill in the values and give this file with --answers.",
        f"# Where it says so, the value is the word: {ACKNOWLEDGE}",
    ]
    if given:
        lines += ["", "# Answered so far:", yaml.safe_dump(dict(given), width=4096).rstrip()]
    lines += _from_book(plan)
    for gap in inquiries(plan.machine, plan.translation):
        lines += ["", f"# {gap.title}", f"# now: {plain(shown(gap.field.source))}"]
        lines += [f"# {plain(part)}" for part in (gap.field.reason, gap.field.difference) if part]
        if gap.acknowledges:
            lines.append(f"# If you agree, write: {ACKNOWLEDGE}")
        lines += [
            f"#   {plain(choice.value)}  {plain(choice.meaning)}".rstrip()
            for choice in gap.field.candidates
        ]
        if gap.proposal:
            lines.append(f"# proposed: {plain(gap.proposal)}")
        elif gap.field.example:
            lines.append(f"# for example: {plain(gap.field.example)}")
        lines += [f"{path}:" for path in gap.paths]
    return "\n".join(lines) + "\n"


def _from_book(plan: Plan) -> list[str]:
    found = [(field, field.precedent) for field in plan.translation.fields if field.precedent]
    if not found:
        return []
    lines = [
        "",
        "# The translation book answers these; to say otherwise, write the line without #:",
    ]
    for field, first in found:
        value = _on_one_line(first.said)
        lines.append(f"# {field.path}: {value}  # rule {first.rule}, first by {plain(first.by)}")
    return lines


def _on_one_line(said: str | list[str]) -> str:
    """A value in YAML; in double quotes where a line break or the like must be escaped."""
    style = None if "".join(said).isprintable() else '"'
    dumped = yaml.safe_dump([said], width=1 << 16, default_flow_style=True, default_style=style)
    return dumped.strip()[1:-1]


def _mapping(node: yaml.Node) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise ValueError("it must be one 'field: value' a line")  # noqa: TRY004 - a reader's words
    answers: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ValueError(f"line {line} is not 'field: value'")  # noqa: TRY004
        if key_node.value in answers:
            raise ValueError(f"{key_node.value} is answered twice")
        answers[key_node.value] = _value(value_node, line)
    return answers


def _value(node: yaml.Node, line: int) -> str | list[str] | None:
    """A word as it was written, or a list of words: no types are guessed."""
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag.endswith(":null") else str(as_said(node.value))
    if isinstance(node, yaml.SequenceNode) and all(
        isinstance(item, yaml.ScalarNode) for item in node.value
    ):
        return [str(item.value) for item in node.value]
    raise ValueError(f"line {line} is not 'field: value'")
