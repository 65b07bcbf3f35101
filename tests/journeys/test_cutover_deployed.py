"""What comes after a migration, from the UI: each asks in a form, and does nothing before.

A worker carries out what an answer comes to; what asks, or ends with its form, is carried out here.
"""

import pytest

from flows.cutover import cutover
from flows.finalise import finalise
from flows.rollback import rollback
from tests.journeys.by_hand import ByHand

pytestmark = pytest.mark.slow

GROUP = "nsg-existing"


@pytest.fixture(scope="module")
def moved(served, tmp_path_factory):
    """A finished move, made by command: its id, both machines, and what was there before."""
    seeded = served.seeder.small(tags={"Name": "till-07"})
    before = served.arrivals.everything()
    answers = served.sandbox.answers(seeded.vm, tmp_path_factory.mktemp("a") / "answers.yaml")
    sandbox = served.sandbox
    report = sandbox.here("migrate", sandbox.source, seeded.vm, sandbox.target, *answers).document
    return {"vm": seeded.vm, "migration": report["migration"]}, report["target_vm"], before


@pytest.fixture(scope="module")
def no_go(served, moved):
    """A cutover that is called off in its form."""
    by_hand = ByHand(served, cutover)
    asked = by_hand.order(**moved[0])
    schema, text = served.form(asked)
    done = by_hand.answer(asked, decision="no-go", decided_by="Ada", reason="Not tonight.")
    return schema, text, done, served.arrivals.power(moved[1])


@pytest.fixture(scope="module")
def cut_over(served, moved, no_go):
    """One that is said go to, at first without the group."""
    asked = ByHand(served, cutover).order(**moved[0])
    run = asked["id"]
    schema, _ = served.form(asked)
    (field,) = (name for name in schema["properties"] if name.startswith("group_"))
    incomplete = served.resume(run, decision="go")
    served.resume(run, decision="go", decided_by="Ada", reason="CHG-4711", **{field: GROUP})
    served.wait(run, "Completed")
    artifact = {"artifacts": {"flow_run_id": {"any_": [run]}}}
    (shown,) = [
        one
        for one in served.api("POST", "/artifacts/filter", artifact)
        if one["type"] == "markdown"
    ]
    return schema["properties"][field], incomplete, shown["data"], served.arrivals.power(moved[1])


@pytest.fixture(scope="module")
def undone(served, moved, cut_over):
    """The way back: stopped in one run, and taken in another."""
    by_hand = ByHand(served, rollback)
    asked = by_hand.order(**moved[0])
    schema, _ = served.form(asked)
    assert by_hand.answer(asked, decision="stop")["state"]["name"] == "Cancelled"
    power = served.arrivals.power(moved[1])
    run = by_hand.order(**moved[0])["id"]
    served.resume(run, decision="discard", decided_by="Ada")
    served.wait(run, "Completed")
    return schema, power, served.arrivals.everything(), served.seeder.state(moved[0]["vm"])


@pytest.fixture(scope="module")
def finalised(served, moved, undone):
    """The kept copies are erased, once that is said."""
    asked = ByHand(served, finalise).order(**moved[0])
    _, text = served.form(asked)
    run = asked["id"]
    served.resume(run, decision="go")
    served.wait(run, "Completed")
    return text, served.arrivals.everything()


def test_a_no_go_changes_nothing_and_ends_the_run_with_name_and_reason(no_go, moved):
    schema, text, done, power = no_go
    assert done["state"]["name"] == "Cancelled"
    assert schema["properties"]["decision"]["enum"] == ["go", "no-go"]
    assert moved[0]["migration"] in text
    assert done["state"]["message"] == "no-go, decided by Ada: Not tonight. Nothing was changed."
    assert power == "deallocated"


def test_a_go_needs_the_group_and_starts_the_machine(cut_over):
    field, incomplete, shown, power = cut_over
    assert field["enum"] == [GROUP, "none"]
    assert incomplete["status"] == "REJECT"
    assert "Ada" in shown
    assert "CHG-4711" in shown
    assert power == "running"


def test_the_way_back_asks_what_becomes_of_the_new_data(undone, moved):
    schema, power, there, state = undone
    assert schema["properties"]["decision"]["enum"] == ["discard", "stop"]
    assert power == "running"
    kept = {one for one in there - moved[2] if "/snapshots/" in one.lower()}
    assert there - kept == moved[2]
    assert kept
    assert state == "running"


def test_finalising_erases_the_kept_copies(finalised, moved):
    text, there = finalised
    assert "will be erased" in text
    assert there == moved[2]
