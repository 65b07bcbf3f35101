"""The way back, and forth again: one machine's story, told by the command line."""

import pytest

ATTEMPT, POWER = "coldferry:attempt", "coldferry:power-before"


@pytest.fixture(scope="module")
def machine(seeder):
    """The machine that goes back and forth."""
    return seeder.small(tags={"Name": "shuttle-01", "team": "core"})


@pytest.fixture(scope="module")
def before(machine, arrivals):
    """What was at the target before anything began."""
    return arrivals.everything()


@pytest.fixture(scope="module")
def migrate(sandbox, machine, tmp_path_factory):
    """Migrate it with the same answers each time."""
    path = tmp_path_factory.mktemp("answers") / "answers.yaml"
    answers = sandbox.answers(machine.vm, path)
    return lambda: sandbox.here(
        "migrate", sandbox.source, machine.vm, sandbox.target, "--cold", *answers
    )


@pytest.fixture(scope="module")
def first(before, migrate):
    """The first attempt."""
    return migrate()


@pytest.fixture(scope="module")
def again(first, migrate, arrivals):
    """The same command once more, and how many machines and disks there are then."""
    answer = migrate()
    found = [
        arrivals.of_migration(first.document["migration"], kind)
        for kind in ("virtual_machines", "disks")
    ]
    return answer, found


@pytest.fixture(scope="module")
def impostor(again, seeder, machine):
    """Another machine with our tags, as a restored backup has them."""
    other = seeder.small(tags={"Name": "a-restored-backup"})
    tags = [{"Key": key, "Value": value} for key, value in seeder.our_tags(machine.vm).items()]
    seeder.ec2.create_tags(Resources=[other.vm], Tags=tags)
    return other


@pytest.fixture(scope="module")
def known(impostor, sandbox, first):
    """What ``status`` says while it is at the target."""
    return sandbox.here("status", first.document["migration"])


@pytest.fixture(scope="module")
def undone(known, sandbox, first, arrivals, seeder, machine):
    """The way back, and how both clouds looked right after it."""
    answer = sandbox.cli("rollback", first.document["migration"])
    return answer, arrivals.everything(), seeder.state(machine.vm), seeder.our_tags(machine.vm)


@pytest.fixture(scope="module")
def undone_again(undone, sandbox, first):
    """The same rollback once more."""
    return sandbox.here("rollback", first.document["migration"])


@pytest.fixture(scope="module")
def second(undone_again, migrate):
    """The second attempt."""
    return migrate()


@pytest.fixture(scope="module")
def used(second, sandbox, arrivals):
    """The second attempt's machine, started by its full id and stopped again."""
    vm = second.document["target_vm"]
    words = {"vm": vm, "answers": {}, "powers": {}}
    for verb in ("start", "reboot", "describe", "stop"):
        words["answers"][verb] = sandbox.here(verb, sandbox.target, vm)
        words["powers"][verb] = arrivals.power(vm)
    return words


def test_a_plan_of_a_machine_that_was_moved_says_so(sandbox, first, again, machine):
    planned = sandbox.here("plan", sandbox.source, machine.vm, sandbox.target)
    told = {finding["code"]: finding for finding in planned.document["findings"]}
    assert first.document["migration"] in told["moved-already"]["what"]
    assert "rollback" in told["moved-already"]["do"]


def test_the_same_command_again_adopts_what_exists(first, again):
    answer, (machines, disks) = again
    assert answer.exit_code == 0
    assert answer.document["target_vm"] == first.document["target_vm"]
    assert answer.document["migration"] == first.document["migration"]
    assert [device["sent_bytes"] for device in answer.document["devices"]] == [0]
    assert machines == [first.document["target_vm"]]
    assert disks == [device["target"] for device in first.document["devices"]]


def test_status_tells_one_migration_by_its_tags(sandbox, first, known, machine):
    assert known.exit_code == 0
    assert known.document["migration"] == first.document["migration"]
    assert known.document["state"] == "allocated"
    assert (known.document["source"], known.document["vm"]) == (sandbox.source, machine.vm)
    assert known.document["target"] == sandbox.target
    found = {one["id"] for one in known.document["target_objects"]}
    assert first.document["target_vm"] in found


def test_tags_that_were_copied_to_another_machine_do_not_lead_a_rollback_astray(
    impostor, known, undone, seeder
):
    assert " allocated " in seeder.our_tags(impostor.vm)[ATTEMPT]
    assert known.document["vm"] != impostor.vm
    assert undone[0].document["state"] == "rolled-back"


def test_status_lists_all_migrations(sandbox, first, known):
    listed = sandbox.here("status")
    assert listed.exit_code == 0
    names = [one["migration"] for one in listed.document["migrations"]]
    assert first.document["migration"] in names


@pytest.mark.parametrize("verb", ["status", "rollback"])
def test_an_unknown_migration_is_bad_input(sandbox, verb):
    answer = sandbox.here(verb, "nobody-azure-00000000-a1")
    assert (answer.exit_code, answer.error["code"]) == (2, "unknown-migration")


def test_a_rollback_leaves_the_target_as_it_was_before(before, undone):
    answer, there, _, _ = undone
    assert (answer.exit_code, answer.document["state"]) == (0, "rolled-back")
    assert there == before
    assert answer.document["removed"]


def test_a_rollback_puts_the_source_back_and_leaves_only_the_attempt(
    first, undone, seeder, machine
):
    _, _, power, tags = undone
    assert power == "running"
    assert tags == {ATTEMPT: f"{first.document['migration']} rolled-back {machine.vm}"}
    migrations = {first.document["migration"]}
    rows = seeder.ec2.describe_snapshots(
        Filters=[{"Name": "tag:coldferry:migration", "Values": list(migrations)}]
    )["Snapshots"]
    assert rows == []


def test_a_second_rollback_does_no_harm_and_says_that_nothing_was_removed(undone, undone_again):
    assert undone_again.exit_code == 0
    assert undone_again.document["state"] == "rolled-back"
    assert undone_again.document["removed"] == []


def test_after_a_rollback_comes_the_next_attempt(first, second):
    stem = first.document["migration"].removesuffix("-a1")
    assert second.exit_code == 0, second
    assert second.document["migration"] == f"{stem}-a2"
    assert second.document["target_vm"] == first.document["target_vm"]


def test_the_new_machine_is_managed_by_its_full_id(used):
    assert all(answer.exit_code == 0 for answer in used["answers"].values()), used
    assert used["answers"]["start"].document == {"vm": used["vm"], "power": "running"}
    assert used["answers"]["stop"].document == {"vm": used["vm"], "power": "stopped"}
    assert used["powers"] == {
        "start": "running",
        "reboot": "running",
        "describe": "running",
        "stop": "deallocated",
    }
    assert used["answers"]["describe"].document["origin"]["provider"] == "azure"


def test_a_machine_that_ran_is_not_rolled_back_unless_told_so(
    sandbox, second, used, before, arrivals, seeder, machine
):
    migration = second.document["migration"]
    there = arrivals.everything()
    refused = sandbox.here("rollback", migration)
    assert (refused.exit_code, refused.error["code"]) == (4, "refused")
    assert "--discard-used" in refused.error["do"]
    assert arrivals.everything() == there
    assert seeder.state(machine.vm) == "stopped"

    done = sandbox.here("rollback", migration, "--discard-used")
    assert (done.exit_code, done.document["state"]) == (0, "rolled-back")
    assert arrivals.everything() == before
    assert seeder.state(machine.vm) == "running"
    assert POWER not in seeder.our_tags(machine.vm)
