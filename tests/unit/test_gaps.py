"""Many machines, each question once; and answers back, each fault with its line."""

import itertools

import pytest

from coldferry.book import Book
from coldferry.gaps import Asked, Filled, answer, distinct
from coldferry.precedents import consult
from coldferry.translation import ACKNOWLEDGE
from tests.unit.booking import GOAL, twin
from tests.unit.machines import GIB, a_disk, a_machine, a_nic
from tests.unit.test_azure_rules import APPS

AT = "2031-05-01T12:00:00+00:00"
WEAK = a_disk(kind="io2", iops=4000, size_bytes=100 * GIB)
SHAPES = (
    {},
    {"disks": (WEAK,)},
    {"nics": (a_nic(subnet_id="subnet-2"),), "profile": "web-role"},
)


def fleet(count=20, book=Book()):  # noqa: B008
    """Machines of three shapes in turn, each with ids of its own."""
    found = []
    for number, shape in zip(range(count), itertools.cycle(SHAPES), strict=False):
        machine = a_machine(name=f"vm-{number}", **shape)
        origin = machine.origin.model_copy(update={"id": f"i-{number:017x}"})
        machine = machine.model_copy(update={"origin": origin})
        found.append(Asked(origin.id, machine, consult(GOAL, machine, {}, book)))
    return found


def sheet(every, **values):
    """Rows as they are filled in, by field."""
    given = {"nics[].subnet_id": "main/apps"} | values
    return [
        Filled(line, gap.id, given.get(gap.pattern, ACKNOWLEDGE))
        for line, gap in enumerate(distinct(every, GOAL), 2)
    ]


def learned(rows, every):
    return answer(
        rows, every, GOAL, lambda m, said: GOAL.translate(m, GOAL.offers, said), "Ada", AT
    )


def test_twenty_machines_of_three_shapes_give_each_distinct_gap_once():
    found = distinct(fleet(), GOAL)

    assert [(gap.owner, gap.pattern, len(gap.machines)) for gap in found] == [
        ("network", "nics[].subnet_id", 14),
        ("network", "nics[].subnet_id", 6),
        ("security", "profile", 6),
        ("storage", "disks[].kind", 7),
    ]


def test_a_sheet_that_is_filled_in_leaves_no_machine_anything_to_ask():
    every = fleet()
    rules, faults = learned(sheet(every), every)

    assert (len(rules), faults) == (4, [])
    assert distinct(fleet(book=Book(rules)), GOAL) == []
    assert all((rule.by, rule.migration) == ("Ada", "") for rule in rules)


def test_what_is_one_machine_s_own_is_asked_for_each():
    unsure = [a_machine(firmware="unknown"), twin(a_machine(firmware="unknown"))]
    every = [Asked(m.origin.id, m, consult(GOAL, m, {})) for m in unsure]

    found = distinct(every, GOAL)

    assert [gap.pattern for gap in found] == ["firmware", "firmware", "nics[].subnet_id"]


def test_choices_are_those_that_all_may_choose_in_words_that_hold_for_all():
    every = fleet(1)
    other = a_machine(nics=(a_nic(private_address="10.9.0.20"),))
    every.append(Asked("i-9", other, consult(GOAL, other, {})))

    (gap,) = distinct(every, GOAL)

    first = gap.candidates[0]
    assert (first.value, first.meaning) == ("main/apps", "10.0.1.0/24")


def test_a_title_and_a_choice_say_of_several_machines_only_what_is_true_of_all():
    both = [a_machine(nics=(a_nic(private_address=f"10.0.1.{at}"),)) for at in (20, 21)]
    every = [Asked(m.origin.id, m, consult(GOAL, m, {})) for m in (both[0], twin(both[1]))]
    (of_both,) = (gap for gap in distinct(every, GOAL) if gap.pattern == "nics[].subnet_id")
    (of_one,) = (gap for gap in distinct(every[:1], GOAL) if gap.pattern == "nics[].subnet_id")

    assert of_one.title == "Network for interface 1 (10.0.1.20)"
    assert of_both.title == "Network for interface 1"
    assert not [one for one in of_both.candidates if "10.0.1.2" in one.meaning]


def test_every_value_that_the_target_does_not_take_is_a_fault_with_its_line_and_machines():
    every = fleet()
    rows = sheet(every, **{"nics[].subnet_id": "nowhere", "profile": "admin"})

    _, faults = learned(rows, every)

    assert [fault.partition(":")[0] for fault in faults] == ["line 2", "line 3", "line 4"]
    assert "no subnet" in faults[0] and "and 11 more" in faults[0]
    assert ACKNOWLEDGE in faults[2]


def test_values_that_do_not_go_together_are_a_fault():
    other = {"id": "eni-2", "primary": False, "device_index": 1, "subnet_id": "subnet-2"}
    nics = (a_nic(), a_nic(**other, private_address=None))
    machine = a_machine(nics=nics)
    every = [Asked("i-1", machine, consult(GOAL, machine, {}))]
    first, second = distinct(every, GOAL)
    rows = [Filled(2, first.id, "main/apps"), Filled(3, second.id, "far/apps")]

    _, faults = learned(rows, every)

    assert len(faults) == 1
    assert "one virtual network" in faults[0]


def test_a_gap_that_nobody_asks_and_one_answered_twice_are_faults():
    every = fleet(1)
    (row,) = sheet(every)
    rows = [row, Filled(3, "gap-unknown", "x"), Filled(4, row.gap, "main/other")]

    _, faults = learned(rows, every)

    assert [fault.partition(":")[0] for fault in faults] == ["line 3", "line 4"]


def test_a_choice_copied_with_its_meaning_is_the_choice():
    every = fleet(1)
    (gap,) = distinct(every, GOAL)
    first = gap.candidates[0]

    rules, faults = learned([Filled(2, gap.id, f"{first.value} ({first.meaning})")], every)

    assert faults == []
    assert [rule.value for rule in rules] == [first.value]


def test_a_sheet_may_say_otherwise_than_the_book_does_by_now():
    rules, _ = learned(sheet(fleet(1)), fleet(1))
    every = fleet(1, Book(rules))
    (gap,) = distinct(fleet(1), GOAL)

    newer, faults = learned([Filled(2, gap.id, f"{APPS}-b")], every)

    assert faults == []
    assert newer[0].question == rules[0].question


@pytest.mark.parametrize("value", ["automatic", "10.0.1.61"])
def test_a_question_that_an_answer_raises_is_in_the_next_sheet(value):
    def asked(book=Book()):  # noqa: B008
        machine = a_machine(nics=(a_nic(private_address="10.0.1.60"),))
        return [Asked("i-1", machine, consult(GOAL, machine, {}, book))]

    rules, _ = learned(sheet(asked()), asked())
    (gap,) = distinct(asked(Book(rules)), GOAL)
    assert gap.pattern == "nics[].private_address"

    more, faults = learned([Filled(2, gap.id, value)], asked(Book(rules)))

    assert faults == []
    assert distinct(asked(Book([*rules, *more])), GOAL) == []
