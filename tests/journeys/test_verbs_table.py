"""What each verb leaves at both clouds, as plain SDK clients list them: the verbs table.

Everything of every kind that we make or touch is listed, with its power and our tags; what the
table does not promise is not there.
"""

import pytest

from sandbox.aws import seed

pytestmark = pytest.mark.slow

GROUP = "nsg-existing"
NO_VM = {
    "operation": "compute:virtualMachines.put", "status": 403, "code": "AuthorizationFailed",
    "times": 99,
}  # fmt: skip


def our(tags):
    """Our tags of EC2's rows or of Azure's mapping; moments in them are left out."""
    rows = tags.items() if isinstance(tags, dict) else [(t["Key"], t["Value"]) for t in tags or ()]
    return {
        key: " ".join(word for word in value.split() if not word.endswith("Z"))
        for key, value in rows
        if key.lower().startswith("coldferry:")
    }


@pytest.fixture(scope="module")
def machine(seeder):
    return seeder.small(tags={"Name": "table-01"})


@pytest.fixture(scope="module")
def listed(seeder, arrivals):
    """Both clouds now: by id, the kind, the power of a machine, and our tags."""

    def source():
        ec2 = seeder.ec2
        found = {}
        for held in ec2.describe_instances()["Reservations"]:
            for one in held["Instances"]:
                power = one["State"]["Name"]
                if power != "terminated":
                    found[one["InstanceId"]] = ("machine", power, our(one.get("Tags")))
        rows = [
            *(("disk", v["VolumeId"], v.get("Tags")) for v in ec2.describe_volumes()["Volumes"]),
            *(
                ("snapshot", s["SnapshotId"], s.get("Tags"))
                for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
            ),
            *(
                ("interface", n["NetworkInterfaceId"], n.get("TagSet"))
                for n in ec2.describe_network_interfaces()["NetworkInterfaces"]
            ),
            *(
                ("group", g["GroupId"], g.get("Tags"))
                for g in ec2.describe_security_groups()["SecurityGroups"]
            ),
        ]
        return found | {id_: (kind, "", our(tags)) for kind, id_, tags in rows}

    def target():
        compute, network, group = arrivals.compute, arrivals.network, arrivals.group
        found = {
            one.id.lower(): ("machine", arrivals.power(one.id), our(one.tags or {}))
            for one in compute.virtual_machines.list(group)
        }
        kinds = {
            "disk": compute.disks.list_by_resource_group(group),
            "snapshot": compute.snapshots.list_by_resource_group(group),
            "interface": network.network_interfaces.list(group),
            "group": network.network_security_groups.list(group),
        }
        rows = [(kind, one) for kind, every in kinds.items() for one in every]
        return found | {one.id.lower(): (kind, "", our(one.tags or {})) for kind, one in rows}

    return lambda: (source(), target())


@pytest.fixture(scope="module")
def before(machine, listed):
    return listed()


@pytest.fixture(scope="module")
def migrate(sandbox, machine, before, tmp_path_factory):
    answers = sandbox.answers(machine.vm, tmp_path_factory.mktemp("answers") / "answers.yaml")
    return lambda: sandbox.here("migrate", sandbox.source, machine.vm, sandbox.target, *answers)


@pytest.fixture(scope="module")
def done(sandbox, migrate, listed, seeder, machine):
    """Every verb in turn, and both clouds after each: by the verb."""
    after = {}

    def give(name, *words):
        answer = sandbox.here(*words)
        assert answer.exit_code == 0, (name, answer)
        after[name] = (answer.document, *listed())
        return answer.document

    def moved(name):
        answer = migrate()
        assert answer.exit_code == 0, answer
        after[name] = (answer.document, *listed())
        return answer.document["migration"]

    first = moved("migrate")
    give("cutover", "cutover", first, "--security-group", GROUP, "--yes")
    give("rollback after a cutover", "rollback", first, "--target-writes", "discard")
    give("finalise of kept copies", "finalise", first, "--yes")
    with sandbox.failing("azure", NO_VM):
        assert migrate().exit_code == 5
    given_up = seeder.our_tags(machine.vm)["coldferry:attempt"].split()[0]
    after["failed"] = ({"migration": given_up}, *listed())
    give("abort", "abort", given_up)
    give("rollback", "rollback", moved("again"))
    last = moved("once more")
    give("cutover for good", "cutover", last, "--security-group", GROUP, "--yes")
    give("finalise", "finalise", last, "--keep-days", "0", "--yes")
    gone = ("--remove-source", "--machine", machine.vm, "--yes")
    give("finalise and remove", "finalise", last, *gone)
    return after


def as_it_was(before, machine, migration, state, power="running"):
    """The source as before, but for the attempt's tag, and the machine's power."""
    tag = {"coldferry:attempt": f"{migration} {state} {machine.vm}"}
    return before[0] | {machine.vm: ("machine", power, tag)}


