"""What a failed run says first."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from markdown_it import MarkdownIt

from coldferry.auditing import Belongs, Entry
from coldferry.failing import Failure
from coldferry.migration import Marks, State
from coldferry.ports import PowerState, Tagged
from coldferry.remedies import VERBS
from tests.unit.command_lines import parses

MIGRATION = "web-01-azure-0123abcd-a1"
NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
DISK = Entry(
    "coldferry-cloud/to", Tagged(MIGRATION, "disk", "disk-1", 8 << 30), Belongs.UNDER_WAY,
    "failed", "i-1", 0.5, "",
)  # fmt: skip


def failure(**changes) -> Failure:
    given = {
        "run": "r", "migration": MIGRATION, "source": "coldferry-cloud/from", "vm": "i-1",
        "target": "coldferry-cloud/to", "what": "Azure denied it.", "do": "Grant it.",
        "step": "copy", "resumable": True, "now": NOW, "power": PowerState.STOPPED,
        "marks": Marks(MIGRATION, State.FAILED, "running"), "exists": [DISK],
    }  # fmt: skip
    return Failure(**{**given, **changes})


def test_all_seven_facts_are_on_top_in_their_order() -> None:
    page = failure(abort_at=NOW + timedelta(minutes=41, seconds=30)).as_markdown()
    facts = [line for line in page.splitlines() if line.startswith("- **")]

    assert facts == [
        "- **Cause**: Azure denied it. Grant it.",
        "- **Step**: `copy`",
        "- **Source** `i-1`: **stopped**; it ran before the halt.",
        "- **What exists**: 1 object, 0.50 USD a day.",
        "- **Is a retry safe**: yes; it goes on where it ended, and nothing is made twice.",
        "- **Window**: 41 minutes left until the source is to be put back.",
    ]
    assert page.count("1. `coldferry ") == 3


@pytest.mark.parametrize(
    ("changes", "verbs"),
    [
        ({}, ["resume", "abort", "status"]),
        ({"abort_at": NOW - timedelta(minutes=1)}, ["abort", "status", "resume"]),
        ({"resumable": False}, ["abort", "status", "audit"]),
        ({"marks": None, "exists": [], "resumable": False}, ["plan", "resume", "status"]),
        ({"migration": "", "marks": None, "exists": []}, ["plan", "doctor", "list"]),
    ],
)
def test_the_likeliest_command_comes_first(changes, verbs) -> None:
    commands = [command for command, _ in failure(**changes).commands]

    assert [command.split()[1] for command in commands] == verbs


def test_what_could_not_be_asked_is_never_said_to_be_well() -> None:
    page = failure(power=None, marks=None, exists=[], unasked=["from: no answer"]).as_markdown()

    assert "its power state could not be asked" in page
    assert "nothing of it is known" in page
    assert "nothing was touched" not in page
    assert "from: no answer" in page


def test_of_a_process_that_was_killed_the_tags_tell_how_far_it_was() -> None:
    killed = failure(step="", marks=Marks(MIGRATION, State.COPYING, "running"))

    assert "**Step**: not known; recorded last is `copying`." in killed.as_markdown()


def test_a_window_that_is_over_says_so() -> None:
    assert "it ended 5 minutes ago" in failure(abort_at=NOW - timedelta(minutes=5)).as_markdown()


def test_a_hostile_cause_makes_no_link() -> None:
    page = failure(what="[x](javascript:alert(1)) https://there <b>", vm="`|`").as_markdown()
    kit = MarkdownIt("commonmark", {"html": True, "linkify": True}).enable("linkify")
    inline = [child for token in kit.parse(page) for child in token.children or []]

    assert not {"link_open", "html_inline", "image"} & {token.type for token in inline}


@pytest.mark.parametrize(
    ("verb", "verbs"),
    [
        ("cutover", ["cutover", "rollback", "status"]),
        ("rollback", ["rollback", "status", "audit"]),
        ("abort", ["abort", "status", "rollback"]),
        ("finalise", ["finalise", "status", "audit"]),
    ],
)
def test_what_comes_after_a_migration_has_its_own_commands(verb, verbs) -> None:
    told = failure(verb=verb)

    assert [command.split()[1] for command, _ in told.commands] == verbs
    assert told.as_markdown().startswith(f"# Failed: {verb} `{MIGRATION}`")


def test_the_same_command_is_named_with_all_that_the_run_was_given() -> None:
    given = {
        "security_groups": ["web", "a b"], "checks": ["tcp:443"], "checks_within_s": 600,
        "keep_days": 3, "go": True, "vm": "i-1",
    }  # fmt: skip
    (again, _), *_ = failure(verb="cutover", given=given).commands

    assert again == (
        f"coldferry cutover {MIGRATION} --security-group web --security-group 'a b' "
        "--check tcp:443 --keep-days 3"
    )


def test_a_removal_is_asked_for_again_and_approved_anew() -> None:
    given = {
        "keep_days": None, "source_gone": True, "remove_source": True, "machine": "i-1", "go": True,
    }  # fmt: skip
    (again, _), *_ = failure(verb="finalise", given=given).commands
    (plain, _), *_ = failure(
        verb="finalise", given={"source_gone": False, "remove_source": False, "machine": ""}
    ).commands

    assert again == f"coldferry finalise {MIGRATION} --source-gone --remove-source"
    assert plain == f"coldferry finalise {MIGRATION}"


def test_every_command_that_a_failure_names_is_one_that_there_is() -> None:
    given = {
        "cutover": {"security_groups": ["web"], "checks": [], "checks_within_s": 30},
        "rollback": {"discard_used": True, "target_writes": "discard"},
        "abort": {"discard_used": True},
        "finalise": {"keep_days": 3, "remove_source": True, "source_gone": True},
    }
    told = [
        command
        for verb in VERBS
        for resumable in (True, False)
        for migration in (MIGRATION, "")
        for command, _ in failure(
            verb=verb, resumable=resumable, migration=migration, given=given.get(verb, {})
        ).commands
    ]

    assert [line for line in told if not parses(line)] == []


def test_a_cutover_that_left_neither_machine_running_says_so() -> None:
    moved = Marks(MIGRATION, State.CUT_OVER, "running", "2026-11-29T02:00:00+00:00")
    page = failure(verb="cutover", marks=moved, target_power=PowerState.STOPPED).as_markdown()

    assert "- **New machine**: **stopped**: neither of the two runs." in page
    assert "**stopped**; it was tagged as moved, and stays halted." in page


def test_a_moved_source_that_runs_is_not_overlooked() -> None:
    moved = Marks(MIGRATION, State.CUT_OVER, "running")
    page = failure(verb="cutover", marks=moved, power=PowerState.RUNNING).as_markdown()

    assert "**running**, though the new machine has taken over: stop one of the two." in page


def test_a_notification_has_the_same_facts_and_commands_without_markup() -> None:
    told = failure(abort_at=NOW + timedelta(minutes=41), what="Azure `denied` *it*.")
    text = told.as_text()

    assert "Cause: Azure `denied` *it*. Grant it." in text
    assert "Source i-1: STOPPED; it ran before the halt." in text
    assert "Window: 41 minutes left until the source is to be put back." in text
    assert re.findall(r"^\d\. (coldferry \w+ \S+)", text, re.MULTILINE) == [
        command for command, _ in told.commands
    ]
    assert "**" not in text


def test_a_notification_of_a_hostile_cause_makes_no_link() -> None:
    assert "https://" not in failure(what="See https://evil.example now.").as_text()
