"""What a failed wave says first."""

from datetime import UTC, datetime, timedelta

import pytest

from coldferry.waves.failing import Machine, WaveFailure
from tests.unit.command_lines import parses

NOW = datetime(2031, 5, 4, 3, 0, tzinfo=UTC)
DB = Machine("db", "i-1", "failed", "Azure denied it.", True, "db-azure-0123abcd-a1")
WEB = Machine("web", "i-2", "skipped", "db failed", False)
TILL = Machine("till", "i-3", "done", "", True, "till-azure-0123abcd-a1")


def failure(**changes) -> WaveFailure:
    given = {
        "name": "weekend 1", "what": "Wave weekend 1: 1 of 3 machines arrived.",
        "do": "The same wave again does what is left.", "step": "moving the machines",
        "deployed": True, "now": NOW, "machines": [DB, WEB, TILL],
        "abort_at": NOW + timedelta(minutes=41, seconds=30),
    }  # fmt: skip
    return WaveFailure(**{**given, **changes})


def test_it_says_which_machines_failed_and_whose_sources_are_halted() -> None:
    page = failure().as_markdown()
    facts = [line for line in page.splitlines() if line.startswith("- **")]

    assert facts == [
        "- **Cause**: Wave weekend 1: 1 of 3 machines arrived. "
        "The same wave again does what is left.",
        "- **Step**: `moving the machines`",
        "- **Machines**: 1 of 3 arrived. failed: `db`. skipped: `web`.",
        "- **Sources**: **halted**, and not arrived: `db`.",
        "- **What exists**: nothing, at neither end.",
        "- **Is a retry safe**: yes; the same wave again does only what is left.",
        "- **Window**: 41 minutes left until halted sources are to be put back.",
    ]
    assert page.startswith("# Failed: wave `weekend 1`")


@pytest.mark.parametrize(
    ("changes", "commands"),
    [
        ({}, ["resume 'weekend 1'", "abort db-azure-0123abcd-a1", "list"]),
        (
            {"abort_at": NOW - timedelta(minutes=1)},
            ["abort db-azure-0123abcd-a1", "resume 'weekend 1'", "list"],
        ),
        ({"deployed": False}, ["abort db-azure-0123abcd-a1", "list", "audit"]),
        ({"deployed": False, "machines": [WEB]}, ["list", "audit", "status"]),
    ],
)
def test_the_likeliest_command_comes_first(changes, commands) -> None:
    told = [command for command, _ in failure(**changes).commands]

    assert told == [f"coldferry {command}" for command in commands]
    assert all(map(parses, told))


def test_each_machine_that_did_not_arrive_has_its_reason_and_its_command() -> None:
    page = failure().as_markdown()

    assert (
        "| `db` `i-1` | failed | **halted** | Azure denied it. "
        "| `coldferry abort db-azure-0123abcd-a1` |" in page
    )
    assert "| `web` `i-2` | skipped | not halted by us | db failed | `coldferry list` |" in page
    assert "`till`" not in page


def test_a_source_that_does_not_answer_is_never_said_to_run() -> None:
    silent = Machine("db", "i-1", "not known", "its source does not answer", None)
    page = failure(machines=[silent]).as_markdown()

    assert "Of `db` it is not known." in page
    assert "| `db` `i-1` | not known | not known |" in page


def test_a_notification_says_the_same_without_markup() -> None:
    text = failure().as_text()

    assert "Sources: HALTED, and not arrived: db." in text
    assert "1. coldferry resume 'weekend 1'" in text
    assert "`" not in text
