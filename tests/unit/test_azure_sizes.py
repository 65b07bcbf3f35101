"""Azure's sizes as offers: what a name means, and what the catalogue's columns bar."""

from typing import Any

import pytest

from coldferry.translation import Translation, Verdict
from tests.unit.machines import GIB, a_disk, a_machine
from tests.unit.test_azure_rules import a_size, refusal, said

GPU = a_size("Standard_NC4as_T4_v3", 4, 28, gpus=1)


def with_sizes(*sizes: Any, **changes: Any) -> Translation:
    return said(a_machine(**changes), sizes=sizes)


def chosen(*sizes: Any, **changes: Any) -> str | None:
    target: str | None = with_sizes(*sizes, **changes)["instance_type"].target
    return target


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Standard_B2ms", "burstable"),
        ("Standard_NC4as_T4_v3", "accelerators"),
        ("Standard_NP10s", "accelerators"),
        ("Standard_HB120rs_v3", "clusters"),
        ("Standard_DC2as_v5", "confidential"),
        ("Standard_EC2as_v5", "confidential"),
        ("Standard_E4-2s_v5", "constrained"),
        ("Standard_M8-2ms", "constrained"),
        ("Basic_A1", "Basic tier"),
    ],
)
def test_special_families_are_candidates_that_say_what_they_are(name: str, why: str) -> None:
    assert chosen(a_size(name), a_size("Standard_D4s_v5", 4, 16)) == "Standard_D4s_v5"
    candidate = with_sizes(a_size(name))["instance_type"].candidates[0]

    assert (candidate.value, why in candidate.meaning) == (name, True)


@pytest.mark.parametrize(
    "name", ["Standard_D2s_v5", "Standard_E2bds_v5", "Standard_DS2_v2", "Standard_M8ms"]
)
def test_plain_families_are_chosen(name: str) -> None:
    assert chosen(a_size(name)) == name


def test_of_equals_premium_storage_then_the_newest_version_then_the_shortest_name_win() -> None:
    names = ("Standard_D2as_v5", "Standard_D2s_v5", "Standard_D2s_v3", "Standard_D2_v5")
    sizes = [a_size(name, premium_io=name != "Standard_D2_v5") for name in names]
    order = []
    while sizes:
        order.append(chosen(*sizes))
        sizes = [size for size in sizes if size.name != order[-1]]

    assert order == ["Standard_D2s_v5", "Standard_D2as_v5", "Standard_D2s_v3", "Standard_D2_v5"]


def test_a_machine_with_a_gpu_is_asked_about_and_its_loss_is_acknowledged() -> None:
    machine = a_machine(accelerators=1)
    plain = a_size("Standard_D4s_v5", 4, 32)
    found = said(machine, sizes=(plain, GPU))

    assert "instance_type" in found.missing
    assert [c.value for c in found["instance_type"].candidates] == [GPU.name, plain.name]
    kept = said(machine, {"instance_type": GPU.name}, sizes=(plain, GPU))
    assert kept["accelerators"].verdict is Verdict.EQUIVALENT
    lost = said(machine, {"instance_type": plain.name}, sizes=(plain, GPU))
    assert "accelerators" in lost.missing


def test_a_size_is_no_larger_than_its_bytes() -> None:
    fraction = a_size("Standard_M8ms", 8, 218.75)

    assert chosen(fraction, memory_bytes=round(218.75 * GIB), vcpus=8) == fraction.name
    assert chosen(fraction, memory_bytes=round(218.75 * GIB) + 1, vcpus=8) is None


def test_the_os_disk_takes_no_place_of_a_data_disk() -> None:
    four = a_size("Standard_D2s_v5", max_data_disks=4)
    disks = tuple(a_disk(root=n == 0) for n in range(5))

    assert chosen(four, disks=disks) == four.name
    assert chosen(four, disks=(*disks, a_disk(root=False))) is None
    assert "takes 5 disks" in refusal(
        a_machine(disks=(*disks, a_disk(root=False))), {"instance_type": four.name}, sizes=(four,)
    )["instance_type"]  # fmt: skip


def test_what_cannot_be_had_is_named_where_nothing_is_enough() -> None:
    found = with_sizes(
        a_size("Standard_D2s_v6", controllers=("NVME",)),
        a_size("Standard_M8ms", 8, 218.75, restricted="NotAvailableForSubscription"),
        a_size("Standard_D2ps_v5", architecture="arm64", generations=("V2",)),
    )["instance_type"]

    assert found.candidates == ()
    assert "Standard_D2s_v6 attaches disks by NVMe only" in found.reason
    assert "Standard_M8ms is not available to this account (NotAvailable" in found.reason
    assert "Standard_D2ps_v5 has arm64 CPUs, cannot boot by BIOS, only by UEFI" in found.reason
