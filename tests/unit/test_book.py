"""Which rule of the book answers, and what is a rule at all."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coldferry.alike import LIKENESS, MACHINE, Fields
from coldferry.book import Book
from coldferry.errors import BadInput
from coldferry.leaves import schema_patterns
from tests.unit.booking import GOAL, SUBNET, a_rule
from tests.unit.machines import a_machine


def test_every_leaf_has_a_row_that_says_whose_it_is_and_what_makes_it_alike():
    assert set(LIKENESS) == set(schema_patterns())


def test_what_a_row_rests_on_stands_beside_its_field():
    for pattern, row in LIKENESS.items():
        for other in row.by or ():
            outer = other.rpartition("[].")[0]
            assert other in LIKENESS
            assert not outer or pattern.startswith(f"{outer}[].")


SHARED = {"nics[].subnet_id": "subnet-1"}
OWN = {MACHINE: a_machine().origin.id}
AWS = "aws:123456789012/eu-west-1"


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ({"when": SHARED}, {"when": OWN}),
        ({"when": {}}, {"when": SHARED}),
        ({"source": "any"}, {"source": "aws"}),
        ({"source": "aws"}, {"source": AWS}),
        ({"target": "azure"}, {"target": f"azure:{GOAL.scope}"}),
        ({"at": "2031-05-01T12:00:00+00:00"}, {"at": "2031-05-01T09:00:00-04:00"}),
        ({"at": "2031-05-01T12:00:00+00:00"}, {"at": "2031-05-01T12:00:00.5+00:00"}),
    ],
)
def test_the_more_specific_rule_wins_and_of_equals_the_newer(weaker, stronger):
    rules = [a_rule(value="main/weak", **weaker), a_rule(value="main/strong", **stronger)]
    fields = Fields(a_machine())

    for order in (rules, rules[::-1]):
        assert Book(order).find(fields, SUBNET, GOAL).value == "main/strong"


SAYINGS = st.builds(
    a_rule,
    value=st.sampled_from(["main/a", "main/b", "main/c"]),
    when=st.sampled_from([{}, SHARED, OWN, SHARED | OWN]),
    source=st.sampled_from(["any", "aws", AWS]),
    target=st.sampled_from(["any", "azure"]),
    at=st.sampled_from(["2031-05-01T12:00:00+00:00", "2031-05-02T12:00:00+00:00"]),
)


@given(st.lists(SAYINGS, max_size=12), st.randoms(use_true_random=False))
def test_the_order_in_which_rules_came_is_of_no_account(rules, dice: random.Random):
    shuffled = [*rules, *rules[:3]]
    dice.shuffle(shuffled)

    one, other = Book(rules), Book(shuffled)

    assert one.rules == other.rules
    fields = Fields(a_machine())
    assert one.find(fields, SUBNET, GOAL) == other.find(fields, SUBNET, GOAL)


@given(st.lists(SAYINGS, min_size=1, max_size=12))
def test_forgetting_a_rule_lets_no_older_one_come_back(rules):
    book = Book(rules)
    rule = book.rules[0]

    left = Book(r for r in book.rules if r not in book.named(rule.id))

    assert not any(r.question == rule.question and r.strength <= rule.strength for r in left.rules)


def test_a_rule_is_named_by_the_beginning_of_its_id_when_that_is_enough():
    book = Book([a_rule(), a_rule(value="main/other")])

    assert book.rules[0] in book.named(book.rules[0].id[:12])
    for word in ("", "zz", "0" * 16):
        with pytest.raises(BadInput, match="begin"):
            book.named(word)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pattern": "nics[].colour"}, "no such field"),
        ({"when": {"nics[].colour": "red"}}, "no field"),
        ({"when": {"disks[].kind": "gp3"}}, "same item"),
        ({"value": ""}, "says something"),
        ({"at": "yesterday"}, "isoformat"),
        ({"at": "2031-05-01T12:00:00"}, "zone"),
        ({"source": "AWS"}, "pattern"),
        ({"by": ""}, "at least 1"),
        ({"colour": "red"}, "not permitted"),
    ],
)
def test_a_rule_that_means_nothing_is_none(changes, why):
    with pytest.raises(ValidationError, match=why):
        a_rule(**changes)
