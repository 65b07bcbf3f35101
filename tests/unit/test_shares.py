"""What each cloud says its part of a migration takes."""

import pytest

from coldferry.dated import Table
from coldferry.estimating import Terms
from coldferry.plan import Plan
from coldferry.reckoning import ends_of, reckon
from coldferry.traffic import measured
from coldferry.translation import FieldTranslation, Translation, Verdict
from providers import tables
from providers.aws.access import AwsAccess
from providers.aws.cloud import AwsCloud
from providers.azure.access import AzureAccess
from providers.azure.cloud import AzureCloud
from providers.azure.share import tier
from tests.conformance.worlds import a_target
from tests.unit.machines import GIB, MIB, a_disk, a_machine

AWS = AwsCloud(AwsAccess(region="eu-west-1"))
AZURE = AzureCloud(AzureAccess(subscription_id="s", resource_group="g", location="westeurope"))
DISKS = (
    a_disk(size_bytes=8 * GIB), a_disk(id="vol-2", root=False, size_bytes=100 * GIB),
)  # fmt: skip


def a_plan(kinds: tuple[str, ...] = ("StandardSSD_LRS", "Premium_LRS")) -> Plan:
    said = {"instance_type": "Standard_D2s_v5"}
    said |= {f"disks[{n}].kind": kind for n, kind in enumerate(kinds)}
    fields = [
        FieldTranslation(
            path=path, verdict=Verdict.EXACT, source="", target=value, rule="", reason=""
        )
        for path, value in said.items()
    ]
    return Plan(
        migration="web-01-azure-00000000-a1",
        machine=a_machine(disks=DISKS),
        translation=Translation(fields=tuple(fields)),
    )


def terms(**changes) -> Terms:
    own = {"rates": tables.rates(), "prices": tables.prices(), "inspect": False}
    return Terms(**own | changes)


def known(plan: Plan, mib: int = 1024):
    ends = ends_of(AWS, AZURE)
    return [
        measured(one.name, one.disk.size_bytes, [(0, mib * MIB)], *ends) for one in plan.devices
    ]


def costs(**changes):
    found = reckon(AWS, AZURE, a_plan(), known(a_plan()), terms(**changes))
    return {cost.what: cost for cost in found.costs}


@pytest.mark.parametrize(
    ("kind", "gib", "billed"),
    [
        ("Standard_LRS", 1, "S4"), ("StandardSSD_LRS", 4, "E1"), ("StandardSSD_LRS", 5, "E2"),
        ("Premium_LRS", 128, "P10"), ("Premium_LRS", 129, "P15"), ("Premium_ZRS", 32, "P4-ZRS"),
        ("StandardSSD_LRS", 32767, "E80"),
    ],
)  # fmt: skip
def test_a_disk_is_billed_as_the_next_larger_tier(kind, gib, billed):
    assert tier(kind, gib * GIB) == billed


def test_a_month_at_the_target_is_the_machine_and_its_disks():
    month = {w: c.usd for w, c in costs().items() if c.period == "a month"}

    assert month == {
        "the new machine, Standard_D2s_v5, once it runs": round(730 * 0.096, 6),
        "disk0, E2": 0.6,
        "disk1, P10": 19.71,
    }


def test_what_stays_inside_a_cloud_is_not_paid_for():
    outside, at_source, at_target = (costs(worker=w) for w in ("elsewhere", "source", "target"))
    out, back = "data out of the source", "data out of the target, to read it back"

    assert outside[out].usd == pytest.approx(2 * 0.09)
    assert outside[back].usd == pytest.approx(2 * 0.087)
    assert back in at_source
    assert back not in at_target


def test_blocks_are_paid_for_as_the_page_s_example_has_it():
    found = costs()

    assert found["reading blocks"].usd == pytest.approx(4096 * 0.003 / 1000)
    assert found["snapshots at the source"].usd == pytest.approx(2 * 0.05)


def test_the_upload_is_held_up_by_the_disk_s_limit():
    found = reckon(AWS, AZURE, a_plan(), known(a_plan(), 8 * 1024), terms())
    (copy,) = [step for step in found.steps if step.name == "copy"]

    assert copy.bottleneck.startswith("disk limit of disk")
    assert copy.seconds == pytest.approx((8 * GIB + 512) / 60e6, abs=0.01)


def test_many_large_disks_are_held_up_by_the_account_s_quota():
    disks = tuple(a_disk(id=f"vol-{n}", root=not n, size_bytes=16384 * GIB) for n in range(4))
    plan = a_plan(("Premium_LRS",) * 4)
    plan = plan.model_copy(update={"machine": a_machine(disks=disks)})
    rates = tables.rates()
    fast = {k: v for k, v in rates.figures.items() if not k[0].startswith("worker.copied")}
    found = reckon(AWS, AZURE, plan, (), terms(rates=Table("", rates.date, fast)))
    (copy,) = [step for step in found.steps if step.name == "copy"]

    assert copy.bottleneck == "EBS request quota"
    assert copy.seconds == pytest.approx(4 * 16384 * 2048 / 1000)


def test_a_look_that_was_taken_counts_twice():
    without = reckon(AWS, AZURE, a_plan(), known(a_plan()), terms())
    looked = reckon(
        AWS, AZURE, a_plan(), known(a_plan()), terms(inspect=True, looked_bytes=3 * MIB)
    )

    assert looked.calls["aws: read"] - without.calls["aws: read"] == 2 * 6


def test_what_it_needs_of_quotas_is_said():
    found = reckon(AWS, AZURE, a_plan(), (), terms())

    assert found.needs == {
        "vCPUs": 2, "network interfaces": 1, "StandardSSD disks": 1, "Premium disks": 1,
    }  # fmt: skip


def test_a_cloud_that_cannot_say_what_it_takes_is_not_known_rather_than_free():
    found = reckon(AWS, a_target(), a_plan(), known(a_plan()), terms())

    assert found.usd("a month").unknown == ("what memory takes",)
    assert found.read_bytes == 2 * GIB
