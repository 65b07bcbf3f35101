"""What AWS makes of disks, by figures."""

from typing import Any

import pytest

from coldferry.translation import Consequence, Translation, Verdict
from tests.unit.machines import GIB, MIB, a_disk, a_machine
from tests.unit.test_aws_rules import elsewhere, refusal, said

KIND, IOPS, THROUGHPUT = "disks[0].kind", "disks[0].iops", "disks[0].throughput_bytes_s"


def disk(answers: dict[str, Any] | None = None, **changes: Any) -> Translation:
    """A machine of another cloud with one disk."""
    return said(elsewhere(disks=(a_disk(**{"kind": "Their kind"} | changes),)), answers)


class TestKind:
    def test_the_source_s_figures_are_provisioned_exactly(self) -> None:
        found = disk(size_bytes=100 * GIB, iops=5000, throughput_bytes_s=200 * MIB)

        assert (found[KIND].target, found[KIND].consequence) == ("gp3", Consequence.INFORM)
        assert (found[IOPS].verdict, found[IOPS].target) == (Verdict.EXACT, 5000)
        assert (found[THROUGHPUT].verdict, found[THROUGHPUT].target) == (Verdict.EXACT, 200 * MIB)

    def test_less_than_a_volume_has_at_least_becomes_that(self) -> None:
        found = disk(iops=120, throughput_bytes_s=25_000_000)

        assert (found[IOPS].target, found[THROUGHPUT].target) == (3000, 125 * MIB)

    def test_throughput_brings_the_iops_that_it_needs(self) -> None:
        found = disk(size_bytes=100 * GIB, iops=3000, throughput_bytes_s=900 * MIB)

        assert (found[IOPS].target, found[THROUGHPUT].target) == (3600, 900 * MIB)

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"iops": 80_000, "throughput_bytes_s": MIB}, "gp3"),
            ({"iops": 80_001, "throughput_bytes_s": MIB}, "io2"),
            ({"iops": 3000, "throughput_bytes_s": 2001 * MIB}, "io2"),
            ({"iops": 3000, "throughput_bytes_s": MIB, "medium": "steady ssd"}, "io2"),
            ({"iops": 100, "throughput_bytes_s": MIB, "medium": "hdd"}, "gp3"),
            ({"iops": 40_001, "throughput_bytes_s": MIB, "size_bytes": 80 * GIB}, "io2"),
        ],
    )
    def test_above_the_cheaper_type_it_is_the_other(
        self, changes: dict[str, Any], kind: str
    ) -> None:
        assert disk(**{"size_bytes": 1000 * GIB} | changes)[KIND].target == kind

    def test_a_downgrade_is_named_and_must_be_acknowledged(self) -> None:
        found = disk(size_bytes=1000 * GIB, iops=400_000, throughput_bytes_s=MIB)[KIND]

        assert (found.target, found.consequence) == ("io2", Consequence.ACKNOWLEDGE)
        assert "fewer IOPS: 400000 become 256000" in found.difference

    @pytest.mark.parametrize("kind", ["gp2", "io1", "st1", "standard", "gp3"])
    def test_another_cloud_s_word_means_nothing(self, kind: str) -> None:
        found = disk(kind=kind, iops=3000, throughput_bytes_s=125 * MIB)[KIND]

        assert found.target == "gp3"

    @pytest.mark.parametrize("kind", ["gp2", "io1", "io2", "standard", "gp3"])
    def test_a_type_of_ec2_s_own_is_kept(self, kind: str) -> None:
        machine = a_machine(disks=(a_disk(kind=kind, iops=100, throughput_bytes_s=25 * MIB),))

        assert said(machine)[KIND].target == kind

    def test_a_disk_whose_speed_is_not_known_is_asked_about(self) -> None:
        found = disk(medium="unknown")[KIND]

        assert found.verdict is Verdict.MISSING
        assert [candidate.value for candidate in found.candidates] == ["gp3", "io2"]
        assert "3000 IOPS" in found.candidates[0].meaning
        settled = disk({KIND: "io2"}, medium="unknown", iops="unknown", throughput_bytes_s=None)
        assert (settled[KIND].target, settled[IOPS].target) == ("io2", 3000)

    def test_a_root_is_never_on_what_does_not_boot(self) -> None:
        data = elsewhere(disks=(a_disk(), a_disk(root=False, size_bytes=200 * GIB)))

        assert "possible are" in refusal(elsewhere(), {KIND: "st1"})[KIND]
        assert said(data, {"disks[1].kind": "st1"})["disks[1].kind"].target == "st1"

    def test_a_person_s_slower_kind_needs_no_second_word(self) -> None:
        slow = {"iops": 90_000, "throughput_bytes_s": MIB, "size_bytes": 1000 * GIB}

        found = disk({KIND: "gp3"}, **slow)
        assert not found[KIND].open
        assert found[IOPS].target == 80_000


