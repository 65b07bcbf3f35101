"""What is said of a machine's size and of all that follows from it, at any target."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from coldferry.leaves import Leaf
from coldferry.machine import Machine
from coldferry.rules import Outcome, Question, Rule, Unfit
from coldferry.sizing import Needs, Offer, needs_of
from coldferry.sizing_rules import size_rules
from coldferry.translation import Answers
from tests.unit.machines import GIB, a_machine
from tests.unit.test_sizing import an_offer

OFFERS = (
    an_offer("small"),
    an_offer("large", 8, 64),
    an_offer("burst", 4, 16, burstable=True, special="burstable: by credits"),
    an_offer("gpu-1", 4, 28, accelerators=1, special="made for GPUs"),
    an_offer("gpu-4", 16, 110, accelerators=4, special="made for GPUs"),
    an_offer("iron", 96, 384, bare_metal=True, special="bare metal"),
    an_offer("arm", 4, 16, architectures=("arm64",)),
    an_offer("giant", 128, 2048),
)


def a_shop(offers: Sequence[Offer]) -> Callable[[Question[Any]], tuple[Sequence[Offer], Needs]]:
    return lambda question: (offers, needs_of(question.machine, question.answers))


def asked(
    path: str, machine: Machine, answers: Answers | None = None, offers: Sequence[Offer] = OFFERS
) -> tuple[Rule[Any], Question[Any]]:
    rules: dict[str, Rule[Any]] = size_rules("here", "a page", a_shop(offers))
    leaf = Leaf(path, path, (), getattr(machine, path))
    return rules[path], Question(leaf, machine, None, answers or {})


def said(path: str, machine: Machine, answers: Answers | None = None) -> Outcome:
    rule, question = asked(path, machine, answers)
    return rule.decide(question)


class TestSize:
    def test_the_smallest_that_is_enough_is_named_with_what_changes(self) -> None:
        found = said("instance_type", a_machine(memory_bytes=9 * GIB))

        assert (found.kind, found.target) == ("equivalent", "large")
        assert found.difference == (
            "m5.large -> large: 2 vCPUs and 9 GiB become 8 vCPUs and 64 GiB."
        )

    def test_its_own_size_is_exact(self) -> None:
        assert said("instance_type", a_machine(instance_type="small")).kind == "exact"

    def test_one_that_is_far_larger_is_asked_about_with_the_nearest_others(self) -> None:
        found = said("instance_type", a_machine(vcpus=20, memory_bytes=64 * GIB))

        assert (found.kind, found.target) == ("equivalent, acknowledge", "giant")
        assert "far more than the source has" in found.difference
        assert [candidate.value for candidate in found.candidates][:2] == ["gpu-4", "large"]

    def test_where_none_is_enough_the_nearest_are_offered_and_the_barred_are_named(self) -> None:
        found = said("instance_type", a_machine(vcpus=200, architecture="arm64"))

        assert found.kind == "missing"
        assert [c.value for c in found.candidates] == ["arm"]
        assert found.candidates[0].meaning == (
            "200 vCPUs and 8 GiB become 4 vCPUs and 16 GiB; too few vCPUs"
        )
        barred = said("instance_type", a_machine(vcpus=100, architecture="arm64"))
        assert "Large enough, but not to be had: giant has x86_64 CPUs." in barred.reason

    def test_where_nobody_could_choose_anything_the_machine_is_blocked(self) -> None:
        rule, question = asked("instance_type", a_machine(architecture="arm64"), offers=OFFERS[:2])
        found = rule.decide(question)

        assert (found.kind, found.candidates) == ("impossible, block", ())
        assert found.kind in rule.may
        assert "small has x86_64 CPUs" in found.reason

    def test_a_machine_with_a_gpu_never_becomes_one_without_unasked(self) -> None:
        found = said("instance_type", a_machine(accelerators=1))

        assert found.kind == "missing"
        assert "8 GiB with 1 accelerator are needed" in found.reason
        assert [c.value for c in found.candidates][:2] == ["gpu-1", "gpu-4"]
        assert "no accelerator, where the source has 1" in found.candidates[2].meaning

    def test_a_person_may_choose_less_but_nothing_that_would_not_run(self) -> None:
        rule, question = asked("instance_type", a_machine(vcpus=4))
        assert rule.accept is not None

        assert rule.accept(question, "SMALL").target == "small"
        with pytest.raises(Unfit, match="arm has arm64 CPUs"):
            rule.accept(question, "arm")
        with pytest.raises(Unfit, match="no size 'huge' on offer"):
            rule.accept(question, "huge")


FEW = a_machine(accelerators=4)
NONE = a_machine()


@pytest.mark.parametrize(
    ("path", "machine", "size", "kind", "target"),
    [
        ("vcpus", a_machine(vcpus=3), "", "equivalent", 8),
        ("vcpus", NONE, "", "exact", 2),
        ("vcpus", FEW, "", "equivalent", None),
        ("memory_bytes", NONE, "large", "equivalent", 64 * GIB),
        ("memory_bytes", NONE, "", "exact", 8 * GIB),
        ("accelerators", FEW, "", "equivalent", None),
        ("accelerators", FEW, "small", "dropped, acknowledge", 0),
        ("accelerators", FEW, "gpu-1", "dropped, acknowledge", 1),
        ("accelerators", FEW, "gpu-4", "equivalent", 4),
        ("accelerators", NONE, "gpu-4", "equivalent", 4),
        ("accelerators", NONE, "", "exact", 0),
        ("accelerators", a_machine(accelerators="unknown"), "", "equivalent", 0),
        ("accelerators", a_machine(accelerators=4, instance_type="gpu-4"), "", "exact", 4),
        ("burstable", NONE, "", "exact", False),
        ("burstable", NONE, "burst", "dropped, acknowledge", True),
        ("burstable", a_machine(burstable=True), "", "equivalent", False),
        ("burstable", a_machine(burstable=True), "burst", "exact", True),
        ("burstable", a_machine(burstable="unknown"), "", "equivalent", False),
        ("bare_metal", NONE, "", "exact", False),
        ("bare_metal", NONE, "iron", "equivalent", True),
        ("bare_metal", a_machine(bare_metal=True), "", "dropped, acknowledge", False),
        ("bare_metal", a_machine(bare_metal=True), "iron", "exact", True),
        ("bare_metal", a_machine(bare_metal="unknown"), "", "equivalent", False),
    ],
)
def test_what_follows_from_the_size_is_compared_with_the_source(
    path: str, machine: Machine, size: str, kind: str, target: Any
) -> None:
    rule, question = asked(path, machine, {"instance_type": size} if size else {})
    found = rule.decide(question)

    assert (found.kind, found.target) == (kind, target)
    assert kind in rule.may
    assert found.difference or kind == "exact" or target is None


def test_a_burstable_machine_is_told_how_it_could_stay_one() -> None:
    found = said("burstable", a_machine(burstable=True))

    assert found.difference.endswith("To go on with credits answer instance_type with burst.")
    large = said("burstable", a_machine(burstable=True, vcpus=6))
    assert "To go on" not in large.difference


def test_every_rule_says_what_it_does_on_which_page() -> None:
    rules: dict[str, Rule[Any]] = size_rules("here", "a page", a_shop(OFFERS))

    assert {rule.source for rule in rules.values()} == {"a page"}
    assert all(rule.says.endswith(".") and rule.may for rule in rules.values())
    assert all(rule.id.startswith("here.size") for rule in rules.values())


@pytest.mark.parametrize(
    ("path", "named", "kind", "words"),
    [
        ("vcpus", "small", "equivalent, acknowledge", "small has 2 vCPUs, the source has 4 vCPUs"),
        ("vcpus", "large", "equivalent", "large has 8 vCPUs"),
        ("memory_bytes", "small", "equivalent, acknowledge", "8 GiB of memory, the source has 16"),
        ("memory_bytes", "large", "equivalent", "64 GiB of memory"),
    ],
)  # fmt: skip
def test_a_smaller_size_that_a_person_names_is_asked_about(path, named, kind, words) -> None:
    machine = a_machine(vcpus=4, memory_bytes=16 * GIB)
    found = said(path, machine, {"instance_type": named})

    assert found.kind == kind
    assert words in found.difference
