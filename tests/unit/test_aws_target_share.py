"""What AWS says that a migration to it takes, and what of its quotas."""

from coldferry.offered import Subnet, Usage, origin_mark
from coldferry.plan import Plan
from coldferry.reckoning import ends_of
from coldferry.traffic import measured
from coldferry.translation import FieldTranslation, Translation, Verdict
from providers.aws.catalogue import Catalogue, Instance
from providers.aws.rations import rations
from providers.aws.share_target import target_share
from tests.unit.machines import GIB, MIB, a_disk, a_machine
from tests.unit.test_aws_sizes import a_type
from tests.unit.test_shares import AWS, AZURE, terms

MACHINE = a_machine(disks=(a_disk(size_bytes=8 * GIB), a_disk(root=False, size_bytes=100 * GIB)))
SUBNET = Subnet(
    id="subnet-1", name="apps", network="vpc", network_id="vpc-1", cidrs=("10.0.0.0/24",),
    available=3,
)  # fmt: skip


def a_plan() -> Plan:
    said = {
        "instance_type": "m5.large", "nics[0].subnet_id": "subnet-1", "disks[0].kind": "gp3",
        "disks[1].kind": "io2", "disks[0].size_bytes": 8 * GIB, "disks[1].size_bytes": 100 * GIB,
    }  # fmt: skip
    fields = [
        FieldTranslation(
            path=path, verdict=Verdict.EXACT, source="", target=value, rule="", reason=""
        )
        for path, value in said.items()
    ]
    return Plan(
        migration="web-01-aws-00000000-a1",
        machine=MACHINE,
        translation=Translation(fields=tuple(fields)),
    )


def known(mib: int):
    ends = ends_of(AZURE, AWS)
    return [
        measured(one.name, one.disk.size_bytes, [(0, mib * MIB)], *ends) for one in a_plan().devices
    ]


def test_every_block_is_put_and_read_back_once_and_paid_for():
    found = target_share(a_plan(), known(512), terms(), "eu-west-1")
    charges = {one.what: one for one in found.charges}

    assert (found.calls["aws: write"], found.calls["aws: read"]) == (2048, 2048)
    assert charges["writing blocks"].quantity == 2048
    assert charges["reading blocks back"].quantity == 2048
    assert charges["snapshots at the target"].quantity == 1
    assert charges["disk0, gp3"].item == "aws.volume.gib-month.gp3"
    assert (charges["disk0, gp3"].quantity, charges["disk1, io2"].quantity) == (8, 100)
    assert found.needs == {
        "vCPUs": MACHINE.vcpus, "network interfaces": 1, "gp3 volumes": 1, "io2 volumes": 1,
    }  # fmt: skip


def test_a_worker_at_the_target_pays_nothing_for_reading_back():
    out = "data out of the target, to read it back"
    costs = {
        where: {
            one.what: one.quantity
            for one in target_share(a_plan(), known(1024), terms(worker=where), "eu-west-1").charges
        }
        for where in ("target", "elsewhere")
    }

    assert (costs["target"][out], costs["elsewhere"][out]) == (0, 2)


def test_a_machine_that_is_there_takes_nothing_of_a_quota_again():
    quotas = {"standard": Usage(limit=8, used=4)}
    here = {"types": (a_type("m5.large"),), "subnets": (SUBNET,), "quotas": quotas}
    mine = Instance(id="i-1", name="web-01", kind="m5.large", origin=origin_mark(MACHINE))

    new = rations(a_plan(), Catalogue(region="eu-west-1", **here), "1/eu-west-1")
    again = rations(
        a_plan(), Catalogue(region="eu-west-1", instances=(mine,), **here), "1/eu-west-1"
    )

    assert [(one.needed, one.left) for one in new] == [(2, 4), (1, 3)]
    assert [(one.needed, one.left) for one in again] == [(0, 4), (1, 3)]
