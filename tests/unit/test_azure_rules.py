"""What Azure makes of a description: one verdict a leaf, by behaviour."""

import json
from pathlib import Path
from typing import Any

import pytest

from coldferry.errors import BadAnswer
from coldferry.leaves import leaves, schema_patterns
from coldferry.machine import UNKNOWN, Dns, Licence, Machine, RootImage
from coldferry.offered import Subnet, Usage, origin_mark
from coldferry.translation import Consequence, Translation, Verdict
from providers.azure.catalogue import (
    Catalogue,
    DiskTier,
    Size,
    Snapshot,
    Vm,
)
from providers.azure.translate import RULES, translate
from tests.unit.machines import GIB, a_disk, a_full_machine, a_machine, a_nic

ROOT = "/subscriptions/s/resourceGroups/g/providers"
APPS = f"{ROOT}/Microsoft.Network/virtualNetworks/main/subnets/apps"
OTHER = f"{ROOT}/Microsoft.Network/virtualNetworks/far/subnets/apps"
IN_APPS = {"nics[0].subnet_id": APPS}


def a_size(name: str, vcpus: int = 2, gib: float = 8, **changes: Any) -> Size:
    fields: dict[str, Any] = {
        "family": "standardDSv5Family", "architecture": "x86_64", "generations": ("V1", "V2"),
        "max_data_disks": 4, "max_nics": 2, "premium_io": True, "controllers": ("SCSI",),
        "trusted_launch": True,
    }  # fmt: skip
    memory_bytes = round(gib * GIB)
    return Size(name=name, vcpus=vcpus, memory_bytes=memory_bytes, **fields | changes)


SIZES = (
    a_size("Standard_B2ms"),
    a_size("Standard_D2_v3", premium_io=False),
    a_size("Standard_D2s_v3"),
    a_size("Standard_D2s_v5"),
    a_size("Standard_D2as_v5"),
    a_size("Standard_D2s_v6", controllers=("NVME",)),
    a_size("Standard_D4s_v5", 4, 16, max_data_disks=8),
    a_size("Standard_E2s_v5", 2, 16, generations=("V2",)),
    a_size("Standard_D2ps_v5", architecture="arm64", generations=("V2",)),
    a_size("Standard_M8ms", 8, 218.75, restricted="NotAvailableForSubscription"),
)
STEPS = (
    ("StandardSSD_LRS", "E10", 128, 500, 100), ("StandardSSD_LRS", "E80", 32767, 6000, 750),
    ("Premium_LRS", "P10", 128, 500, 100), ("Premium_LRS", "P30", 1024, 5000, 200),
    ("Premium_LRS", "P80", 32767, 20000, 900), ("Standard_LRS", "S80", 32767, 2000, 500),
)  # fmt: skip


def a_subnet(subnet_id: str, cidr: str, **used: str) -> Subnet:
    words = subnet_id.split("/")
    network_id = subnet_id.rpartition("/subnets")[0]
    return Subnet(
        id=subnet_id, name=words[-1], network=words[-3], network_id=network_id, cidrs=(cidr,),
        used={key.replace("_", ".").strip("a"): value for key, value in used.items()},
    )  # fmt: skip


def a_catalogue(**changes: Any) -> Catalogue:
    fields: dict[str, Any] = {
        "location": "westeurope",
        "sizes": SIZES,
        "disk_tiers": tuple(
            DiskTier(
                kind=kind, tier=tier, max_bytes=gib * GIB, iops=iops,
                throughput_bytes_s=rate * 1_000_000,
            )
            for kind, tier, gib, iops, rate in STEPS
        ),
        "subnets": (
            a_subnet(f"{APPS}-b", "10.0.9.0/24"),
            a_subnet(APPS, "10.0.1.0/24", a10_0_1_50="", a10_0_1_60="somebody"),
            a_subnet(OTHER, "10.9.0.0/24"),
        ),
        "usages": {"cores": Usage(limit=100, used=0)},
    }  # fmt: skip
    return Catalogue(**fields | changes)


