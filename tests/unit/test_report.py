"""The report as a person reads it in the Prefect UI."""

from coldferry.approval import approve
from coldferry.errors import Finding
from coldferry.migration import State
from coldferry.plan import Plan
from coldferry.report import Report
from tests.conformance.worlds import a_machine, a_target

FINDING = Finding("warn", "no-swap", "[disk0](http://x)", "It swaps.", "Turn it off: https://x.")


def _markdown() -> str:
    cloud, machine = a_target(), a_machine()
    translation = cloud.translate(machine, cloud.catalogue(), {})
    plan = Plan(migration="web-01-there-0-a1", machine=machine, translation=translation)
    approval = approve(plan, {}, "rules alone")
    return Report(
        plan.migration, State.ALLOCATED, "i-1", "vm-1", [], approval, [FINDING], {"copy": 1.0}
    ).as_markdown()


def test_a_finding_says_what_to_do_and_makes_no_link() -> None:
    (line,) = [line for line in _markdown().splitlines() if "swaps" in line]

    assert line == "- `[disk0](http://x)`: It swaps. Turn it off: https:/ /x."


def test_no_cell_is_an_empty_code_span_and_no_value_a_literal() -> None:
    text = _markdown()

    assert "` `" not in text
    assert "`None`" not in text
    assert "`True`" not in text
    assert "`()`" not in text


def test_what_differs_stands_before_all_fields_in_lines_that_wrap() -> None:
    text = _markdown()
    differs, every = text.index("## What differs"), text.index("## All fields")
    lines = [line for line in text[differs:every].splitlines() if line.startswith("- ")]

    assert differs < every
    assert any("(`instance_type`)" in line and "equivalent by rule" in line for line in lines)
    assert not any(" exact by rule" in line for line in lines)


def test_bytes_are_said_as_a_person_says_them() -> None:
    (memory,) = [line for line in _markdown().splitlines() if line.endswith("| `memory_bytes` |")]

    assert memory.split(" | ")[2].endswith("GiB`")
