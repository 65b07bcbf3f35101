"""The laws of every target's translation, over machines and catalogues that nobody thought of."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldferry.leaves import leaves, pattern_of, schema_patterns
from coldferry.machine import Machine, Tag
from coldferry.placement import disk_path, share_path
from coldferry.rules import LEFT_BEHIND, Rule, apply
from coldferry.translation import FieldTranslation, Translation, Verdict, digest
from providers.aws.translate import RULES as AWS
from providers.azure.translate import RULES as AZURE
from providers.libvirt.translate import RULES as LIBVIRT
from providers.memory.rules import RULES as MEMORY
from providers.ovf.catalogue import Catalogue as Folder
from providers.ovf.translate import RULES as OVF
from tests.unit.answering import Answered, answer_all
from tests.unit.catalogue_strategies import (
    MACHINES,
    SIZES,
    TYPES,
    aws_catalogues,
    azure_catalogues,
    libvirt_catalogues,
    memory_catalogues,
    ovf_catalogues,
    whole_aws,
    whole_azure,
    whole_libvirt,
)
from tests.unit.machine_strategies import machines
from tests.unit.machines import a_disk, a_machine, a_nic

pytestmark = pytest.mark.long(takes_s=60)


@dataclass(frozen=True)
class Goal:
    """One target: its table, what it may offer, and what of both chance seldom meets.

    ``share`` is by how many times fewer examples it is tried.
    """

    name: str
    rules: Mapping[str, Rule[Any]]
    catalogues: Any
    directed: tuple[tuple[Machine, Any], ...] = ()
    share: int = 1

    def translate(self, machine: Machine, catalogue: Any, answers: dict[str, Any]) -> Translation:
        return apply(self.rules, machine, catalogue, answers)

    def rule(self, path: str) -> Rule[Any]:
        return self.rules[pattern_of(path)]

    def answered(self, machine: Machine, catalogue: Any) -> Answered:
        return answer_all(lambda answers: self.translate(machine, catalogue, answers))


def directed(whole: Any, size: str, **burstable: Any) -> tuple[tuple[Machine, Any], ...]:
    """What chance seldom meets: a size that is kept, one with credits only, the same network."""
    at_home = a_nic(network_id="/nets/main", subnet_cidr="10.0.1.0/24")
    return (
        (a_machine(instance_type=size, nics=(at_home,)), whole()),
        (a_machine(vcpus=8), whole(**burstable)),
        (of_many_disks(), whole()),
    )


def of_many_disks() -> Machine:
    """More than any size takes; chance draws them seldom, since they are dear."""
    root = a_disk()
    return a_machine(disks=(root, *(root.model_copy(update={"root": False}),) * 119))


def at_home() -> Machine:
    """One that stands on such a host already, with more tags than there is room for."""
    nic = a_nic(network_id="default", subnet_cidr="10.0.1.0/24")
    tags = tuple(Tag(key=f"key{number}", value="v") for number in range(60))
    disk = a_disk(device="vda (virtio)")
    return a_machine(zone="host", nics=(nic,), disks=(disk,), tags=tags)


def taken() -> Any:
    """The same host with a machine 'db' on it."""
    return whole_libvirt(MACHINES)


def only(rows: Any, name: str) -> Any:
    """The one of that name."""
    return tuple(row for row in rows if row.name == name)


def of_packages() -> tuple[tuple[Machine, Any], ...]:
    """Hardware and network names that another package has already, a taken name, many NICs."""
    written = a_machine(
        instance_type="sata", disks=(a_disk(device="sata0:0", kind="vmware.sata.ahci"),)
    )
    many = tuple(a_nic(id=f"nic{n}", device_index=n, primary=n == 0) for n in range(11))
    free = Folder(folder="/packages")
    return ((written, free), (a_machine(nics=many), free))


GOALS = {
    goal.name: goal
    for goal in (
        Goal(
            "azure", AZURE, azure_catalogues(),
            directed(whole_azure, "Standard_D2s_v5", sizes=only(SIZES, "Standard_B2ms")),
        ),
        Goal("aws", AWS, aws_catalogues(),
             directed(whole_aws, "m5.large", types=only(TYPES, "t3.small"))),
        Goal("ovf", OVF, ovf_catalogues(), of_packages(), share=5),
        Goal("libvirt", LIBVIRT, libvirt_catalogues(),
             ((at_home(), whole_libvirt()), (at_home().model_copy(update={"name": "db"}), taken())),
             share=6),
        Goal("memory", MEMORY, memory_catalogues(), share=10),
    )
}  # fmt: skip
every_target = pytest.mark.parametrize("goal", GOALS.values(), ids=GOALS)


def examples(goal: Goal, count: int) -> Any:
    return settings(
        max_examples=count // goal.share, deadline=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


def kind(field: FieldTranslation) -> str:
    """As a rule declares it."""
    asks = field.consequence.value
    return field.verdict.value if asks == "inform" else f"{field.verdict.value}, {asks}"


@every_target
def test_every_rule_says_itself_and_what_it_rests_on(goal: Goal) -> None:
    assert set(goal.rules) == set(schema_patterns())
    for rule in goal.rules.values():
        assert rule.says.endswith("."), rule.id
        assert rule.source, rule.id
        assert rule.may, rule.id
        assert set(rule.follows) <= set(goal.rules), rule.id


@every_target
def test_each_leaf_gets_one_verdict_and_the_same_again(goal: Goal) -> None:
    @examples(goal, 300)
    @given(machines(), goal.catalogues)
    def law(machine: Machine, catalogue: Any) -> None:
        found = goal.translate(machine, catalogue, {})

        assert [field.path for field in found.fields] == [leaf.path for leaf in leaves(machine)]
        for field in found.fields:
            rule = goal.rule(field.path)
            assert field.rule == rule.id
            assert kind(field) in rule.may, field
            assert field.reason
        twin = Machine.model_validate_json(machine.model_dump_json())
        assert goal.translate(twin, catalogue, {}) == found

    law()


@every_target
def test_answering_exactly_what_is_missing_leaves_nothing_missing(goal: Goal) -> None:
    assert observed(goal.name)


@cache
def observed(name: str) -> dict[str, set[str]]:
    """Hold the laws of answering; by rule, the verdicts that were seen on the way."""
    goal, seen = GOALS[name], defaultdict[str, set[str]](set)

    def hold(machine: Machine, catalogue: Any) -> None:
        found = goal.answered(machine, catalogue)

        assert found.translations[-1].missing == []
        for translation in found.translations:
            for field in translation.fields:
                seen[field.rule].add(kind(field))
                assert kind(field) in goal.rule(field.path).may, field
                asks_what_it_takes(field)
        steps = zip(found.rounds, found.translations, found.translations[1:], strict=False)
        for answered, before, after in steps:
            changes_only_what_follows(goal, answered, before, after)

    for machine, catalogue in goal.directed:
        hold(machine, catalogue)
    hold_placements(goal, seen)
    examples(goal, 750)(given(machines(), goal.catalogues)(hold))()
    return seen


def hold_placements(goal: Goal, seen: dict[str, set[str]]) -> None:
    """A placement is as an answer: it changes its device, and what follows from that."""

    @examples(goal, 50)
    @given(machines(), goal.catalogues)
    def law(machine: Machine, catalogue: Any) -> None:
        before = goal.translate(machine, catalogue, {})
        for answered, after in placed(goal, machine, catalogue):
            for field in after.fields:
                if field.path in answered:
                    seen[field.rule].add(kind(field))
                assert field.rule == LEFT_BEHIND or kind(field) in goal.rule(field.path).may
            if "ask" not in answered.values():
                changes_only_what_follows(goal, answered, before, after)

    law()


def placed(
    goal: Goal, machine: Machine, catalogue: Any
) -> Iterator[tuple[dict[str, Any], Translation]]:
    """The last disk and the last file system, each with every word that can be said of it."""
    disks, shares = machine.disks, machine.network_filesystems
    words = [
        (
            disk_path(len(disks) - 1),
            ("copy", "drop", "ask") if disks and not disks[-1].root else (),
        ),
        (share_path(len(shares) - 1), ("nofail", "remove", "remote@10.0.9.5") if shares else ()),
    ]
    for path, said in words:
        for word in said:
            yield {path: word}, goal.translate(machine, catalogue, {path: word})


def asks_what_it_takes(field: FieldTranslation) -> None:
    """What a form offers fits what it checks, and a proposal is one of the candidates."""
    offered = [candidate.value for candidate in field.candidates]
    assert not field.proposal or field.proposal in offered, field
    if field.verdict is Verdict.MISSING and field.pattern:
        typed = [word for word in (*offered, field.example) if word]
        assert all(re.search(field.pattern, word) for word in typed), field


def changes_only_what_follows(
    goal: Goal, answered: dict[str, Any], before: Translation, after: Translation
) -> None:
    """An answer changes no field but its own and those whose rule follows it; no other opens."""
    said = {pattern_of(path) for path in answered}
    for old, new in zip(before.fields, after.fields, strict=True):
        if new.rule == LEFT_BEHIND:
            assert answered.get(f"{new.path.rpartition('.')[0]}.id") == "drop"
            continue
        follows = said & set(goal.rule(old.path).follows)
        assert old.path in answered or follows or old == new, (old, new, answered)
        assert not new.open or follows or old.path not in answered, (old, new, answered)


def settled(machine: Machine, translation: Translation) -> str:
    """What a plan's digest is of: machine, verdicts and values."""
    rows = [(f.path, f.verdict, f.consequence, f.target) for f in translation.fields]
    return repr((machine, rows))