def said(machine: Machine, answers: dict[str, Any] | None = None, **changes: Any) -> Translation:
    return translate(machine, a_catalogue(**changes), answers or {})


def refusal(machine: Machine, answers: dict[str, Any], **changes: Any) -> dict[str, str]:
    with pytest.raises(BadAnswer) as caught:
        said(machine, answers, **changes)
    return caught.value.problems


def test_every_leaf_of_the_schema_has_a_rule_and_no_rule_is_left_over() -> None:
    assert set(RULES) == set(schema_patterns())


def test_every_leaf_of_a_full_machine_gets_one_verdict_with_a_reason() -> None:
    machine = a_full_machine()

    found = said(machine)

    assert [field.path for field in found.fields] == [leaf.path for leaf in leaves(machine)]
    assert all(field.reason and field.rule.startswith("azure.") for field in found.fields)
    json.loads(found.model_dump_json())


def test_what_may_matter_and_is_lost_has_to_be_acknowledged_and_details_only_inform() -> None:
    found = said(a_full_machine())

    asked = {f.path for f in found.fields if f.consequence is Consequence.ACKNOWLEDGE}
    assert asked == {
        "secure_boot", "tpm", "tenancy", "dns.search_domains", "nics[0].more_private_addresses",
        "nics[0].public_address", "nics[0].security_groups[0].id", "disks[0].key_id",
        "ephemeral_disks[0].device", "network_filesystems[0].id", "user_data.sha256", "profile",
        "licence.platform", "licence.product_codes",
    }  # fmt: skip
    settled = said(a_full_machine(), dict.fromkeys(asked, "acknowledge"))
    assert settled.missing == ["nics[0].subnet_id"]
    assert [f.path for f in settled.blocking] == ["root_image.image"]


def test_a_plain_machine_leaves_only_its_subnet_open() -> None:
    assert said(a_machine()).missing == ["nics[0].subnet_id"]
    assert said(a_machine(), IN_APPS).missing == []


@pytest.mark.parametrize("firmware", ["uefi", UNKNOWN])
def test_secure_boot_that_nobody_could_tell_has_to_be_acknowledged(firmware: str) -> None:
    machine = a_machine(firmware=firmware, secure_boot=UNKNOWN)

    assert "secure_boot" in said(machine).missing
    assert said(machine, {"secure_boot": "acknowledge"})["secure_boot"].target is False


def test_secure_boot_is_no_question_for_a_bios_machine() -> None:
    assert "secure_boot" not in said(a_machine(firmware="bios", secure_boot=UNKNOWN)).missing


