"""An approved answer holds for the next machine that is alike, and for no other."""

import pytest

from coldferry.alike import MACHINE, Fields, likeness
from coldferry.book import Book
from coldferry.errors import BadAnswer
from coldferry.learning import learn
from coldferry.leaves import pattern_of
from coldferry.machine import Origin, Tag
from coldferry.precedents import EMPTY, consult, fill
from coldferry.translation import ACKNOWLEDGE, DecidedBy
from providers.azure.translate import translate
from tests.unit.booking import GOAL, SUBNET, Goal, a_rule, answers_to_all, approval, learned, twin
from tests.unit.machines import GIB, a_disk, a_full_machine, a_machine, a_nic
from tests.unit.test_azure_rules import APPS

SIZE = {"instance_type": a_machine().instance_type}


def test_the_book_gives_back_the_very_plan_that_was_approved():
    machine = a_full_machine()
    approved = approval(machine, answers_to_all(machine))

    again = approval(machine, {}, Book(learn(approved, GOAL, EMPTY)))

    assert again.plan_digest == approved.plan_digest
    assert set(again.from_book) == set(approved.answers)


def test_a_machine_of_the_same_shape_is_asked_only_what_is_its_own():
    machine = a_full_machine()
    book = Book(learned(machine, answers_to_all(machine)))

    left = consult(GOAL, twin(machine), {}, book).translation.missing

    assert left == ["tpm", "nics[0].more_private_addresses", "nics[0].public_address"]
    assert all(
        likeness(pattern_of(path)).by == () or path.endswith("public_address") for path in left
    )


def test_a_plain_machine_s_twin_is_asked_nothing():
    book = Book(learned(a_machine(), {SUBNET: APPS}))

    told = consult(GOAL, twin(a_machine()), {}, book)

    assert told.translation.missing == []
    assert told.translation[SUBNET].decided_by is DecidedBy.BOOK


def test_a_value_of_the_book_names_its_rule_and_who_approved_it_first():
    rules = learned(a_machine(), {SUBNET: APPS})

    first = consult(GOAL, twin(a_machine()), {}, Book(rules)).translation[SUBNET].precedent

    assert first.model_dump() == {
        "rule": rules[0].id,
        "said": APPS,
        "by": "Ada",
        "at": rules[0].at,
        "migration": "web-01-azure-00000000-a1",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"nics": (a_nic(subnet_id="subnet-2"),)},
        {"origin": Origin(provider="aws", scope="999999999999/eu-west-1", id="i-1")},
    ],
    ids=["another subnet", "another account"],
)
def test_a_subnet_s_answer_holds_for_that_subnet_only(changes):
    book = Book(learned(a_machine(), {SUBNET: APPS}))

    assert consult(GOAL, a_machine(**changes), {}, book).translation.missing == [SUBNET]


def test_an_answer_for_one_target_says_nothing_about_another():
    elsewhere = Goal()
    elsewhere.scope = "sub/other/westeurope"
    book = Book(learned(a_machine(), {SUBNET: APPS}))

    assert consult(elsewhere, a_machine(), {}, book).translation.missing == [SUBNET]


def test_a_downgrade_that_was_accepted_is_asked_again_for_another_size():
    weak = a_machine(disks=(a_disk(kind="io2", iops=4000, size_bytes=100 * GIB),))
    other = a_machine(disks=(a_disk(kind="io2", iops=4000, size_bytes=50 * GIB),))
    book = Book(learned(weak, {SUBNET: APPS, "disks[0].kind": ACKNOWLEDGE}))

    assert consult(GOAL, twin(weak), {}, book).translation.missing == []
    assert consult(GOAL, other, {}, book).translation.missing == ["disks[0].kind"]


def test_what_the_source_could_not_tell_makes_no_two_machines_alike():
    unsure = a_machine(firmware="unknown", os_family="unknown")
    book = Book(learned(unsure, {SUBNET: APPS, "firmware": "uefi", "os_family": "linux"}))

    assert consult(GOAL, unsure, {}, book).translation.missing == []
    assert consult(GOAL, twin(unsure), {}, book).translation.missing == ["firmware", "os_family"]


def test_that_machines_are_made_without_secure_boot_is_agreed_to_once_though_no_source_tells():
    uefi = a_machine(firmware="uefi", secure_boot="unknown")
    book = Book(learned(uefi, {SUBNET: APPS, "secure_boot": ACKNOWLEDGE}))

    assert consult(GOAL, twin(uefi), {}, book).translation.missing == []


def test_the_loss_of_a_reserved_address_is_acknowledged_for_each_and_of_an_automatic_one_once():
    for kind, asked in {"reserved": ["nics[0].public_address"], "automatic": []}.items():
        nic = a_nic(public_address="198.51.100.7", public_address_kind=kind)
        machine = a_machine(nics=(nic,))
        book = Book(learned(machine, {SUBNET: APPS, "nics[0].public_address": ACKNOWLEDGE}))

        assert consult(GOAL, twin(machine), {}, book).translation.missing == asked


def test_a_chosen_private_address_is_never_given_to_another_machine():
    taken = a_machine(nics=(a_nic(private_address="10.0.1.60"),))
    address = "nics[0].private_address"
    rules = learned(taken, {SUBNET: APPS, address: "10.0.1.61"})

    rule = next(rule for rule in rules if rule.pattern == "nics[].private_address")
    assert rule.when == {
        MACHINE: taken.origin.id,
        "nics[].id": "eni-1",
        "nics[].private_address": "10.0.1.60",
    }
    assert not rule.fits(Fields(twin(taken)), Fields(twin(taken)).leaves[address], GOAL)


