"""Cut over, back, over again and for good: one machine's story between the doubles, by command."""

import socket

import pytest

from tests.journeys.test_rollback import ATTEMPT, POWER

pytestmark = pytest.mark.slow

GROUP = "nsg-existing"


@pytest.fixture(scope="module")
def machine(seeder):
    return seeder.small(tags={"Name": "till-01"})


@pytest.fixture(scope="module")
def before(machine, arrivals):
    return arrivals.everything()


@pytest.fixture(scope="module")
def migrate(sandbox, machine, tmp_path_factory):
    path = tmp_path_factory.mktemp("answers") / "answers.yaml"
    answers = sandbox.answers(machine.vm, path)
    return lambda: sandbox.here("migrate", sandbox.source, machine.vm, sandbox.target, *answers)


@pytest.fixture(scope="module")
def snapshots(seeder):
    """The ids of the frozen disks of a migration."""

    def listed(migration):
        wanted = [{"Name": "tag:coldferry:migration", "Values": [migration]}]
        rows = seeder.ec2.describe_snapshots(Filters=wanted)["Snapshots"]
        return {row["SnapshotId"] for row in rows}

    return listed


@pytest.fixture(scope="module")
def first(before, migrate):
    return migrate().document


@pytest.fixture(scope="module")
def asked(first, sandbox):
    """What is said where nobody can answer: without a group, without a go, with a wrong group."""
    migration = first["migration"]
    wanted = ["--security-group", GROUP]
    return [
        sandbox.here("cutover", migration),
        sandbox.here("cutover", migration, *wanted),
        sandbox.here("cutover", migration, "--security-group", "nobody-s", "--yes"),
        sandbox.here("cutover", migration, *wanted, "--yes", "--check", "tcp:none"),
    ]


@pytest.fixture(scope="module")
def failed(asked, first, sandbox):
    """A cutover whose one check fails."""
    wanted = ["--security-group", GROUP, "--yes", "--checks-within", "0"]
    return sandbox.here("cutover", first["migration"], *wanted, "--check", "tcp:127.0.0.1:1")


@pytest.fixture(scope="module")
def cut_over(failed, first, sandbox, arrivals):
    """The same with a check that passes, and how the target looked then."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        check = f"tcp:127.0.0.1:{there.getsockname()[1]}"
        answer = sandbox.here("cutover", first["migration"], "--yes", "--check", check)
    return answer, arrivals.power(first["target_vm"]), arrivals.everything()


@pytest.fixture(scope="module")
def refused(cut_over, first, sandbox, machine):
    """What must not be done to a source that was moved, nor without an answer."""
    return {
        "start": sandbox.here("start", sandbox.source, machine.vm),
        "migrate": sandbox.here("migrate", sandbox.source, machine.vm, sandbox.target),
        "finalise": sandbox.here("finalise", first["migration"], "--yes"),
        "rollback": sandbox.here("rollback", first["migration"]),
        "stop": sandbox.here("rollback", first["migration"], "--target-writes", "stop"),
        "word": sandbox.here("rollback", first["migration"], "--target-writes", "keep"),
    }


@pytest.fixture(scope="module")
def undone(refused, first, sandbox, arrivals, seeder, machine):
    answer = sandbox.here("rollback", first["migration"], "--target-writes", "discard")
    found = arrivals.everything(), seeder.state(machine.vm), seeder.our_tags(machine.vm)
    return answer, *found


@pytest.fixture(scope="module")
def second(undone, migrate):
    """The next attempt, finished."""
    return migrate().document


@pytest.fixture(scope="module")
def forgotten(second, first, sandbox, arrivals):
    """The first attempt's kept copies are erased while the second is under way."""
    answer = sandbox.here("finalise", first["migration"], "--yes")
    return answer, arrivals.everything()


