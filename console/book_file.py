"""The translation book as a YAML file: a list of rules, each as ``coldferry.book`` has it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from coldferry.book import Book, BookRule
from coldferry.errors import BadInput, FaultyFile
from coldferry.plain import plain
from coldferry.strict_yaml import compose_file, line, word
from console import new_file

_MAX_BYTES = 4 << 20
"""Some ten thousand rules: 2,000 were 0.6 MB, and took two seconds to read."""

_CLOCKS_DIFFER = timedelta(minutes=5)

_HEAD = """\
# The translation book: answers that were approved, each for all machines that it fits.
# To change one, write another value and leave out `at`: the newer rule counts.
"""


def write(path: Path, rules: Iterable[BookRule]) -> None:
    """Raises BadInput when the file cannot be written, or holds something else."""
    rows = [rule.model_dump(mode="json") for rule in rules]
    text = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=1 << 16)
    new_file.write(path, _HEAD + text)


def read(path: Path, known: Book) -> list[BookRule]:
    """The rules in a file. Without ``by`` the file itself is named, without ``at`` it is now.

    Raises FaultyFile naming every fault with its line. One is a known rule that
    was given another value but not another time: neither would be the newer.
    """
    node = compose_file(path, "a book", _MAX_BYTES)
    if node is not None and not isinstance(node, yaml.SequenceNode):
        raise BadInput(
            f"{path} is not a book: it must be a list of rules.",
            "Give a file that 'coldferry book export' writes.",
        )
    absent = {"by": f"the file {path.name}"[:256], "at": datetime.now(UTC).isoformat()}
    faults: list[str] = []
    found: dict[str, BookRule] = {}
    at_line: dict[str, int] = {}
    for item in node.value if node is not None else ():
        try:
            rule = BookRule.model_validate(absent | dict(_pairs(item)))
        except ValidationError as wrong:
            faults += [f"line {line(item)}: {_sentence(error)}" for error in wrong.errors()]
        except ValueError as wrong:
            faults.append(f"line {line(item)}: {wrong}")
        else:
            found[rule.id], at_line[rule.id] = rule, line(item)
    kept = {(rule.question, rule.at): rule for rule in known.rules}
    faults += [
        f"line {at_line[rule.id]}: its `at` is in the future: no later rule could take its place"
        for rule in found.values()
        if datetime.fromisoformat(rule.at) > datetime.now(UTC) + _CLOCKS_DIFFER
    ]
    faults += [
        f"line {at_line[rule.id]}: says otherwise than rule {other.id} of the same time; "
        "leave out its `at`"
        for rule in found.values()
        if (other := kept.get((rule.question, rule.at))) and other.id not in found
    ]
    if faults:
        raise FaultyFile(str(path), [plain(fault, 400) for fault in faults])
    return list(found.values())


def _pairs(item: yaml.Node) -> Iterator[tuple[str, Any]]:
    """One mapping's words. Raises ValueError for anything nested deeper than a rule is."""
    if not isinstance(item, yaml.MappingNode):
        raise ValueError("is not a rule")  # noqa: TRY004 - a reader's words
    seen = set()
    for key_node, value in item.value:
        key = word(key_node)
        if key is None or key in seen:
            raise ValueError(f"{key or 'a key'} stands there twice, or is empty")
        seen.add(key)
        if key == "when" and isinstance(value, yaml.MappingNode):
            yield key, {name: said or "" for name, said in _pairs(value)}
        elif isinstance(value, yaml.SequenceNode):
            yield key, [word(one) or "" for one in value.value]
        elif (said := word(value)) is not None:
            yield key, said
        elif key not in ("by", "at", "value"):
            yield key, ""


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"] if part not in ("str", "tuple"))
    said = error["msg"].removeprefix("Value error, ")
    return f"{where}: {said}" if where else said
