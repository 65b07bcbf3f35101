"""What Azure makes of disks and tags, by behaviour."""

from typing import Any

from coldferry.machine import Tag
from coldferry.translation import Consequence, Translation, Verdict
from providers.azure.rules_labels import LIMITS
from tests.unit.machines import GIB, MIB, a_disk, a_machine
from tests.unit.test_azure_rules import IN_APPS, refusal, said


class TestStorage:
    def kind(self, answers: dict[str, Any] | None = None, **changes: Any) -> Any:
        return said(a_machine(disks=(a_disk(**changes),)), answers)["disks[0].kind"]

    def test_the_slowest_kind_that_is_enough_is_chosen(self) -> None:
        assert self.kind(iops=100).target == "StandardSSD_LRS"
        assert self.kind(iops=3000, size_bytes=900 * GIB).target == "StandardSSD_LRS"
        assert self.kind(medium="steady ssd", iops=400).target == "Premium_LRS"
        assert self.kind(kind="Premium_LRS").verdict is Verdict.EXACT

    def test_the_source_s_word_for_a_kind_means_nothing(self) -> None:
        for word in ("gp2", "io2", "st1", "thin", "unheard-of"):
            assert self.kind(kind=word, iops=100).target == "StandardSSD_LRS"

    def test_a_hard_disk_may_become_one_but_not_the_root(self) -> None:
        spinning = a_disk(medium="hdd", iops=None, throughput_bytes_s=5 * MIB, root=False)
        found = said(a_machine(disks=(a_disk(medium="hdd"), spinning)))

        assert found["disks[0].kind"].target == "StandardSSD_LRS"
        assert found["disks[1].kind"].target == "Standard_LRS"
        assert (found["disks[0].medium"].target, found["disks[1].medium"].target) == ("ssd", "hdd")

    def test_a_hard_disk_that_is_too_slow_becomes_an_ssd(self) -> None:
        slow = a_disk(root=False, medium="hdd", iops=3000, size_bytes=900 * GIB)
        found = said(a_machine(disks=(a_disk(), slow)))

        assert found["disks[1].kind"].target == "StandardSSD_LRS"

    def test_a_loss_of_performance_is_named_and_must_be_acknowledged(self) -> None:
        found = self.kind(kind="gp3", iops=3000, throughput_bytes_s=125 * MIB)

        assert found.consequence is Consequence.ACKNOWLEDGE
        assert "3000 become 500" in found.difference
        assert "125 MiB/s become 95 MiB/s" in found.difference

    def test_where_none_is_enough_the_one_that_is_short_least_is_chosen(self) -> None:
        large = 1024 * GIB
        fast = self.kind(iops=30_000, throughput_bytes_s=None, size_bytes=large)
        wide = self.kind(iops=None, throughput_bytes_s=800 * MIB, size_bytes=large)

        assert (fast.target, wide.target) == ("StandardSSD_LRS", "StandardSSD_LRS")
        assert self.kind(iops=900, throughput_bytes_s=None).target == "Premium_LRS"

    def test_what_a_person_names_may_be_slower_and_the_difference_says_so(self) -> None:
        steady = {"medium": "steady ssd", "iops": 400}
        found = self.kind({"disks[0].kind": "Standard_LRS"}, **steady)

        assert (found.target, found.consequence) == ("Standard_LRS", Consequence.INFORM)
        assert "SSD with steady figures becomes hard disk" in found.difference

    def test_a_disk_of_which_nothing_is_known_is_asked_for(self) -> None:
        nothing = {"iops": "unknown", "throughput_bytes_s": "unknown"}
        for dark in ({"medium": "unknown"}, nothing):
            found = self.kind(kind="qcow2", **dark)
            assert found.verdict is Verdict.MISSING
            assert [c.value for c in found.candidates] == [
                "Premium_LRS", "StandardSSD_LRS", "Standard_LRS",
            ]  # fmt: skip
            answered = self.kind({"disks[0].kind": "Premium_LRS"}, kind="qcow2", **dark)
            assert answered.target == "Premium_LRS"
        machine = a_machine(disks=(a_disk(),))
        assert "UltraSSD" in refusal(machine, {"disks[0].kind": "UltraSSD_LRS"})["disks[0].kind"]

    def test_sizes_are_whole_mib_and_twenty_at_least(self) -> None:
        def size(size_bytes: int) -> Any:
            return said(a_machine(disks=(a_disk(size_bytes=size_bytes),)))["disks[0].size_bytes"]

        assert size(GIB).verdict is Verdict.EXACT
        assert size(GIB + 512).target == GIB + MIB
        assert size(MIB).target == 20 * MIB

    def test_a_disk_that_is_too_large_or_shared_blocks(self) -> None:
        large = said(a_machine(disks=(a_disk(size_bytes=3000 * GIB),)))
        shared = said(a_machine(disks=(a_disk(shared=True),)))

        assert [field.path for field in large.blocking] == ["disks[0].size_bytes"]
        assert [field.path for field in shared.blocking] == ["disks[0].shared"]
        uefi = a_machine(firmware="uefi", disks=(a_disk(size_bytes=3000 * GIB),))
        assert said(uefi).blocking == []

    def test_data_disks_count_from_lun_zero_in_the_descriptions_order(self) -> None:
        found = said(a_machine(disks=(a_disk(), a_disk(root=False), a_disk(root=False))))

        places = [found[f"disks[{n}].device"].target for n in range(3)]
        assert places == ["OS disk", "LUN 0", "LUN 1"]