def test_two_interfaces_of_one_machine_are_told_apart():
    nics = (a_nic(private_address="10.0.1.60"), a_nic(id="eni-2", primary=False, device_index=1))
    answers = {
        SUBNET: APPS, "nics[1].subnet_id": APPS, "nics[0].private_address": "10.0.1.61",
    }  # fmt: skip
    machine = a_machine(nics=nics)
    book = Book(learned(machine, answers))

    told = consult(GOAL, machine, {}, book)

    assert told.answers == answers


def test_contradicting_answers_of_one_approval_teach_nothing():
    nics = (a_nic(), a_nic(id="eni-2", primary=False, device_index=1, private_address="10.0.9.9"))
    machine = a_machine(nics=nics)
    answers = {SUBNET: APPS, "nics[1].subnet_id": f"{APPS}-b"}

    assert learned(machine, answers) == []
    assert learned(machine, answers, book=Book([a_rule(value=APPS)])) == []


def test_only_a_person_s_word_is_learned():
    book = Book(learned(a_machine(), {SUBNET: APPS}))

    assert learned(twin(a_machine()), {}, book=book) == []
    assert learned(a_machine(), {SUBNET: APPS, "vcpus": "2"}) == book.rules


def test_what_the_book_says_already_is_not_learned_again():
    book = Book(learned(a_machine(), {SUBNET: APPS}))

    assert learned(twin(a_machine()), {SUBNET: APPS}, book=book) == []


def test_an_answer_too_long_for_a_rule_does_not_end_the_migration():
    approved = approval(a_machine(), {SUBNET: APPS})
    long = approved.model_copy(update={"answers": {SUBNET: "x" * 5000}})

    assert learn(long, GOAL, EMPTY) == []


def test_a_person_s_word_goes_before_the_book_s():
    book = Book(learned(a_machine(), {SUBNET: APPS}))

    told = consult(GOAL, twin(a_machine()), {SUBNET: f"{APPS}-b"}, book)

    assert told.translation[SUBNET].target == f"{APPS}-b"
    assert told.translation[SUBNET].decided_by is DecidedBy.PERSON
    assert told.rules == {}


def test_the_book_never_overrules_what_a_rule_decides():
    book = Book([a_rule(pattern="instance_type", value="Standard_D4s_v5", when=SIZE)])

    assert consult(GOAL, a_machine(), {}, book).translation == translate(
        a_machine(), GOAL.offers, {}
    )


def test_a_value_that_the_target_takes_no_longer_is_asked_again_with_a_word_why():
    book = Book([a_rule(value="main/gone")])

    told = consult(GOAL, a_machine(), {}, book)

    assert told.translation.missing == [SUBNET]
    assert "main/gone" in told.stale[SUBNET] and "no subnet" in told.stale[SUBNET]
    assert [(f.severity, f.subject) for f in told.remarks] == [("warn", SUBNET)]


def test_a_bad_word_of_a_person_is_the_person_s_fault_also_beside_a_book():
    with pytest.raises(BadAnswer) as refused:
        consult(GOAL, a_machine(), {"vcpus": "8"}, Book([a_rule()]))

    assert list(refused.value.problems) == ["vcpus"]


def test_a_value_that_does_not_go_with_a_person_s_is_left_out():
    other = {"id": "eni-2", "primary": False, "device_index": 1, "subnet_id": "subnet-2"}
    nics = (a_nic(), a_nic(**other, private_address=None))
    machine = a_machine(nics=nics)
    far = a_rule(value="far/apps", when={"nics[].subnet_id": "subnet-2"})

    told = consult(GOAL, machine, {SUBNET: APPS}, Book([far]))

    assert told.translation.missing == ["nics[1].subnet_id"]
    assert "one virtual network" in told.stale["nics[1].subnet_id"]


def test_an_answer_that_raises_the_next_question_has_that_answered_too():
    machine = a_machine(nics=(a_nic(private_address="10.0.1.60"),))
    own = {MACHINE: machine.origin.id}
    rules = [a_rule(), a_rule(pattern="nics[].private_address", value="automatic", when=own)]

    told = consult(GOAL, machine, {}, Book(rules))

    assert told.translation.missing == []
    assert list(told.rules) == [SUBNET, "nics[0].private_address"]


def test_nothing_is_said_of_a_stale_value_once_another_answer_settled_its_field():
    unsure = a_machine(architecture="unknown")
    rules = [
        a_rule(),
        a_rule(pattern="instance_type", value="Standard_Gone", when=SIZE),
        a_rule(pattern="architecture", value="x86_64", when=SIZE),
    ]

    told = consult(GOAL, unsure, {}, Book(rules))

    assert told.translation.missing == []
    assert told.translation["instance_type"].decided_by is DecidedBy.RULE
    assert told.stale == {}


def test_an_acknowledgement_that_does_not_serve_takes_no_other_with_it():
    machine = a_machine(profile="web-role", disks=(a_disk(key_id="key-1"),))
    rules = [
        a_rule(value=ACKNOWLEDGE),  # a subnet cannot be acknowledged away
        a_rule(pattern="profile", value=ACKNOWLEDGE),
        a_rule(pattern="disks[].key_id", value=ACKNOWLEDGE),
    ]

    told = consult(GOAL, machine, {}, Book(rules))

    assert told.translation.missing == list(told.stale) == [SUBNET]
    assert set(told.rules) == {"profile", "disks[0].key_id"}


def test_filling_asks_the_target_with_open_fields_only():
    machine = a_machine(tags=(Tag(key="team", value="a"), Tag(key="Team", value="b")))
    asked = []

    def watched(answers):
        asked.append(set(answers))
        return translate(machine, GOAL.offers, answers)

    rules = [a_rule(pattern="tags[].key", value="drop"), a_rule()]
    fill(Book(rules), machine, GOAL, {}, watched)

    assert asked == [set(), {SUBNET}, {SUBNET, "tags[1].key"}]
