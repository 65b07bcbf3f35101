"""What a person is asked: nothing twice, in an order that helps, a page at a time."""

from hypothesis import given
from hypothesis import strategies as st

from coldferry.inquiry import (
    PAGE_SIZE,
    Inquiry,
    answers_of,
    first_page,
    inquiries,
    page_again,
)
from coldferry.machine import SecurityGroup
from coldferry.translation import Candidate, Consequence, FieldTranslation, Translation, Verdict
from coldferry.words import GROUPS
from tests.unit.machines import a_disk, a_full_machine, a_machine, a_nic
from tests.unit.test_azure_rules import said as translated

WEB = SecurityGroup(id="sg-1", name="web", rules=("inbound tcp 443 0.0.0.0/0",))


def a_field(path, **changes):
    fields = {"verdict": Verdict.MISSING, "source": "x", "rule": "r", "reason": "Why."}
    return FieldTranslation(path=path, **fields | changes)


def lost(path, difference="It is gone."):
    return a_field(
        path, verdict=Verdict.DROPPED, consequence=Consequence.ACKNOWLEDGE, difference=difference
    )


def some(count):
    """That many gaps of a machine with as many disks."""
    machine = a_machine(disks=tuple(a_disk(device=f"/dev/sd{n}") for n in range(count)))
    fields = tuple(a_field(f"disks[{n}].kind") for n in range(count))
    return inquiries(machine, Translation(fields=fields))


def test_every_open_field_is_asked_for_once_and_no_other():
    machine = a_full_machine()
    found = translated(machine)
    asked = [path for inquiry in inquiries(machine, found) for path in inquiry.paths]

    assert sorted(asked) == sorted(found.missing)


def test_acknowledgements_that_say_the_same_are_one_inquiry():
    second = a_nic(id="eni-2", primary=False, private_address="10.0.1.21", security_groups=(WEB,))
    machine = a_machine(nics=(a_nic(security_groups=(WEB,)), second))
    groups = [q for q in inquiries(machine, translated(machine)) if "groups" in q.field.path]

    assert [q.paths for q in groups] == [
        ("nics[0].security_groups[0].id", "nics[1].security_groups[0].id")
    ]
    assert answers_of(groups, {groups[0].field.path: "acknowledge"}) == dict.fromkeys(
        groups[0].paths, "acknowledge"
    )


def test_acknowledgements_that_say_different_things_are_asked_for_one_by_one():
    machine = a_machine(disks=(a_disk(), a_disk()))
    fields = (lost("disks[0].kind", "500 become 100."), lost("disks[1].kind", "900 become 100."))

    assert len(inquiries(machine, Translation(fields=fields))) == 2


def test_gaps_are_never_answered_together():
    assert [len(inquiry.paths) for inquiry in some(3)] == [1, 1, 1]


def test_the_order_is_by_group_and_then_as_described():
    machine = a_full_machine()
    asked = inquiries(machine, translated(machine))
    places = [GROUPS.index(inquiry.group) for inquiry in asked]

    assert places == sorted(places)
    assert [q.field.path for q in asked][:2] == ["secure_boot", "tpm"]


def test_a_gap_with_candidates_is_a_choice_and_one_with_a_pattern_is_typed():
    offered = (Candidate(value="a"),)
    chosen, suggested, free = inquiries(
        a_machine(disks=(a_disk(),) * 3),
        Translation(
            fields=(
                a_field("disks[0].kind", candidates=offered),
                a_field("disks[1].kind", candidates=offered, pattern="^a+$"),
                a_field("disks[2].kind"),
            )
        ),
    )

    assert (chosen.typed, suggested.typed, free.typed) == (False, True, True)


def test_a_rule_s_proposal_is_offered_but_never_for_an_acknowledgement():
    machine = a_machine(disks=(a_disk(), a_disk()))
    meant = lost("disks[1].kind").model_copy(update={"proposal": "acknowledge"})
    gap = a_field("disks[0].kind", proposal="b")
    proposed, acknowledged = inquiries(machine, Translation(fields=(gap, meant)))

    assert (proposed.proposal, acknowledged.proposal) == ("b", "")


def test_an_acknowledgement_that_has_candidates_can_be_answered_by_either():
    other = lost("disks[0].kind").model_copy(update={"candidates": (Candidate(value="fast"),)})
    (asked,) = inquiries(a_machine(), Translation(fields=(other,)))

    assert [choice.value for choice in asked.choices] == ["acknowledge", "fast"]


@given(st.integers(min_value=1, max_value=60))
def test_pages_ask_everything_once_and_only_the_last_takes_the_decision(count):
    asked, pages = some(count), []
    while asked:
        page = first_page(asked, len(pages) + 1)
        pages.append(page)
        asked = asked[len(page.inquiries) :]

    assert [len(page.inquiries) <= PAGE_SIZE for page in pages] == [True] * len(pages)
    assert sum(len(page.inquiries) for page in pages) == count
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert {page.of for page in pages} == {len(pages)}


def answered(inquiry):
    (field,) = inquiry.fields
    done = field.model_copy(update={"verdict": Verdict.EXACT})
    return Inquiry((done,), inquiry.title, inquiry.group, inquiry.choices)


def test_a_page_that_is_asked_again_keeps_what_was_answered_well():
    asked = some(5)
    now = [asked[0], *(answered(inquiry) for inquiry in asked[1:])]
    again = page_again(first_page(asked), now, {asked[0].field.path: "no"})

    assert len(again.inquiries) == 5
    assert again.last


def test_what_was_not_accepted_and_what_is_new_goes_before_what_was_answered():
    asked = some(PAGE_SIZE + 3)
    page = first_page(asked[:PAGE_SIZE])
    bad, new = asked[5], asked[PAGE_SIZE:]
    now = [q if q is bad or q in new else answered(q) for q in asked]
    again = page_again(page, now, {bad.field.path: "no"})

    assert len(again.inquiries) == PAGE_SIZE
    assert {bad.field.path, *(q.field.path for q in new)} <= again.paths


def test_later_pages_wait_while_an_earlier_one_is_asked_again():
    asked = some(PAGE_SIZE * 2)
    page = first_page(asked)
    again = page_again(page, asked, {asked[0].field.path: "no"})

    assert again.paths == page.paths
    assert (again.number, again.of, again.last) == (1, 2, False)