class TestSize:
    def test_the_plainest_newest_of_equal_sizes_is_chosen_and_named_with_its_capacities(
        self,
    ) -> None:
        found = said(a_machine())["instance_type"]

        assert (found.verdict, found.target) == (Verdict.EQUIVALENT, "Standard_D2s_v5")
        assert found.difference == "m5.large -> Standard_D2s_v5: same vCPUs and memory."

    @pytest.mark.parametrize(
        ("changes", "size"),
        [
            ({"memory_bytes": 8 * GIB + 1}, "Standard_D4s_v5"),
            ({"memory_bytes": 9 * GIB, "firmware": "uefi"}, "Standard_E2s_v5"),
            ({"architecture": "arm64", "firmware": "uefi"}, "Standard_D2ps_v5"),
            ({"nics": (a_nic(), a_nic(id="eni-2", primary=False))}, "Standard_D2s_v5"),
            ({"disks": tuple(a_disk(root=n == 0) for n in range(7))}, "Standard_D4s_v5"),
        ],
    )
    def test_it_is_enough_of_everything_with_the_smallest_excess(
        self, changes: dict[str, Any], size: str
    ) -> None:
        assert said(a_machine(**changes))["instance_type"].target == size

    def test_vcpus_and_memory_follow_it(self) -> None:
        found = said(a_machine(vcpus=3))

        assert found["vcpus"].target == 4
        assert found["vcpus"].verdict is Verdict.EQUIVALENT
        assert found["memory_bytes"].target == 16 * GIB

    def test_where_none_is_enough_the_nearest_are_offered_with_what_they_lack(self) -> None:
        found = said(a_machine(vcpus=6))

        assert found["instance_type"].verdict is Verdict.MISSING
        assert found["instance_type"].candidates[0].value == "Standard_D4s_v5"
        assert "6 vCPUs and 8 GiB become 4 vCPUs" in found["instance_type"].candidates[0].meaning
        assert "vcpus" not in found.missing
        assert found["vcpus"].target is None

    def test_a_size_with_quota_left_is_preferred_to_a_better_one_without(self) -> None:
        sizes = (a_size("Standard_D2s_v5", family="five"), a_size("Standard_D4s_v3", 4, 16))
        full = {"five": Usage(limit=2, used=2)}

        assert said(a_machine(), sizes=sizes)["instance_type"].target == "Standard_D2s_v5"
        found = said(a_machine(), sizes=sizes, usages=full)
        assert found["instance_type"].target == "Standard_D4s_v3"

    def test_a_spent_quota_is_no_gap_in_the_translation(self) -> None:
        full = {"cores": Usage(limit=2, used=2)}

        assert said(a_machine(), usages=full)["instance_type"].target == "Standard_D2s_v5"

    def test_what_an_earlier_run_took_for_the_same_machine_counts_as_free(self) -> None:
        full = {"cores": Usage(limit=2, used=2)}
        ours = Vm(name="web-01", size="Standard_D2s_v5", origin=origin_mark(a_machine()))
        found = said(a_machine(), usages=full, vms=(ours,))

        assert found["instance_type"].target == "Standard_D2s_v5"
        assert found["name"].target == "web-01"

    def test_a_person_may_choose_less_and_the_difference_says_so(self) -> None:
        found = said(a_machine(vcpus=4), {"instance_type": "standard_b2ms"})

        assert found["instance_type"].target == "Standard_B2ms"
        assert "4 vCPUs and 8 GiB become 2" in found["instance_type"].difference

    @pytest.mark.parametrize(
        ("size", "why"),
        [
            ("Standard_X9", "no size"), ("Standard_M8ms", "not available"),
            ("Standard_D2ps_v5", "arm64"), ("Standard_E2s_v5", "cannot boot by BIOS"),
            ("Standard_D2s_v6", "NVMe"),
        ],
    )  # fmt: skip
    def test_a_size_that_would_not_work_is_refused(self, size: str, why: str) -> None:
        assert why in refusal(a_machine(), {"instance_type": size})["instance_type"]

    def test_a_premium_disk_needs_a_premium_size(self) -> None:
        premium = a_machine(disks=(a_disk(medium="steady ssd", iops=400),))

        assert "Premium" in refusal(premium, {"instance_type": "Standard_D2_v3"})["instance_type"]