@pytest.fixture(scope="module")
def finalised(forgotten, second, sandbox, arrivals, seeder, machine, snapshots):
    """The second attempt cut over and finalised, and what is at both ends then."""
    migration = second["migration"]
    over = sandbox.here("cutover", migration, "--security-group", "none", "--yes")
    frozen = snapshots(migration)
    answer = sandbox.here("finalise", migration, "--keep-days", "0", "--yes")
    state = seeder.state(machine.vm), seeder.our_tags(machine.vm)
    return over, frozen, answer, arrivals.everything(), state


def test_nothing_is_started_before_groups_and_a_go_are_given(asked):
    ungrouped, no_go, wrong, check = asked
    assert (ungrouped.exit_code, ungrouped.error["code"]) == (4, "refused")
    assert GROUP in ungrouped.error["do"]
    assert (no_go.exit_code, no_go.error["do"]) == (4, "Give --yes.")
    assert (wrong.exit_code, wrong.error["code"]) == (2, "bad-input")
    assert (check.exit_code, check.error["code"]) == (2, "bad-input")


def test_a_failed_check_leaves_it_started_and_names_the_way_back(failed, first):
    assert (failed.exit_code, failed.error["code"]) == (5, "checks-failed")
    assert f"coldferry rollback {first['migration']}" in failed.error["do"]


def test_a_cutover_starts_the_new_machine_behind_its_group(cut_over, first, arrivals):
    answer, power, _ = cut_over
    assert (answer.exit_code, answer.document["state"]) == (0, "cut-over")
    assert [one["security_group"] for one in answer.document["interfaces"]] == [GROUP]
    assert [one["passed"] for one in answer.document["checks"]] == [True]
    assert power == "running"


def test_a_moved_source_is_left_halted(refused, first):
    for verb in ("start", "migrate", "finalise", "rollback"):
        assert (refused[verb].exit_code, refused[verb].error["code"]) == (4, "refused"), verb
    assert "--although-moved" in refused["start"].error["do"]
    assert "is kept until" in refused["finalise"].error["what"]
    assert "--target-writes discard" in refused["rollback"].error["do"]
    assert refused["stop"].exit_code == 6
    assert refused["word"].exit_code == 2


def test_a_rollback_keeps_copies_and_puts_all_else_back(undone, first, before, machine, snapshots):
    answer, there, power, tags = undone
    assert (answer.exit_code, answer.document["state"]) == (0, "rolled-back")
    kept = {one["id"] for one in answer.document["kept"]}
    assert len(kept) == len(first["devices"])
    assert {one.lower() for one in there} == {one.lower() for one in before | kept}
    assert power == "running"
    assert tags == {ATTEMPT: f"{first['migration']} rolled-back {machine.vm}"}
    assert snapshots(first["migration"]) == set()


def test_kept_copies_go_when_they_are_finalised(forgotten, undone):
    answer, there = forgotten
    kept = {one["id"] for one in undone[0].document["kept"]}
    assert answer.exit_code == 0, answer
    assert {row["id"] for row in answer.document["erased"]} == kept
    assert not {one.lower() for one in kept} & {one.lower() for one in there}


def test_finalising_leaves_production_and_nothing_of_ours(
    finalised, second, before, machine, arrivals, snapshots
):
    over, frozen, answer, there, (power, tags) = finalised
    assert over.exit_code == 0, over
    assert (answer.exit_code, answer.document["state"]) == (0, "finalised"), answer
    rows = answer.document["erased"]
    assert all(row["at"] and row["means"] and row["answer"] for row in rows)
    assert {row["id"] for row in rows} >= frozen
    assert snapshots(second["migration"]) == set()
    assert power == "stopped"
    assert POWER not in tags
    assert tags[ATTEMPT].startswith(f"{second['migration']} finalised {machine.vm}")
    left = there - before
    kinds = sorted(one.split("/")[-2].lower() for one in left)
    disks = ["disks"] * len(second["devices"])
    assert kinds == sorted([*disks, "networkinterfaces", "virtualmachines"])
    assert second["target_vm"] in left
    assert arrivals.power(second["target_vm"]) == "running"
    machine_tags = arrivals.machine(second["target_vm"]).tags or {}
    assert not [key for key in machine_tags if key.startswith("coldferry")]