class TestFigures:
    def test_a_person_may_ask_for_more_within_what_the_type_allows(self) -> None:
        found = disk({IOPS: "4000", THROUGHPUT: str(500 * MIB)}, size_bytes=100 * GIB)

        assert (found[IOPS].target, found[THROUGHPUT].target) == (4000, 500 * MIB)

    @pytest.mark.parametrize("said", ["2999", "80001", "many", "-5", "", "\u0663"])
    def test_what_the_type_does_not_allow_is_refused_with_what_it_does(self, said: str) -> None:
        why = refusal(elsewhere(disks=(a_disk(size_bytes=1000 * GIB),)), {IOPS: said})[IOPS]

        assert "from 3000 to 80000" in why

    def test_what_follows_is_no_person_s_to_choose(self) -> None:
        machine = elsewhere(disks=(a_disk(iops=90_000, throughput_bytes_s=MIB,
                                          size_bytes=1000 * GIB),))  # fmt: skip

        assert "follows" in refusal(machine, {THROUGHPUT: "1"})[THROUGHPUT]

    def test_a_disk_without_figures_of_its_own_is_told_what_it_gets(self) -> None:
        found = disk(iops=None, throughput_bytes_s=10 * MIB)

        assert (found[IOPS].verdict, found[IOPS].target) == (Verdict.EQUIVALENT, 3000)


class TestSize:
    def test_sizes_are_whole_gib(self) -> None:
        found = disk(size_bytes=8 * GIB + 1)["disks[0].size_bytes"]

        assert (found.verdict, found.target) == (Verdict.EQUIVALENT, 9 * GIB)
        assert "1073741823 bytes of zeros" in found.difference

    def test_a_type_has_a_least_size(self) -> None:
        assert disk({KIND: "io2"}, size_bytes=GIB)["disks[0].size_bytes"].target == 4 * GIB

    def test_a_bios_root_beyond_2_tib_must_be_acknowledged(self) -> None:
        big = {"size_bytes": 2049 * GIB}
        uefi = elsewhere(firmware="uefi", disks=(a_disk(**big),))

        found = disk(**big)["disks[0].size_bytes"]
        assert (found.target, found.consequence) == (2049 * GIB, Consequence.ACKNOWLEDGE)
        assert "MBR" in found.difference
        assert said(uefi)["disks[0].size_bytes"].verdict is Verdict.EXACT

    def test_a_disk_that_no_volume_can_hold_blocks(self) -> None:
        found = disk(size_bytes=65537 * GIB)

        assert [field.path for field in found.blocking] == ["disks[0].size_bytes", KIND]


class TestEncryption:
    @pytest.mark.parametrize(
        ("source", "region", "target"),
        [
            (True, False, True), (True, "unknown", True), (False, True, True),
            (False, False, False), (False, "unknown", True), ("unknown", False, True),
        ],
    )  # fmt: skip
    def test_it_is_never_silently_less(self, source: Any, region: Any, target: bool) -> None:
        machine = a_machine(disks=(a_disk(encrypted=source),))

        assert said(machine, encrypts=region)["disks[0].encrypted"].target is target


class TestDevices:
    def names(self, *devices: str, provider: str = "aws") -> list[Any]:
        disks = tuple(a_disk(device=name, root=n == 0) for n, name in enumerate(devices))
        machine = a_machine(disks=disks)
        machine = machine if provider == "aws" else elsewhere(machine)
        found = said(machine)
        return [found[f"disks[{n}].device"].target for n in range(len(devices))]

    def test_ec2_s_own_names_are_kept(self) -> None:
        assert self.names("/dev/sda1", "xvdf", "/dev/sdg") == ["/dev/sda1", "xvdf", "/dev/sdg"]

    def test_others_get_names_in_their_order(self) -> None:
        assert self.names("os", "lun0", "lun1", provider="azure") == [
            "/dev/xvda", "/dev/sdf", "/dev/sdg",
        ]  # fmt: skip

    def test_no_name_is_given_twice(self) -> None:
        found = self.names("/dev/xvda", "/dev/sdf", "/dev/sdf", "odd")

        assert found == ["/dev/xvda", "/dev/sdf", "/dev/sdg", "/dev/sdh"]

    def test_more_disks_than_names_block(self) -> None:
        found = self.names(*(f"lun{n}" for n in range(120)), provider="azure")

        assert found.count(None) > 0
        assert len(set(found) - {None}) == len([name for name in found if name])