def added(there, before):
    """What is at the target beside what was there before: kind, power, and our tags' names."""
    assert {id_: one for id_, one in there.items() if id_ in before[1]} == before[1]
    return sorted(
        (kind, power, tuple(sorted(tags)))
        for id_, (kind, power, tags) in there.items()
        if id_ not in before[1]
    )


def snapshots(source, before, migration):
    """The frozen disks of a migration, and nothing else beside what was there before."""
    more = {id_: one for id_, one in source.items() if id_ not in before[0]}
    assert {kind for kind, _, _ in more.values()} <= {"snapshot"}
    assert all(tags["coldferry:migration"] == migration for _, _, tags in more.values())
    return len(more)


MADE = ("coldferry:migration",)


def made(power):
    """The objects of a new machine with one disk, as the table's *migrate* has them."""
    own = ("coldferry:migration", "coldferry:origin")
    return sorted([
        ("machine", power, (*own, "coldferry:proven")),
        ("interface", "", own),
        ("disk", "", ("coldferry:device", "coldferry:frozen", *MADE, "coldferry:proven")),
        ("group", "", own),
    ])  # fmt: skip


@pytest.mark.parametrize("verb", ["migrate", "again", "once more"])
def test_a_migration_leaves_the_source_halted_and_its_machine_stopped(verb, done, before, machine):
    report, source, target = done[verb]
    migration = report["migration"]

    assert source[machine.vm] == ("machine", "stopped", {
        "coldferry:attempt": f"{migration} allocated {machine.vm}",
        "coldferry:power-before": "running",
    })  # fmt: skip
    assert snapshots(source, before, migration) == 1
    assert added(target, before) == made("deallocated")


@pytest.mark.parametrize("verb", ["cutover", "cutover for good"])
def test_a_cutover_leaves_the_source_halted_and_tagged_and_production_started(
    verb, done, before, machine
):
    report, source, target = done[verb]
    migration = report["migration"]

    assert source[machine.vm] == ("machine", "stopped", {
        "coldferry:attempt": f"{migration} cut-over {machine.vm}",
        "coldferry:power-before": "running",
    })  # fmt: skip
    assert snapshots(source, before, migration) == 1
    assert added(target, before) == made("running")


def test_behind_its_real_group_after_the_cutover(done, arrivals):
    new = arrivals.machine(done["cutover for good"][0]["target_vm"])
    (entry,) = new.network_profile.network_interfaces
    nic = arrivals.network.network_interfaces.get(arrivals.group, entry.id.rpartition("/")[2])

    assert nic.network_security_group.id.endswith(f"/{GROUP}")


def test_a_rollback_leaves_the_source_as_it_was_and_nothing_at_the_target(done, before, machine):
    report, source, target = done["rollback"]

    assert source == as_it_was(before, machine, report["migration"], "rolled-back")
    assert target == before[1]


def test_a_rollback_after_a_cutover_leaves_only_copies_of_what_was_written(done, before, machine):
    report, source, target = done["rollback after a cutover"]

    assert source == as_it_was(before, machine, report["migration"], "rolled-back")
    kept = ("coldferry:device", "coldferry:kept", "coldferry:migration")
    assert added(target, before) == [("snapshot", "", kept)]


def test_finalising_it_then_leaves_nothing(done, before, machine):
    report, source, target = done["finalise of kept copies"]

    assert source == as_it_was(before, machine, report["migration"], "rolled-back")
    assert target == before[1]


def test_an_abort_leaves_the_source_as_it_was_and_nothing_at_the_target(done, before, machine):
    report, source, target = done["abort"]

    assert done["failed"][2] != before[1]  # there was something to be removed
    assert report["migration"] == done["failed"][0]["migration"]
    assert source == as_it_was(before, machine, report["migration"], "rolled-back")
    assert target == before[1]


def test_finalising_leaves_the_source_stopped_and_production_that_is_no_longer_ours(
    done, before, machine
):
    report, source, target = done["finalise"]

    assert source == as_it_was(before, machine, report["migration"], "finalised", "stopped")
    assert added(target, before) == sorted([
        ("machine", "running", ()), ("interface", "", ()), ("disk", "", ()),
    ])  # fmt: skip


def test_the_source_machine_goes_only_when_that_is_asked_and_said_again(
    done, before, machine, seeder
):
    report, source, target = done["finalise and remove"]
    erased = {row["id"]: row for row in report["erased"]}

    assert target == done["finalise"][2]
    gone = {*before[0]} - {*source}
    assert gone >= {machine.vm, *machine.content}
    assert gone <= {*erased}
    assert all(erased[id_]["answer"] for id_ in gone)
    assert source == {id_: one for id_, one in before[0].items() if id_ not in gone}
    assert seed.see(seeder.ec2, machine.vm)["State"]["Name"] == "terminated"
