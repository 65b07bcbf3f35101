"""What may change between the approval and the halt."""

from coldferry.drift import drift, material
from coldferry.machine import Tag
from tests.conformance.worlds import a_machine


def _with_public(address, kind):
    machine = a_machine()
    nic = machine.nics[0].model_copy(
        update={"public_address": address, "public_address_kind": kind}
    )
    return machine.model_copy(update={"nics": (nic,)})


def test_an_unchanged_machine_has_not_drifted():
    assert drift(a_machine(), a_machine()) == []


def test_losing_an_automatic_public_address_is_expected_of_a_halt():
    changes = drift(_with_public("198.51.100.7", "automatic"), a_machine())

    assert {change.kind for change in changes} == {"expected"}


def test_gaining_a_public_address_is_material():
    assert material(a_machine(), _with_public("198.51.100.7", "reserved"))


def test_a_new_tag_is_harmless():
    tagged = a_machine().model_copy(update={"tags": (Tag(key="a", value="b"),)})

    assert drift(a_machine(), tagged)
    assert material(a_machine(), tagged) == []


def test_a_resize_is_material():
    resized = a_machine().model_copy(update={"instance_type": "large", "vcpus": 4})

    assert {change.path for change in material(a_machine(), resized)} == {"instance_type", "vcpus"}


def test_a_disk_that_came_is_material():
    assert material(a_machine(disks=1), a_machine(disks=2))
