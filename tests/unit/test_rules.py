"""A person's word is treated alike at every target."""

import pytest

from coldferry.errors import BadAnswer
from coldferry.leaves import leaves, pattern_of, schema_patterns
from coldferry.translation import DecidedBy, Verdict, digest
from tests.conformance.worlds import ANSWERS, a_machine, a_target


def translate(answers, machine=None):
    cloud = a_target()
    return cloud.translate(machine or a_machine(), cloud.catalogue(), answers)


def test_every_leaf_of_a_machine_has_a_pattern_of_the_schema():
    patterns = set(schema_patterns())

    assert all(leaf.pattern in patterns for leaf in leaves(a_machine()))
    assert all(pattern_of(leaf.path) == leaf.pattern for leaf in leaves(a_machine()))


def test_a_gap_is_missing_until_it_is_answered():
    assert translate({}).missing == ["nics[0].subnet_id"]
    assert translate(ANSWERS).missing == []


def test_an_answer_is_said_to_be_a_person_s():
    field = translate(ANSWERS)["nics[0].subnet_id"]

    assert (field.target, field.decided_by) == ("net/one", DecidedBy.PERSON)


def test_an_answered_plan_changes_no_other_field():
    before = {f.path: f for f in translate({}).fields}
    after = {f.path: f for f in translate(ANSWERS).fields}

    assert {path for path in before if before[path] != after[path]} == set(ANSWERS)


def test_an_answer_to_no_field_is_refused_by_its_name():
    with pytest.raises(BadAnswer, match=r"nics\[3\]\.subnet_id"):
        translate(ANSWERS | {"nics[3].subnet_id": "net/one"})


def test_all_bad_answers_are_named_at_once():
    with pytest.raises(BadAnswer) as refused:
        translate({"nics[0].subnet_id": "nowhere", "instance_type": "huge"})

    assert set(refused.value.problems) == {"nics[0].subnet_id", "instance_type"}


def test_a_wrong_path_hides_no_wrong_value():
    with pytest.raises(BadAnswer) as refused:
        translate({"nics[0].subnet_id": "nowhere", "nicks[0].subnet_id": "net/one"})

    assert set(refused.value.problems) == {"nics[0].subnet_id", "nicks[0].subnet_id"}


def test_a_gap_cannot_be_acknowledged_away():
    with pytest.raises(BadAnswer, match="needs a value"):
        translate({"nics[0].subnet_id": "acknowledge"})


def test_a_needless_acknowledgement_changes_nothing():
    assert translate(ANSWERS | {"vcpus": "acknowledge"}) == translate(ANSWERS)


def test_the_source_s_own_value_is_no_change():
    assert translate(ANSWERS | {"vcpus": "2"}) == translate(ANSWERS)


def test_a_field_that_nobody_chooses_refuses_another_value():
    with pytest.raises(BadAnswer, match="not a person's to choose"):
        translate(ANSWERS | {"vcpus": "8"})


def test_a_list_for_a_field_of_one_value_is_refused_in_words():
    with pytest.raises(BadAnswer, match="one value, not a list") as refused:
        translate(ANSWERS | {"instance_type": ["s4", "s8"]})

    assert "[" not in refused.value.problems["instance_type"]


def test_an_error_ends_with_one_full_stop():
    assert ".." not in str(BadAnswer({"hostname": "Follows from name. Answer name."}))


def test_the_digest_moves_with_a_value_and_with_the_machine():
    one, other = a_machine(), a_machine("web-02")
    plain = digest(one, translate(ANSWERS, one))

    assert plain == digest(one, translate(ANSWERS, one))
    assert plain != digest(one, translate({"nics[0].subnet_id": "net/two"}, one))
    assert plain != digest(other, translate(ANSWERS, other))


def test_absent_things_are_carried_exactly():
    assert translate({})["user_data"].verdict is Verdict.EXACT
