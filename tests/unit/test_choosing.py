"""The form of a decision: what it needs is needed for going on alone."""

from typing import Any

import pytest
from prefect.utilities.schema_tools.validation import build_error_obj, validate

from tasks.choosing import Choice, Question, _form, _key

QUESTION = Question(
    subject="cutover web-01-azure-00c0ffee-a1",
    title="Is it cut over?",
    choices={"go": "start it", "no-go": "end this run"},
    told=("<script>alert(1)</script> [click](https://evil.example)",),
    fields={"group_0": Choice("Group of nic0", "What it is behind.", ("web", "none"))},
)


def schema(question: Question) -> dict[str, Any]:
    return _form(question, []).model_json_schema()


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ({"decision": "go", "group_0": "web"}, True),
        ({"decision": "go", "group_0": "none", "decided_by": "Ada", "reason": "x"}, True),
        ({"decision": "go"}, False),
        ({"decision": "go", "group_0": "nobody-s"}, False),
        ({"decision": "no-go"}, True),
        ({"decision": "perhaps"}, False),
        ({"group_0": "web"}, False),
    ],
)
def test_what_going_on_needs_is_checked_by_the_schema(said, taken):
    errors = build_error_obj(validate(said, schema(QUESTION)))["errors"]

    assert (errors == []) is taken


def test_a_stranger_s_words_are_text():
    told = schema(QUESTION)["properties"]["decision"]["description"]

    assert "\\<script>" in told
    assert "\\[click]" in told
    assert "https://" not in told


def test_a_form_that_was_sent_without_a_group_names_it():
    again = _form(QUESTION, ["group_0"]).model_json_schema()

    assert "NOT ACCEPTED: Group of nic0" in again["properties"]["decision"]["description"]


def test_the_same_question_has_one_key_and_another_has_another():
    other = Question("rollback web-01-azure-00c0ffee-a1", "?", {"discard": "", "stop": ""})

    assert _key(QUESTION) == _key(QUESTION)
    assert _key(QUESTION) != _key(other)
