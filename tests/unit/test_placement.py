"""Where each device goes: what can be said, what is refused, and what a plan makes of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.approval import approve
from coldferry.errors import BadAnswer, BadInput
from coldferry.learning import learn
from coldferry.machine import Disk, Machine, NetworkFilesystem
from coldferry.placement import (
    disk_path,
    dropped,
    other_placements,
    resolve,
    share_path,
    with_placements,
)
from coldferry.plan import Plan, devices_of
from coldferry.precedents import EMPTY
from coldferry.rules import apply
from coldferry.translation import Verdict
from providers.azure.translate import RULES
from providers.memory.cloud import MemoryCloud
from providers.memory.world import World
from tests.conformance.worlds import ANSWERS, a_target
from tests.unit.catalogue_strategies import whole_azure
from tests.unit.machine_strategies import machines
from tests.unit.machines import GIB, a_disk, a_machine

EFS = NetworkFilesystem(id="fs-0123", kind="efs", address="10.0.0.5", mounted="unknown")
HIDDEN = NetworkFilesystem(id="fs-9", kind="efs", address="unknown", mounted="unknown")


def three_disks(**changes: Any) -> Machine:
    data: list[Disk] = [
        a_disk(id=f"vol-{n}", device=f"/dev/sd{'ef'[n - 2]}", root=False, size_bytes=n * GIB)
        for n in (2, 3)
    ]
    fields = {"disks": (a_disk(), *data), "network_filesystems": (EFS, HIDDEN)}
    return a_machine(**fields | changes)


def planned(machine: Machine, answers: dict[str, Any]) -> Plan:
    cloud = a_target()
    translation = cloud.translate(machine, cloud.catalogue(), answers)
    return Plan(migration="web-01-there-00000000-a1", machine=machine, translation=translation)


@pytest.mark.parametrize("name", ["disk1", "/dev/sde", "vol-2", "disks[1].id", " disk1 "])
def test_a_disk_is_named_by_its_place_its_device_name_its_id_or_its_path(name: str):
    assert resolve(three_disks(), {name: "Drop"}) == {"disks[1].id": "drop"}


def test_a_file_system_that_is_dropped_is_removed_from_the_guest():
    assert resolve(three_disks(), {"fs-0123": "drop"}) == {"network_filesystems[0].id": "remove"}


def test_placements_stand_in_the_description_s_order_whatever_they_were_given_in():
    given = {"fs-0123": "remote", "disk2": "drop", "disk1": "copy"}

    assert list(resolve(three_disks(), given)) == [
        "disks[1].id", "disks[2].id", "network_filesystems[0].id"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"disk0": "drop"}, "the root disk is what the machine starts from"),
        ({"/dev/sda1": "remote"}, "can be neither remote nor dropped"),
        ({"vol-1": "ask"}, "the root disk is what the machine starts from"),
        ({"disk1": "remote"}, "only file systems of the network can be remote"),
        ({"disk1": "remote@10.0.0.9"}, "only file systems of the network can be remote"),
        ({"disk9": "drop"}, "no device 'disk9' (it has disk0, disk1, disk2, fs-0123, fs-9)"),
        ({"disk1": "dorp"}, "'dorp' is none of copy, drop and ask"),
        ({"fs-0123": "copy"}, "the files of a file system of the network are not copied"),
        ({"fs-0123": "keep"}, "'keep' is none of remote, nofail and remove"),
        ({"fs-9": "remote"}, "its address is not known: write remote@HOST"),
        ({"fs-9": "remote@a b"}, "names no host"),
        ({"fs-9": "remote@-x"}, "names no host"),
        ({"disk1": "drop", "vol-2": "copy"}, "are one device, and are to be copy and drop"),
        ({"disk1": None}, "'none' is none of copy, drop and ask"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(given: dict[str, Any], why: str):
    with pytest.raises(BadInput) as refused:
        resolve(three_disks(), given)

    assert why in refused.value.what
    assert "coldferry plan" in refused.value.do


def test_what_only_the_guest_may_know_waits_for_the_look_at_its_disks():
    given = {"nas.example:/home": "remote", "disk1": "drop"}

    assert resolve(three_disks(), given, before_look=True) == {"disks[1].id": "drop"}
    with pytest.raises(BadInput, match=r"no device 'nas\.example:/home'"):
        resolve(three_disks(), given)


def test_all_faults_are_named_at_once():
    with pytest.raises(BadInput) as refused:
        resolve(three_disks(), {"disk0": "drop", "nobody": "drop", "disk1": "remote"})

    assert refused.value.what.count(";") == 2


def test_a_name_that_two_devices_bear_is_refused_with_both():
    machine = three_disks(disks=(a_disk(), a_disk(root=False), a_disk(id="vol-1", root=False)))

    with pytest.raises(BadInput, match=r"more than one device \(disk0 and disk1 and disk2\)"):
        resolve(machine, {"vol-1": "drop"})


def test_a_stranger_s_name_is_shown_without_what_a_terminal_obeys():
    with pytest.raises(BadInput) as refused:
        resolve(three_disks(), {"\u202ex\x1b[2J": "drop"})

    assert refused.value.what.isprintable()


def test_an_option_goes_before_the_answers_file_and_copying_needs_no_answer():
    answers = {"disks[1].id": "drop", "name": "web"}

    assert with_placements(answers, {"disks[1].id": "copy"}) == {"name": "web"}
    assert with_placements(answers, {"disks[2].id": "drop"}) == answers | {"disks[2].id": "drop"}


def test_a_dropped_disk_is_acknowledged_by_the_word_and_takes_its_fields_with_it():
    plan = planned(three_disks(), ANSWERS | {"disks[1].id": "drop"})
    fields = {f.path: f for f in plan.translation.fields if f.path.startswith("disks[1].")}

    assert {f.verdict for f in fields.values()} == {Verdict.DROPPED}
    assert fields["disks[1].id"].acknowledged
    assert not [path for path in plan.translation.missing if path.startswith("disks[")]
    assert "disk1 (2 GiB) is neither frozen nor copied" in fields["disks[1].id"].difference


def test_the_others_keep_their_names_and_their_order():
    plan = planned(three_disks(), ANSWERS | {"disks[1].id": "drop"})

    assert [device.name for device in plan.devices] == ["disk0", "disk2"]
    assert [device.name for device in plan.left_behind] == ["disk1"]
    assert plan.object_name(plan.devices[1].name).endswith("-disk2")


def test_the_plan_s_digest_moves_with_a_placement_and_not_with_a_copy_that_was_said():
    machine = three_disks()
    plain = planned(machine, ANSWERS).digest
    words = {"disks[1].id": ("drop",), "network_filesystems[0].id": ("remote", "nofail", "remove")}
    others = [
        planned(machine, ANSWERS | {path: w}).digest for path, ws in words.items() for w in ws
    ]

    assert len({plain, *others}) == 5
    assert planned(machine, ANSWERS | {"disks[1].id": "copy"}).digest == plain


def test_a_disk_that_nobody_may_copy_can_be_left_behind():
    machine = three_disks(disks=(a_disk(), a_disk(id="vol-2", root=False, shared=True)))
    blocked = apply(RULES, machine, whole_azure(), {})
    freed = apply(RULES, machine, whole_azure(), {"disks[1].id": "drop"})

    assert [field.path for field in blocked.blocking] == ["disks[1].shared"]
    assert freed.blocking == []


def test_asking_makes_a_gap_with_both_choices_and_how_much_it_is_about():
    field = planned(three_disks(), ANSWERS | {"disks[1].id": "ask"}).translation["disks[1].id"]

    assert field.verdict is Verdict.MISSING
    assert {c.value: c.meaning for c in field.candidates}.keys() == {"copy", "drop"}
    assert "2 GiB" in field.candidates[0].meaning


def test_the_root_is_refused_in_an_answers_file_too():
    with pytest.raises(BadAnswer, match="neither remote nor dropped"):
        planned(three_disks(), ANSWERS | {"disks[0].id": "drop"})


def test_a_disk_whose_id_reads_like_a_placement_is_left_behind_all_the_same():
    machine = three_disks(disks=(a_disk(), a_disk(id="drop", device="x", root=False)))
    plan = planned(machine, ANSWERS | {"disks[1].id": "drop"})

    assert [device.name for device in plan.left_behind] == ["disk1"]


def test_a_remote_file_system_may_be_reached_by_another_address():
    path = share_path(0)
    word = resolve(three_disks(), {"fs-0123": "remote@NAS.example:12049"})[path]
    share = planned(three_disks(), ANSWERS | {path: word}).shares[0]

    assert (share.placement, share.address, share.port) == ("remote", "nas.example", 12049)


@pytest.mark.parametrize(
    ("kept", "now", "differ"),
    [
        ({"disks[1].id": "drop"}, {"disks[1].id": "drop"}, set()),
        ({"disks[1].id": "drop"}, {"disks[1].id": "ask"}, set()),
        ({"disks[1].id": "drop"}, {}, {"disks[1].id"}),
        ({"disks[1].id": "drop"}, {"disks[2].id": "drop"}, {"disks[1].id", "disks[2].id"}),
        ({}, {"disks[1].id": "copy"}, set()),
        ({}, {"disks[1].id": "drop"}, {"disks[1].id"}),
        ({share_path(0): "remote"}, {share_path(0): "nofail"}, {share_path(0)}),
        ({share_path(0): "remote"}, {}, set()),
    ],
)
def test_another_placement_than_was_approved_is_noticed(kept, now, differ):
    assert other_placements(three_disks(), kept, now).keys() == differ


def test_the_book_learns_of_no_disk_that_it_was_left_behind_and_of_a_file_system_what_it_became():
    said = ANSWERS | {"disks[1].id": "drop", share_path(0): "remote", share_path(1): "nofail"}
    approval = approve(planned(three_disks(), said), said, "Ada")
    learned = {(r.pattern, r.value) for r in learn(approval, a_target(), EMPTY)}

    assert ("network_filesystems[].id", "remote") in learned
    assert not [pattern for pattern, _ in learned if pattern.startswith("disks[]")]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data(), machines())
def test_a_plan_copies_what_is_not_dropped_once_in_order_and_under_its_own_name(
    data: st.DataObject, machine: Machine
):
    data_disks = [n for n, disk in enumerate(machine.disks) if not disk.root]
    gone = data.draw(st.sets(st.sampled_from(data_disks))) if data_disks else set()
    world = World("there", sizes={"s": (96, 1 << 60)})
    cloud = MemoryCloud(world)
    answers = {disk_path(n): "drop" for n in gone}
    translation = cloud.translate(machine, world, answers)
    plan = Plan(migration="m-there-00000000-a1", machine=machine, translation=translation)
    every = devices_of(machine)

    assert dropped(machine, answers) == gone
    assert plan.devices == [device for device in every if device.index not in gone]
    assert plan.left_behind == [device for device in every if device.index in gone]
    assert Plan.model_validate_json(plan.model_dump_json()).devices == plan.devices
    untouched = cloud.translate(machine, world, {})
    for before, after in zip(untouched.fields, translation.fields, strict=True):
        inside = any(after.path.startswith(f"disks[{n}].") for n in gone)
        assert (after.verdict is Verdict.DROPPED) if inside else after == before
