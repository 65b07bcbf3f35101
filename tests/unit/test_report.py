"""The report as a person reads it in the Prefect UI."""

import re

from coldferry.approval import approve
from coldferry.downtime import Downtime
from coldferry.errors import Finding
from coldferry.migration import State
from coldferry.plan import Plan
from coldferry.report import Report, Stopwatch
from coldferry.report_file import as_html
from coldferry.report_page import as_markdown
from tests.conformance.worlds import a_machine, a_target

FINDING = Finding("warn", "no-swap", "[disk0](http://x)", "It swaps.", "Turn it off: https://x.")
HALTED = Downtime("2026-11-28T02:13:05+00:00", "2026-11-28T02:17:15+00:00")


def _markdown() -> str:
    cloud, machine = a_target(), a_machine()
    translation = cloud.translate(machine, cloud.catalogue(), {})
    plan = Plan(migration="web-01-there-0-a1", machine=machine, translation=translation)
    approval = approve(plan, {}, "rules alone")
    timed = Stopwatch()
    with timed("halt"):
        pass
    return as_markdown(
        Report(
            plan.migration, State.ALLOCATED, "i-1", "vm-1", [], approval, [FINDING], timed, HALTED
        )
    )


def test_a_finding_says_what_to_do_and_makes_no_link() -> None:
    (line,) = [
        line for line in _markdown().splitlines() if "swaps" in line and line.startswith("- `")
    ]

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


def test_the_first_five_lines_say_what_a_person_must_know() -> None:
    lines = [line for line in _markdown().splitlines() if line][1:6]

    assert [re.match(r"- \*\*(.+?)\*\*: ", line)[1] for line in lines] == [
        "Result", "Downtime", "What differs", "What you must still do", "Finalise by"
    ]  # fmt: skip
    assert "4 min so far, since 2026-11-28T02:13:05+00:00" in lines[1]
    assert "look at 1 warning below (first: It swaps.)" in lines[3]
    assert "coldferry rollback web-01-there-0-a1" in lines[3]


def test_the_timeline_says_when_each_step_began() -> None:
    (row,) = [line for line in _markdown().splitlines() if "| `halt` |" in line]

    assert re.match(r"\| 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 \|", row)


def test_the_timeline_says_from_when_on_the_source_is_halted() -> None:
    text = _markdown()
    timeline = text[text.index("## Timeline") : text.index("| began (UTC)")]

    assert "halted from `2026-11-28T02:13:05+00:00` on" in timeline
    assert "this run ended at `2026-11-28T02:17:15+00:00`" in timeline


def test_a_page_for_the_ticket_runs_and_fetches_nothing() -> None:
    hostile = "<script>alert(1)</script> [a](javascript:alert(1)) ![b](http://x.example/y.png)"
    page = as_html("</title><b>", f"{_markdown()}\n\n{hostile}\n")

    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert "<td><code>halt</code></td>" in page
    for markup in ("<script", "<img", "<a ", "<b>"):
        assert markup not in page
