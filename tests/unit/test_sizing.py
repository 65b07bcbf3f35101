"""Which of the sizes on offer a machine gets: one rule, one test."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldferry.sizing import Needs, Offer, barred, choose, nearest, needs_of, refusals
from tests.unit.machines import GIB, a_disk, a_machine, a_nic

NEED = Needs("m5.large", 2, 8 * GIB, "x86_64", "bios")


def an_offer(name: str = "plain", vcpus: int = 2, gib: float = 8, **changes: Any) -> Offer:
    fields: dict[str, Any] = {
        "architectures": ("x86_64",), "firmwares": ("bios", "uefi"), "max_disks": 5, "max_nics": 2,
    }  # fmt: skip
    return Offer(name, vcpus, round(gib * GIB), **fields | changes)


def chosen(*offers: Offer, need: Needs = NEED) -> str | None:
    found = choose(offers, need)
    return found and found.name


class TestEnough:
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"architectures": ("arm64",)}, "has arm64 CPUs"),
            ({"firmwares": ("uefi",)}, "cannot boot by BIOS, only by UEFI"),
            ({"max_disks": 2}, "takes 2 disks, the root included"),
            ({"max_nics": 1}, "takes 1 network interface"),
            ({"lacks": {"scsi": "attaches by NVMe", "x": "no"}}, "attaches by NVMe"),
            (
                {"max_disks": 3, "nics_take_disks": True},
                "takes 3 disks, the root included, less one for each interface after the first",
            ),
            ({"restricted": "no contract"}, "is not available to this account (no contract)"),
            ({"zones": ("b", "c")}, "is not offered in zone a"),
        ],
    )
    def test_what_would_not_run_or_cannot_be_had_is_never_chosen(
        self, changes: dict[str, Any], why: str
    ) -> None:
        need = replace(NEED, disks=3, nics=2, zone="a", wants=frozenset({"scsi"}))
        wrong, right = an_offer("wrong", **{"zones": ("a",)} | changes), an_offer("right", 4, 32)

        assert refusals(wrong, need) == [why]
        assert chosen(wrong, right, need=need) == "right"
        assert chosen(wrong, need=need) is None

    @pytest.mark.parametrize("short", [an_offer(gib=7.999), an_offer(vcpus=1, gib=64)])
    def test_less_memory_or_fewer_vcpus_is_never_chosen(self, short: Offer) -> None:
        assert chosen(short) is None
        assert refusals(short, NEED) == []

    def test_one_byte_of_memory_too_little_is_too_little(self) -> None:
        offer = replace(an_offer(), memory_bytes=8 * GIB - 1)

        assert chosen(offer) is None

    def test_what_is_not_known_is_not_asked_for(self) -> None:
        only_uefi = an_offer(firmwares=("uefi",), zones=("b",), max_disks=None)

        assert chosen(only_uefi, need=replace(NEED, firmware=None, disks=40)) == "plain"

    def test_nothing_is_chosen_while_the_architecture_is_not_known(self) -> None:
        assert chosen(an_offer(), need=replace(NEED, architecture=None)) is None

    def test_a_special_size_is_never_chosen_unasked(self) -> None:
        special = an_offer("special", special="burstable")

        assert chosen(special, an_offer("large", 16, 64)) == "large"
        assert chosen(special) is None

    def test_a_machine_with_accelerators_is_asked_for(self) -> None:
        need = replace(NEED, accelerators=1)
        gpu = an_offer("gpu", 4, 28, accelerators=1, special="made for GPUs")

        assert chosen(gpu, an_offer(), need=need) is None
        assert [offer.name for offer, _ in nearest([an_offer(), gpu], need)] == ["gpu", "plain"]


class TestOrder:
    def test_the_smallest_excess_of_memory_wins_then_of_vcpus(self) -> None:
        assert chosen(an_offer("much", 2, 16), an_offer("wide", 8, 8)) == "wide"
        assert chosen(an_offer("wide", 8, 8), an_offer("narrow", 4, 8)) == "narrow"

    def test_of_equals_the_cheaper_wins_where_the_price_is_known(self) -> None:
        dear = an_offer("a", price_per_hour=0.2, by_name=(0,))
        cheap = an_offer("b", price_per_hour=0.1, by_name=(1,))
        unknown = an_offer("c", by_name=(-1,))

        assert chosen(dear, cheap, unknown) == "b"

    def test_a_price_never_outweighs_an_excess(self) -> None:
        assert chosen(an_offer("a", 2, 16, price_per_hour=0.01), an_offer("b")) == "b"

    def test_of_equals_without_a_price_the_name_decides_as_its_provider_reads_it(self) -> None:
        assert chosen(an_offer("z", by_name=(1,)), an_offer("a", by_name=(2,))) == "z"
        assert chosen(an_offer("z"), an_offer("a")) == "a"

    def test_the_source_s_own_size_is_kept_where_it_is_on_offer(self) -> None:
        own = an_offer("m5.large", 4, 32, special="burstable", accelerators=2)

        assert chosen(an_offer(), own) == "m5.large"
        assert chosen(an_offer(), own, need=replace(NEED, accelerators=2)) == "m5.large"
        assert chosen(an_offer(), replace(own, restricted="retired")) == "plain"
        assert chosen(an_offer(), replace(own, vcpus=1)) == "plain"

    def test_a_size_whose_quota_is_spent_is_chosen_last(self) -> None:
        need = replace(NEED, quota_left={"small": 1, "large": 16})
        spent, large = an_offer("spent", quota="small"), an_offer("large", 16, 64, quota="large")

        assert chosen(spent, large, need=need) == "large"
        assert chosen(spent, an_offer("unknown", 16, 64, quota="?"), need=need) == "unknown"
        assert chosen(spent, need=need) == "spent"


class TestNearest:
    def test_what_a_person_may_choose_is_named_with_what_it_lacks(self) -> None:
        need = replace(NEED, vcpus=6, quota_left={"b": 2})
        small = an_offer("small", 2, 4)
        spent = an_offer("spent", 8, 16, quota="b", special="burstable")
        found = {offer.name: said for offer, said in nearest([small, spent], need)}

        assert found == {
            "small": ["too little memory", "too few vCPUs"],
            "spent": ["burstable", "the quota leaves 2 vCPUs"],
        }

    def test_fewer_accelerators_are_named(self) -> None:
        need = replace(NEED, accelerators=4)
        one = an_offer("one", accelerators=1)

        assert nearest([one], need)[0][1] == ["1 accelerator, where the source has 4"]
        assert nearest([an_offer()], need)[0][1] == ["no accelerator, where the source has 4"]

    def test_too_little_is_further_away_than_too_much(self) -> None:
        need = replace(NEED, vcpus=6)
        four, twelve = an_offer("four", 4), an_offer("twelve", 12)

        assert [o.name for o, _ in nearest([four, twelve], need)] == ["twelve", "four"]

    def test_of_equals_only_the_preferred_one_is_offered(self) -> None:
        need = replace(NEED, vcpus=6)
        twins = [an_offer("old", by_name=(1,)), an_offer("new", by_name=(0,)), an_offer("x", 4)]

        assert [offer.name for offer, _ in nearest(twins, need)] == ["x", "new"]

    def test_what_no_person_can_have_is_no_candidate_but_named_with_the_reason(self) -> None:
        arm = an_offer("arm", architectures=("arm64",), firmwares=("uefi",))
        small = an_offer("small", 1, 1, restricted="gone")
        large = an_offer("large", 64, 512, restricted="gone")

        assert nearest([arm, small, large], NEED) == []
        assert barred([arm, small, large], NEED) == [
            (large, ["is not available to this account (gone)"]),
            (arm, ["has arm64 CPUs", "cannot boot by BIOS, only by UEFI"]),
        ]


class TestNeeds:
    def test_they_are_read_from_the_description_and_the_answers(self) -> None:
        machine = a_machine(
            architecture="unknown", firmware="unknown", accelerators=2, nics=(a_nic(), a_nic()),
            disks=(a_disk(), a_disk(root=False), a_disk(root=False)),
        )  # fmt: skip
        need = needs_of(machine, {"firmware": "uefi", "architecture": "acknowledge"}, zone="a")

        assert need == Needs("m5.large", 2, 8 * GIB, None, "uefi", 3, 2, 2, "a")

    def test_a_root_that_is_made_from_an_image_takes_a_place_too(self) -> None:
        assert needs_of(a_machine(disks=()), {}).disks == 1

    def test_what_the_source_could_not_tell_of_accelerators_is_not_asked_for(self) -> None:
        assert needs_of(a_machine(accelerators="unknown"), {}).accelerators == 0


OFFERS = st.lists(
    st.builds(
        an_offer,
        st.text("abc", min_size=1, max_size=2),
        st.integers(1, 9),
        st.integers(1, 9),
        architectures=st.sampled_from([("x86_64",), ("arm64",), ("x86_64", "arm64")]),
        firmwares=st.sampled_from([("bios",), ("uefi",), ("bios", "uefi")]),
        max_disks=st.sampled_from([None, 1, 2]),
        special=st.sampled_from(["", "", "burstable"]),
        quota=st.sampled_from(["", "one", "eight"]),
        price_per_hour=st.sampled_from([None, 0.1, 0.2]),
    ),
    max_size=12,
    unique_by=lambda offer: offer.name,
)
WANTED = st.builds(
    Needs,
    st.just("source"),
    st.integers(1, 9),
    st.integers(1, 9).map(lambda gib: gib * GIB),
    st.sampled_from(["x86_64", "arm64"]),
    st.sampled_from(["bios", "uefi"]),
    st.integers(1, 2),
    quota_left=st.just({"one": 1, "eight": 8}),
)


@given(OFFERS, WANTED)
def test_the_choice_does_not_depend_on_the_order_of_the_offers(
    offers: list[Offer], need: Needs
) -> None:
    assert choose(offers, need) == choose(list(reversed(offers)), need)


@given(OFFERS, WANTED)
def test_no_choice_is_less_than_the_machine_and_none_smaller_would_do(
    offers: list[Offer], need: Needs
) -> None:
    found = choose(offers, need)
    enough = [
        offer
        for offer in offers
        if offer.vcpus >= need.vcpus
        and offer.memory_bytes >= need.memory_bytes
        and need.architecture in offer.architectures
        and need.firmware in offer.firmwares
        and (offer.max_disks is None or offer.max_disks >= need.disks)
        and not offer.special
    ]
    left = {"": 99, "one": 1, "eight": 8}
    with_quota = [offer for offer in enough if left[offer.quota] >= offer.vcpus] or enough

    assert (found in enough) if enough else (found is None)
    if found is not None:
        least = min((o.memory_bytes, o.vcpus) for o in with_quota)
        assert (found.memory_bytes, found.vcpus) == least