@every_target
def test_the_digest_moves_when_and_only_when_machine_verdict_or_value_does(goal: Goal) -> None:
    @examples(goal, 50)
    @given(st.tuples(machines(), machines()), st.tuples(goal.catalogues, goal.catalogues))
    def law(pair: tuple[Machine, Machine], offers: tuple[Any, Any]) -> None:
        plans = [
            (machine, translation)
            for machine in pair
            for catalogue in offers
            for translation in goal.answered(machine, catalogue).translations
        ]
        plans += [(machine, reworded(translation)) for machine, translation in plans]

        pairs = {(digest(*plan), settled(*plan)) for plan in plans}
        assert len({told for told, _ in pairs}) == len({meant for _, meant in pairs}) == len(pairs)

    law()


def reworded(translation: Translation) -> Translation:
    """The same verdicts and values in other words."""
    words = {"reason": "x", "difference": "y", "candidates": ()}
    fields = tuple(field.model_copy(update=words) for field in translation.fields)
    return Translation(fields=fields)


@every_target
def test_every_verdict_that_a_rule_declares_is_given_and_no_other(goal: Goal) -> None:
    declared = defaultdict[str, set[str]](set)
    for rule in goal.rules.values():
        declared[rule.id] |= set(rule.may)

    seen = observed(goal.name)
    unseen = {rule: kinds - seen[rule] for rule, kinds in declared.items() if kinds - seen[rule]}
    assert unseen == {}
    assert seen == declared