class TestMachine:
    def test_an_illegal_name_becomes_a_slug(self) -> None:
        found = said(a_machine(name="Web 01 (prod)"))["name"]

        assert (found.verdict, found.target) == (Verdict.EQUIVALENT, "web-01-prod")

    def test_a_name_that_somebody_else_uses_is_asked_for(self) -> None:
        taken = (Vm(name="WEB-01", size="", origin=""),)

        found = said(a_machine(), vms=taken)["name"]
        assert [c.value for c in found.candidates] == ["web-01-2", "web-01-3"]
        assert said(a_machine(), {"name": "shop"}, vms=taken)["name"].target == "shop"
        assert "already" in refusal(a_machine(), {"name": "web-01"}, vms=taken)["name"]

    def test_a_windows_name_has_fifteen_characters(self) -> None:
        windows = a_machine(name="a-long-windows-name", os_family="windows")

        assert len(said(windows)["name"].target) <= 15
        assert "no legal" in refusal(windows, {"name": "another-long-name-x"})["name"]

    @pytest.mark.parametrize(
        ("path", "answer"),
        [("firmware", "uefi"), ("os_family", "linux"), ("architecture", "x86_64")],
    )
    def test_what_the_source_could_not_tell_is_asked_for(self, path: str, answer: str) -> None:
        machine = a_machine(**{path: "unknown"})

        assert path in said(machine).missing
        assert said(machine, {path: answer})[path].target == answer
        assert path in refusal(machine, {path: "mips"})

    def test_the_size_looks_at_the_answered_firmware(self) -> None:
        machine = a_machine(firmware="unknown", vcpus=2, memory_bytes=12 * GIB)

        assert said(machine, {"firmware": "uefi"})["instance_type"].target == "Standard_E2s_v5"
        assert said(machine, {"firmware": "bios"})["instance_type"].target == "Standard_D4s_v5"

    def test_what_the_source_is_sure_of_is_no_choice(self) -> None:
        assert "sure" in refusal(a_machine(), {"firmware": "uefi"})["firmware"]

    def test_a_licence_by_the_hour_ends(self) -> None:
        for platform in ("Windows", "Red Hat Enterprise Linux", "SUSE Linux"):
            found = said(a_machine(licence=Licence(platform=platform)))["licence.platform"]
            assert found.consequence is Consequence.ACKNOWLEDGE

    def test_a_root_image_is_asked_for_among_the_snapshots(self) -> None:
        snapshot = Snapshot(id=f"{ROOT}/snap", name="golden", os="linux", generation="V1",
                            size_bytes=GIB)  # fmt: skip
        machine = a_machine(root_image=RootImage(image="ami-1"), disks=())
        given = {"root_image.image": "golden"}

        assert "root_image.image" in said(machine, snapshots=(snapshot,)).missing
        found = said(machine, given, snapshots=(snapshot,))["root_image.image"]
        assert found.target == snapshot.id
        assert "golden" in refusal(machine, given)["root_image.image"]

    def test_a_root_image_that_nothing_stands_for_blocks(self) -> None:
        machine = a_machine(root_image=RootImage(image="ami-1"), disks=())

        assert [field.path for field in said(machine).blocking] == ["root_image.image"]


