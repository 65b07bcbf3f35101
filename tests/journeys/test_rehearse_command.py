"""A rehearsal and a boot check at the command line, between the two local clouds."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def machine(seeder):
    return seeder.small(tags={"Name": "rehearsed-01"})


def boots(document) -> list[str]:
    return [one["code"] for one in document["findings"] if one["code"].startswith("boot-")]


def test_both_say_what_came_up_and_a_rehearsal_leaves_both_ends_as_they_were(
    sandbox, seeder, machine, arrivals, tmp_path
):
    _, answers = sandbox.answers(machine.vm, tmp_path / "answers.yaml")
    ends = (sandbox.source, machine.vm, sandbox.target, "--answers", answers)
    before = arrivals.everything(), seeder.state(machine.vm), seeder.our_tags(machine.vm)
    rehearsed = sandbox.here("rehearse", *ends).document
    after = arrivals.everything(), seeder.state(machine.vm), seeder.our_tags(machine.vm)
    migrated = sandbox.here("migrate", *ends, "--boot-check").document
    there = arrivals.of_migration(migrated["migration"], "virtual_machines")
    sandbox.here("rollback", migrated["migration"])

    assert before == after
    assert rehearsed["left"] == [] and rehearsed["removed"] >= 5
    # Its disks hold no system, and nobody's words are taken for one.
    assert boots(rehearsed) == boots(migrated)
    assert set(boots(rehearsed)) <= {"boot-no-boot-loader", "boot-no-console"}
    assert len(boots(rehearsed)) == len(there) == 1
