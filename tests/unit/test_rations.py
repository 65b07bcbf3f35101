"""What new machines take of a target's quotas: each once, whatever is there already."""

import pytest

from coldferry.offered import Subnet, Usage, origin_mark
from coldferry.plan import Plan
from coldferry.rations import Ration, weigh
from coldferry.translation import FieldTranslation, Translation, Verdict
from providers.azure.catalogue import Catalogue, Size, Vm
from providers.azure.quotas import rations
from tests.unit.machines import GIB, a_disk, a_machine

SUBNET = Subnet(
    id="/nets/main/subnets/apps", name="apps", network="main", network_id="/nets/main",
    cidrs=("10.0.1.0/28",), used={"10.0.1.5": ""},
)  # fmt: skip
SIZE = Size(
    name="Standard_D4s_v5", family="standardDSv5Family", vcpus=4, memory_bytes=16 * GIB,
    architecture="x86_64", generations=("V2",), max_data_disks=4, max_nics=2, premium_io=True,
    controllers=("SCSI",), trusted_launch=True,
)  # fmt: skip
QUOTAS = {
    "cores": Usage(limit=20, used=10), "standarddsv5family": Usage(limit=10, used=4),
    "virtualmachines": Usage(limit=100, used=1), "premiumdiskcount": Usage(limit=3, used=1),
}  # fmt: skip
NETWORK = {"networkinterfaces": Usage(limit=50, used=1)}
CATALOGUE = Catalogue(
    location="westeurope", sizes=(SIZE,), subnets=(SUBNET,), usages=QUOTAS, network_usages=NETWORK
)
MACHINE = a_machine(disks=(a_disk(), a_disk(id="vol-2", root=False)))


def a_plan(**changes) -> Plan:
    said = {
        "instance_type": "standard_d4s_v5", "name": "web-01",
        "disks[0].kind": "Premium_LRS", "disks[1].kind": "Premium_LRS",
        "nics[0].subnet_id": SUBNET.id,
    } | changes  # fmt: skip
    fields = [
        FieldTranslation(path=path, verdict=Verdict.EXACT, source="", target=value, rule="",
                         reason="")
        for path, value in said.items()
    ]  # fmt: skip
    translation = Translation(fields=tuple(fields))
    return Plan(migration="web-01-azure-00000000-a1", machine=MACHINE, translation=translation)


def of(plan=None, catalogue=CATALOGUE):
    return {one.what: (one.needed, one.left) for one in rations(plan or a_plan(), catalogue, "s")}


def test_the_size_decides_how_many_vcpus_it_takes_of_its_family_and_of_all():
    assert of() == {
        "VMs in westeurope": (1, 99),
        "vCPUs in westeurope": (4, 10),
        "standardDSv5Family vCPUs in westeurope": (4, 6),
        "Premium disks in westeurope": (2, 2),
        "network interfaces in westeurope": (1, 49),
        "addresses in main/apps": (1, 10),
    }


def test_what_was_made_for_the_machine_already_is_not_needed_again():
    mine = origin_mark(MACHINE)
    there = CATALOGUE.model_copy(
        update={
            "vms": (Vm(name="web-01", size="Standard_D4s_v5", origin=mine),),
            "subnets": (SUBNET.model_copy(update={"used": {"10.0.1.5": mine}}),),
        }
    )

    needed = {what: number for what, (number, _) in of(catalogue=there).items()}

    assert needed["vCPUs in westeurope"] == needed["VMs in westeurope"] == 0
    assert needed["addresses in main/apps"] == needed["network interfaces in westeurope"] == 0


def test_what_nobody_decided_takes_nothing_yet():
    blank = dict.fromkeys(
        ("instance_type", "nics[0].subnet_id", "disks[0].kind", "disks[1].kind"), None
    )

    assert set(of(a_plan(**blank))) == {"VMs in westeurope", "network interfaces in westeurope"}


@pytest.mark.parametrize(
    ("left", "short"), [(8, ()), (7, ("vCPUs: 8 needed, 7 left",)), (None, ())]
)
def test_what_all_machines_need_is_held_against_what_is_left(left, short):
    found = weigh([Ration(place="p", what="vCPUs", needed=4, left=left)] * 2)

    assert found.short == short
    assert found.unknown == (("what is left of vCPUs",) if left is None else ())


def test_what_nobody_needs_is_neither_short_nor_unknown():
    assert weigh([Ration(place="p", what="x", needed=0, left=None)]) == ((), ())
    assert weigh([Ration(place="p", what="x", needed=0, left=-3)]) == ((), ())