class TestNetwork:
    def test_subnets_that_hold_the_address_are_offered_first(self) -> None:
        found = said(a_machine())["nics[0].subnet_id"]

        assert found.candidates[0].value == "main/apps"
        assert found.candidates[0].meaning == "10.0.1.0/24, holds 10.0.1.20"

    def test_a_subnet_whose_name_is_not_the_only_one_goes_by_its_id(self) -> None:
        twins = tuple(
            Subnet(id=path, name="apps", network="main", network_id=path, cidrs=("10.0.1.0/24",))
            for path in (APPS, APPS.replace("/resourceGroups/", "/resourceGroups/other-"))
        )
        found = said(a_machine(), subnets=twins)["nics[0].subnet_id"]

        assert [c.value for c in found.candidates] == [subnet.id for subnet in twins]
        assert "nics[0].subnet_id" in refusal(
            a_machine(), {"nics[0].subnet_id": "main/apps"}, subnets=twins
        )

    def test_the_address_is_kept_where_it_can_be(self) -> None:
        found = said(a_machine(), {"nics[0].subnet_id": "main/apps"})

        assert found["nics[0].private_address"].verdict is Verdict.EXACT
        assert found["nics[0].subnet_cidr"].target == "10.0.1.0/24"
        assert found["nics[0].network_id"].target == APPS.rpartition("/subnets")[0]

    @pytest.mark.parametrize("address", ["10.0.1.3", "10.0.1.255", "10.0.1.50", "10.7.0.9"])
    def test_an_address_that_cannot_be_kept_is_asked_for(self, address: str) -> None:
        machine = a_machine(nics=(a_nic(private_address=address),))
        path = "nics[0].private_address"

        assert said(machine, IN_APPS).missing == [path]
        assert said(machine, IN_APPS | {path: "automatic"})[path].target == "automatic"
        assert said(machine, IN_APPS | {path: "10.0.1.21"})[path].target == "10.0.1.21"
        assert path in refusal(machine, IN_APPS | {path: "10.0.1.60"})
        assert path in refusal(machine, IN_APPS | {path: "here"})

    def test_an_address_that_no_subnet_has_is_asked_for_together_with_the_subnet(self) -> None:
        nowhere = a_machine(nics=(a_nic(private_address="10.7.0.9"),))

        path = "nics[0].private_address"
        assert said(nowhere).missing == ["nics[0].subnet_id", path]
        assert said(nowhere, IN_APPS | {path: "automatic"}).missing == []
        assert path not in said(a_machine()).missing

    def test_where_no_subnet_has_room_nothing_can_be_answered(self) -> None:
        found = said(a_machine(), subnets=())

        assert [field.path for field in found.blocking] == ["nics[0].subnet_id"]

    def test_an_address_that_an_earlier_run_took_for_the_same_machine_is_free(self) -> None:
        subnet = Subnet(
            id=APPS, name="apps", network="main", network_id="v", cidrs=("10.0.1.0/24",),
            used={"10.0.1.20": origin_mark(a_machine())},
        )  # fmt: skip

        assert said(a_machine(), IN_APPS, subnets=(subnet,)).missing == []

    def test_all_interfaces_must_be_in_one_network(self) -> None:
        machine = a_machine(nics=(a_nic(), a_nic(id="eni-2", primary=False)))

        problems = refusal(machine, IN_APPS | {"nics[1].subnet_id": OTHER})
        assert list(problems) == ["nics[1].subnet_id"]

    def test_two_interfaces_cannot_have_one_address(self) -> None:
        machine = a_machine(nics=(a_nic(), a_nic(id="eni-2", private_address="10.0.1.21")))
        answers = IN_APPS | {"nics[1].subnet_id": APPS, "nics[1].private_address": "10.0.1.20"}

        assert "nics[0]" in refusal(machine, answers)["nics[1].private_address"]

    def test_real_resolvers_are_carried_and_the_providers_own_are_replaced(self) -> None:
        def servers(*given: str) -> Any:
            return said(a_machine(dns=Dns(servers=given)))["dns.servers"].target

        assert servers("10.0.0.2", "10.0.0.3") == ["10.0.0.2", "10.0.0.3"]
        assert servers("AmazonProvidedDNS") == ["AzureProvidedDNS"]
        assert servers("169.254.169.253", "10.0.0.2") == ["10.0.0.2"]

    def test_unknown_resolvers_are_asked_for(self) -> None:
        machine = a_machine(dns=Dns())

        assert "dns.servers" in said(machine).missing
        found = said(machine, {"dns.servers": "10.0.0.2, 10.0.0.3"})["dns.servers"]
        assert found.target == ["10.0.0.2", "10.0.0.3"]
        assert "dns.servers" in refusal(machine, {"dns.servers": "ns.example"})

    def test_a_mac_cannot_be_kept_and_nobody_is_asked(self) -> None:
        found = said(a_machine())["nics[0].mac"]

        assert (found.verdict, found.consequence) == (Verdict.IMPOSSIBLE, Consequence.INFORM)
        assert "no" in refusal(a_machine(), {"nics[0].mac": "02:00:00:00:00:02"})["nics[0].mac"]


def test_no_rule_knows_the_sdk() -> None:
    folder = Path(__file__).parents[2] / "providers" / "azure"
    pure = [*folder.glob("rules_*.py"), folder / "sizes.py", folder / "translate.py"]

    assert not [path for path in pure if "from azure" in path.read_text()]