class TestTags:
    def tags(self, given: dict[str, str], answers: dict[str, Any] | None = None) -> Translation:
        return said(a_machine(tags=[Tag(key=k, value=v) for k, v in given.items()]), answers)

    def test_illegal_characters_are_replaced_and_long_values_cut(self) -> None:
        found = self.tags({"cost/centre": "x" * 300})

        assert found["tags[0].key"].target == "cost-centre"
        assert len(found["tags[0].value"].target) == 256

    def test_keys_that_differ_in_case_only_are_asked_for(self) -> None:
        two = {"Name": "a", "name": "b"}
        found = self.tags(two)

        assert found["tags[1].key"].verdict is Verdict.MISSING
        assert [c.value for c in found["tags[1].key"].candidates] == ["name-2", "drop"]
        dropped = self.tags(two, {"tags[1].key": "drop"})
        assert dropped["tags[1].key"].target is None
        assert not dropped["tags[1].key"].open
        assert self.tags(two, {"tags[1].key": "name-2"})["tags[1].value"].target

    def test_names_that_are_offered_at_once_do_not_collide(self) -> None:
        four = dict.fromkeys(("team", "TEAM", "Team", "team-2"), "x")
        found = self.tags(four)

        first = {f"tags[{n}].key": found[f"tags[{n}].key"].candidates[0].value for n in (1, 2)}
        assert first == {"tags[1].key": "TEAM-3", "tags[2].key": "Team-4"}
        assert self.tags(four, IN_APPS | first).missing == []

    def test_a_free_name_fits_where_the_key_is_as_long_as_it_may_be(self) -> None:
        twins = {"k" * 512: "1", "K" * 512: "2"}

        free = self.tags(twins)["tags[1].key"].candidates[0].value
        assert len(free) == 512
        assert self.tags(twins, {"tags[1].key": free})["tags[1].key"].target == free

    def test_the_sources_own_tags_are_left_out(self) -> None:
        found = self.tags({"aws:cloudformation:stack": "x"})

        assert found["tags[0].key"].verdict is Verdict.DROPPED
        assert not found["tags[0].key"].open

    def test_tags_beyond_the_limit_must_be_acknowledged(self) -> None:
        found = self.tags({f"key{n}": "v" for n in range(50)})

        asked = [f.path for f in found.fields if f.path.endswith("key") and f.open]
        assert len(asked) == 50 - LIMITS.room
        assert asked[0] == f"tags[{LIMITS.room}].key"
