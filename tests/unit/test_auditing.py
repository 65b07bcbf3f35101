"""Whose an object is, whether its migration lives, and what it costs."""

import pytest
from markdown_it import MarkdownIt

from coldferry.audited import as_json, as_markdown, cost_in_words
from coldferry.auditing import Audit, Belongs, Seen, audit, no_price
from coldferry.migration import Marks, State
from coldferry.ports import KEPT_COPY, PowerState, Tagged

A1, A2 = "web-01-azure-0123abcd-a1", "web-01-azure-0123abcd-a2"
GIB = 1 << 30


def disk(migration: str = A1, name: str = "disk-1") -> Tagged:
    return Tagged(migration, "disk", name, 8 * GIB, "Premium_LRS")


def looked(*tagged: Tagged, state: State | None = None, of: str = A1, price=no_price) -> Audit:
    """A target with these objects, and a source whose machine is so far."""
    marked = (("i-1", Marks(of, state)),) if state else ()
    seen = [Seen("coldferry-cloud/from", marked), Seen("coldferry-cloud/to", (), tagged)]
    return audit(seen, [], price)


@pytest.mark.parametrize(
    ("state", "belongs"),
    [
        (State.APPROVED, Belongs.UNDER_WAY),
        (State.COPYING, Belongs.UNDER_WAY),
        (State.FAILED, Belongs.UNDER_WAY),
        (State.ALLOCATED, Belongs.KEPT),
        (State.CUT_OVER, Belongs.KEPT),
        (State.FINALISED, Belongs.LEFT_BEHIND),
        (State.ROLLED_BACK, Belongs.LEFT_BEHIND),
        (State.REJECTED, Belongs.LEFT_BEHIND),
        (None, Belongs.UNKNOWN),
    ],
)
def test_an_object_is_what_the_state_of_its_migration_makes_it(state, belongs) -> None:
    (entry,) = looked(disk(), state=state).entries

    assert entry.belongs is belongs
    assert entry.vm == ("i-1" if state else "")


def test_an_earlier_attempts_object_is_left_behind_whatever_the_later_one_does() -> None:
    (entry,) = looked(disk(A1), state=State.COPYING, of=A2).entries

    assert entry.belongs is Belongs.LEFT_BEHIND
    assert entry.state == f"before {A2}"
    assert entry.do == f"coldferry rollback {A1}"


@pytest.mark.parametrize(
    ("state", "kind", "verb"),
    [
        (State.FINALISED, "disk", "finalise"),
        (State.ROLLED_BACK, "disk", "rollback"),
        (State.ROLLED_BACK, KEPT_COPY, "finalise"),
        (State.REJECTED, "disk", "rollback"),
    ],
)
def test_what_a_rollback_would_refuse_or_leave_goes_by_finalising(state, kind, verb) -> None:
    (entry,) = looked(Tagged(A1, kind, "left"), state=state).entries

    assert entry.do == f"coldferry {verb} {A1}"


def test_what_was_frozen_before_the_halt_is_the_migrations_as_what_was_frozen_after_it() -> None:
    early = disk(f"{A1}-early")

    (entry,) = looked(early, state=State.ALLOCATED).entries
    assert (entry.belongs, entry.vm) == (Belongs.KEPT, "i-1")
    (entry,) = looked(early, state=State.ROLLED_BACK).entries
    assert (entry.belongs, entry.do) == (Belongs.LEFT_BEHIND, f"coldferry rollback {A1}")


def test_another_machines_migration_says_nothing_of_it() -> None:
    (entry,) = looked(disk(), state=State.COPYING, of="db-azure-99999999-a4").entries

    assert entry.belongs is Belongs.UNKNOWN


def test_an_inspections_snapshot_is_left_behind_once_its_machine_has_arrived() -> None:
    inspected = disk(f"{A1}-inspect")

    assert looked(inspected, state=State.APPROVED).entries[0].belongs is Belongs.UNDER_WAY
    assert looked(inspected, state=State.ALLOCATED).entries[0].belongs is Belongs.LEFT_BEHIND


@pytest.mark.parametrize("word", ["doctor", "", "doctor-1234", "; rm -rf /"])
def test_what_is_no_migrations_word_is_unknown_and_nobody_is_told_to_roll_it_back(word) -> None:
    (entry,) = looked(disk(word), state=State.ROLLED_BACK).entries

    assert entry.belongs is Belongs.UNKNOWN
    assert "rollback" not in entry.do


def test_one_cloud_under_two_names_is_counted_once() -> None:
    seen = [Seen(name, (), (disk(name="/Sub/Disk"), disk(name="/sub/disk"))) for name in "ba"]

    (entry,) = audit(seen, []).entries

    assert entry.cloud == "a"


def test_what_costs_nothing_by_itself_is_known_to_and_the_rest_is_unknown() -> None:
    things = [
        Tagged(A1, "network interface", "nic"),
        Tagged(A1, "security group", "group"),
        Tagged(A1, "VM", "stopped", power=PowerState.STOPPED),
        Tagged(A1, "VM", "running", power=PowerState.RUNNING),
        disk(),
    ]
    found = looked(*things)
    costs = {entry.thing.id: entry.usd_per_day for entry in found.entries}

    assert costs == {"nic": 0.0, "group": 0.0, "stopped": 0.0, "running": None, "disk-1": None}
    assert as_json(found)["without_price"] == 2
    assert cost_in_words(found.entries) == "cost a day unknown"


def test_prices_that_are_known_are_summed_and_the_others_named() -> None:
    disks = [
        Tagged(A1, "disk", name, item="disk-month", place="here", units_per_day=0.5)
        for name in ("one", "two")
    ]
    prices = {("disk-month", "here"): 0.5}

    found = looked(*disks, Tagged(A1, "VM", "vm"), price=lambda *asked: prices.get(asked))

    assert as_json(found)["usd_per_day"] == 0.5
    assert cost_in_words(found.entries) == "0.50 USD a day and 1 of unknown price"


def test_orphans_come_first() -> None:
    found = looked(
        disk(A2, "mine"), disk("gone-azure-77777777-a1", "lost"), state=State.COPYING, of=A2
    )

    assert [entry.thing.id for entry in found.entries] == ["lost", "mine"]
    assert [entry.thing.id for entry in found.orphans] == ["lost"]


def test_a_cloud_that_did_not_answer_is_said_not_to_be_listed() -> None:
    page = as_markdown(audit([], ["coldferry-cloud/x"]))

    assert "No answer from `coldferry-cloud/x`" in page


def test_a_strangers_names_are_text_and_nothing_else() -> None:
    evil = "[x](javascript:alert(1)) <img src=x> | `code` https://there"
    page = as_markdown(looked(Tagged(evil, evil, evil, 1, evil)))
    tokens = (
        MarkdownIt("commonmark", {"html": True, "linkify": True})
        .enable("table")
        .enable("linkify")
        .parse(page)
    )
    inline = [child for token in tokens for child in token.children or []]

    assert {token.type for token in inline} <= {"text", "code_inline", "softbreak"}
    rows = [token for token in tokens if token.type == "tr_open"]
    assert len(rows) == 2
