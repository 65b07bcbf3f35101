"""EC2's instance types as offers."""

from typing import Any

from coldferry.leaves import Leaf
from coldferry.machine import Machine
from coldferry.offered import Subnet, Usage, origin_mark
from coldferry.rules import Outcome, Question
from providers.aws.catalogue import Catalogue, Instance, InstanceType
from providers.aws.sizes import RULES
from tests.unit.machines import GIB, a_disk, a_machine, a_nic


def a_type(name: str, vcpus: int = 2, gib: float = 8, **changes: Any) -> InstanceType:
    fields: dict[str, Any] = {
        "architectures": ("x86_64",), "firmwares": ("bios", "uefi"), "max_nics": 3,
        "max_disks": 27, "shared_attachments": True, "zones": ("eu-west-1a", "eu-west-1b"),
    }  # fmt: skip
    return InstanceType(name=name, vcpus=vcpus, memory_bytes=round(gib * GIB), **fields | changes)


def said(
    machine: Machine, *types: InstanceType, answers: dict[str, Any] | None = None, **more: Any
) -> Outcome:
    catalogue = Catalogue(region="eu-west-1", types=types, **more)
    leaf = Leaf("instance_type", "instance_type", (), machine.instance_type)
    return RULES["instance_type"].decide(Question(leaf, machine, catalogue, answers or {}))


MACHINE = a_machine(instance_type="Standard_D2s_v5")


def test_of_equals_the_newest_generation_that_ec2_calls_current_is_chosen() -> None:
    types = (
        a_type("m5.large"), a_type("m7i.large"), a_type("m7i-flex.large"),
        a_type("m8i.large", current=False),
    )  # fmt: skip

    assert said(MACHINE, *types).target == "m7i.large"


def test_types_that_are_unlike_a_plain_machine_are_left_to_a_person() -> None:
    unlike = (
        a_type("t3.large", burstable=True), a_type("t9.large"),
        a_type("m5.metal", bare_metal=True), a_type("g4dn.large", accelerators=1),
        a_type("hpc7a.large"), a_type("m4.large", nitro=False),
    )  # fmt: skip
    found = said(MACHINE, *unlike)

    assert found.kind == "missing"
    told = " ".join(candidate.meaning for candidate in found.candidates)
    assert all(word in told for word in ("burstable", "bare metal", "GPUs", "clusters", "Xen"))
    assert said(MACHINE, *unlike, a_type("r5.large", 2, 16)).target == "r5.large"


def test_types_that_would_not_run_it_are_not_even_candidates() -> None:
    wrong = (
        a_type("a.large", virtualization=("paravirtual",)), a_type("b.large", ebs_root=False),
        a_type("c.large", on_demand=False), a_type("d.large", architectures=("arm64",)),
    )  # fmt: skip
    found = said(MACHINE, *wrong)

    assert (found.target, found.candidates) == (None, ())
    assert "a.large has no hardware virtualisation (HVM)" in found.reason
    assert "b.large boots from no EBS volume" in found.reason
    assert "c.large is not available to this account (it cannot be started" in found.reason


def test_a_volume_gives_way_to_each_further_interface_where_they_share_places() -> None:
    machine = a_machine(
        disks=(a_disk(), a_disk(root=False)), nics=(a_nic(), a_nic(id="b", primary=False))
    )
    shared, own = a_type("m5.large", max_disks=2), a_type("m7a.large", 4, 16, max_disks=2)

    assert said(machine, shared).target is None
    assert said(machine, shared, own.model_copy(update={"shared_attachments": False})).target == (
        "m7a.large"
    )


def test_the_zone_is_that_of_the_subnet_that_was_chosen() -> None:
    subnet = Subnet(
        id="subnet-9", name="apps", network="main", network_id="vpc-1", cidrs=("10.0.0.0/24",),
        zone="eu-west-1c",
    )  # fmt: skip
    types = (a_type("m5.large"), a_type("m6i.xlarge", 4, 16, zones=("eu-west-1c",)))

    assert said(MACHINE, *types, subnets=(subnet,)).target == "m5.large"
    for answer in ("subnet-9", "main/apps"):
        found = said(MACHINE, *types, subnets=(subnet,), answers={"nics[0].subnet_id": answer})
        assert found.target == "m6i.xlarge"


def test_a_type_whose_quota_is_spent_is_chosen_last_and_ours_counts_as_free() -> None:
    types = (a_type("m5.large"), a_type("x2.large", 2, 32))
    full = {"standard": Usage(limit=4, used=4)}
    ours = Instance(
        id="i-1", name="web-01", kind="m5.large", origin=origin_mark(MACHINE)
    )  # fmt: skip

    assert said(MACHINE, *types, quotas=full).target == "x2.large"
    assert said(MACHINE, types[0], quotas=full).target == "m5.large"
    assert said(MACHINE, *types, quotas=full, instances=(ours,)).target == "m5.large"
