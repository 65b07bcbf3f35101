"""The approval form's schema, as Prefect's server checks it and as its UIs show it."""

import pytest
from hypothesis import given, settings
from prefect.utilities.schema_tools.validation import build_error_obj, validate

from coldferry.errors import Finding
from coldferry.inquiry import first_page, inquiries
from coldferry.leaves import schema_patterns
from coldferry.machine import Dns, SecurityGroup, Tag
from coldferry.plain import visible
from coldferry.plan import Plan
from coldferry.translation import Precedent, Translation
from providers.azure.catalogue import Vm
from tasks.asking import DECISION, SIGNATURE, field_name, form, read_form
from tests.unit.machines import a_disk, a_full_machine, a_machine, a_nic
from tests.unit.test_azure_rules import said as translated
from tests.unit.test_plain import STRANGE, shown

SUBNET, ADDRESS = "nics_0_subnet_id", "nics_0_private_address"
TAKEN = (Vm(name="web-01", size="", origin=""),)


def a_plan(machine=None, answers=None, **catalogue):
    machine = machine or a_machine()
    found = translated(machine, answers, **catalogue)
    return Plan(migration="web-01-azure-0-a1", machine=machine, translation=found)


def asked(plan, *more, number=1):
    page = first_page(inquiries(plan.machine, plan.translation), number)
    return form(plan, page, *more).model_json_schema()


def wrong(schema, **sent):
    """What the server says to a form: the first UI's own words, by field."""
    found = build_error_obj(validate(sent, schema))["errors"]
    return {error["property"]: error["errors"] for error in found}


def as_the_first_ui_sends_it(schema):
    """What it checks a form by: it drops every other key of the schema and of its properties."""
    kept = {
        "definitions", "position", "$ref", "anyOf", "allOf", "example", "default", "const",
        "description", "enum", "format", "items", "prefixItems", "properties", "required", "title",
        "type", "maxItems", "minItems",
    }  # fmt: skip
    cut = {key: value for key, value in schema.items() if key in kept}
    cut["properties"] = {
        name: {key: value for key, value in field.items() if key in kept}
        for name, field in schema["properties"].items()
    }
    return cut


def test_the_decision_is_required_has_two_choices_and_no_default():
    schema = asked(a_plan())

    assert schema["required"] == [DECISION]
    assert schema["properties"][DECISION]["enum"] == ["approve", "reject"]
    assert "default" not in schema["properties"][DECISION]
    assert wrong(schema) == {DECISION: ["'decision' is a required property"]}


def test_every_field_is_a_word_so_that_no_code_box_and_no_tabs_appear():
    schema = asked(a_plan(a_full_machine()))

    assert {field["type"] for field in schema["properties"].values()} == {"string"}
    assert not [f for f in schema["properties"].values() if {"anyOf", "allOf", "$ref"} & set(f)]


def test_a_rejection_needs_nothing_else():
    schema = asked(a_plan(a_full_machine()))

    assert wrong(schema, decision="reject") == {}
    assert wrong(schema, decision="reject", reason="Not tonight.") == {}


@pytest.mark.parametrize("seen_by", [lambda schema: schema, as_the_first_ui_sends_it])
def test_an_approval_needs_every_answer_and_says_at_which_field_it_lacks(seen_by):
    plan = a_plan(a_full_machine())
    schema = seen_by(asked(plan))
    names = [field_name(one.field.path) for one in inquiries(plan.machine, plan.translation)[:12]]
    offered = {name for name in names if "default" in schema["properties"][name]}

    assert len(names) == 12
    assert wrong(schema, decision="next").keys() == set(names) - offered


@pytest.mark.parametrize("seen_by", [lambda schema: schema, as_the_first_ui_sends_it])
def test_a_typed_value_is_held_to_its_pattern_but_not_by_a_rejection(seen_by):
    schema = seen_by(asked(a_plan(vms=TAKEN)))
    rest = {SUBNET: "main/apps"}

    assert "does not match" in wrong(schema, decision="approve", name="web 01", **rest)["name"][0]
    assert "name" in wrong(schema, decision="approve", name="", **rest)
    assert wrong(schema, decision="approve", name="shop-9", **rest) == {}
    assert wrong(schema, decision="reject", name="web 01") == {}


@pytest.mark.parametrize("value", ["10.0.1.21", "automatic", "fd00::7", "255.255.255.255"])
def test_an_address_may_be_typed_or_left_to_the_target(value):
    assert wrong(an_address_asked(), decision="approve", **{ADDRESS: value}) == {}


@pytest.mark.parametrize("value", ["10.0.1", "10.0.1.256", "here", "10.0.1.21 ", "", "10.0.1.0/24"])
def test_what_is_no_address_is_refused_at_once(value):
    assert ADDRESS in wrong(an_address_asked(), decision="approve", **{ADDRESS: value})


def an_address_asked():
    machine = a_machine(nics=(a_nic(private_address="10.0.1.3"),))
    return asked(a_plan(machine, {"nics[0].subnet_id": "main/apps"}))


@pytest.mark.parametrize(
    ("value", "fits"),
    [("10.0.0.2", True), ("10.0.0.2, fd00::1", True), ("AzureProvidedDNS", True), ("ns.x", False)],
)
def test_resolvers_may_be_listed(value, fits):
    schema = asked(a_plan(a_machine(dns=Dns()), {"nics[0].subnet_id": "main/apps"}))

    assert (wrong(schema, decision="approve", dns_servers=value) == {}) is fits


def test_a_choice_that_is_none_is_refused_at_once():
    assert SUBNET in wrong(asked(a_plan()), decision="approve", **{SUBNET: "nowhere"})


def test_the_only_network_that_holds_the_address_is_offered_as_the_answer():
    there = asked(a_plan())["properties"][SUBNET]
    elsewhere = asked(a_plan(a_machine(nics=(a_nic(private_address="10.7.0.9"),))))

    assert there["default"] == "main/apps"
    assert "default" not in elsewhere["properties"][SUBNET]


def test_a_free_name_is_offered_and_an_acknowledgement_never_is():
    schema = asked(
        a_plan(
            a_machine(profile="web", tags=(Tag(key="A", value="1"), Tag(key="a", value="2"))),
            vms=TAKEN,
        )
    )
    fields = schema["properties"]

    assert (fields["name"]["default"], fields["tags_1_key"]["default"]) == ("web-01-2", "a-2")
    assert "default" not in fields["profile"]


def test_what_was_answered_well_is_offered_again_and_the_error_stands_at_field_and_decision():
    plan = a_plan(a_machine(profile="web"), vms=TAKEN)
    page = first_page(inquiries(plan.machine, plan.translation))
    problems = {"name": "there is a VM 'shop' already"}
    said = {"nics[0].subnet_id": "main/apps", "profile": "acknowledge"}
    made = form(plan, page, problems, (), said, {"decided_by": "Ada"})
    fields = made.model_json_schema()["properties"]

    assert (fields[SUBNET]["default"], fields["profile"]["default"]) == ("main/apps", "acknowledge")
    assert fields["decided_by"]["default"] == "Ada"
    assert fields["name"]["description"].startswith("NOT ACCEPTED: there is a VM 'shop' already.")
    at_decision = fields[DECISION]["description"]
    assert "NOT ACCEPTED: Name of the machine: there is a VM 'shop' already." in at_decision
    assert "NOT ACCEPTED" not in fields["profile"]["description"]


def test_a_question_that_the_answers_raised_is_named_on_top_as_new():
    machine = a_machine(nics=(a_nic(private_address="10.0.9.9"),))
    first = a_plan(machine)
    said = {"nics[0].subnet_id": "main/apps"}
    page = first_page(inquiries(machine, first.translation))
    again = a_plan(machine, said)
    raised = first_page(inquiries(machine, again.translation, {*page.paths}))
    made = form(again, raised, {}, (), said)
    top = made.model_json_schema()["properties"][DECISION]["description"]

    assert "NEW, after your answers: Private address of interface 1" in top
    assert "NEW" not in form(first, page).model_json_schema()["properties"][DECISION]["description"]


def test_what_was_offered_and_left_untouched_counts_as_said():
    plan = a_plan(vms=TAKEN)
    page = first_page(inquiries(plan.machine, plan.translation))
    sent = form(plan, page).model_validate({"decision": "approve", "name": " shop "})

    assert read_form(page, sent) == {"nics[0].subnet_id": "main/apps", "name": "shop"}


def test_findings_stand_at_the_decision_with_what_to_do_and_nowhere_else():
    plan = a_plan()
    page = first_page(inquiries(plan.machine, plan.translation))
    found = [Finding("warn", "x", f"disk{n}", "It is full.", "Empty it.") for n in range(12)]
    made = form(plan, page, {}, found)

    fields = made.model_json_schema()["properties"]
    assert "FOUND: `disk0`: It is full. Empty it." in fields[DECISION]["description"]
    assert "FOUND: 2 more" in fields[DECISION]["description"]
    others = [field["description"] for name, field in fields.items() if name != DECISION]
    assert not [text for text in (made._description, *others) if "FOUND" in text]


def test_what_would_refuse_the_migration_is_told_from_what_is_only_to_be_known():
    plan = a_plan()
    page = first_page(inquiries(plan.machine, plan.translation))
    found = [Finding("refuse", "x", "vm-1", "It is locked.", "Unlock it."),
             Finding("inform", "y", "vm-1", "It is small.")]  # fmt: skip
    told = form(plan, page, {}, found).model_json_schema()["properties"][DECISION]["description"]

    assert "IN THE WAY: `vm-1`: It is locked. Unlock it." in told
    assert "FOUND: `vm-1`: It is small." in told


def test_what_the_book_answers_stands_at_the_decision_with_whose_word_it_was():
    first = Precedent(rule="0123456789abcdef", said="main/apps", by="A\u202ed`a", at="2031-05-01")
    plan = a_plan(a_machine(profile="web"), {"nics[0].subnet_id": "main/apps"})
    booked = [
        one.model_copy(update={"precedent": first}) if one.path.endswith("subnet_id") else one
        for one in plan.translation.fields
    ]
    plan = plan.model_copy(update={"translation": Translation(fields=tuple(booked))})
    page = first_page(inquiries(plan.machine, plan.translation))
    told = form(plan, page).model_json_schema()["properties"][DECISION]["description"]

    line = next(line for line in told.splitlines() if line.startswith("FROM THE BOOK"))
    assert "Network for interface 1 (10.0.1.20): `main/apps`" in line
    assert "rule `0123456789abcdef`" in line
    assert "approved by ``A d`a`` at" in line


def test_more_than_twelve_questions_make_pages_and_each_can_be_rejected():
    keys = [
        "".join(c.upper() if n >> i & 1 else c for i, c in enumerate("label")) for n in range(30)
    ]
    plan = a_plan(a_machine(tags=tuple(Tag(key=key, value="x") for key in keys)))
    first = asked(plan)
    names = [name for name in first["properties"] if name not in (DECISION, *SIGNATURE)]

    assert len(names) == 12
    assert first["properties"][DECISION]["enum"] == ["next", "reject"]
    assert first["properties"][DECISION]["title"] == "Decision (page 1 of 3)"
    assert wrong(first, decision="reject") == {}
    assert "approve" in str(wrong(first, decision="approve"))


def test_no_two_fields_of_a_description_have_one_name_in_a_form():
    names = [field_name(pattern.replace("[]", "[0]")) for pattern in schema_patterns()]

    assert len(set(names)) == len(names)
    assert not {DECISION, *SIGNATURE} & set(names)


def test_the_path_and_the_present_value_stand_at_every_field():
    plan = a_plan(a_full_machine())
    page = first_page(inquiries(plan.machine, plan.translation))
    fields = form(plan, page).model_json_schema()["properties"]

    for one in page.inquiries:
        text = fields[field_name(one.field.path)]["description"]
        assert all(f"`{path}`" in text for path in one.paths)
        assert "Now: " in text


@settings(max_examples=60, deadline=None)
@given(STRANGE, STRANGE)
def test_whatever_a_machine_is_called_the_form_shows_only_text(name, tag):
    group = SecurityGroup(id=name or "g", name=tag)
    tags = (Tag(key="k", value=name), Tag(key="K", value=tag), Tag(key=name, value=tag))
    machine = a_machine(
        name=name, hostname=tag, profile=tag, tags=tags, nics=(a_nic(security_groups=(group,)),),
        disks=(a_disk(device=name, key_id=tag, kind=name),),
    )  # fmt: skip
    plan = a_plan(machine)
    page = first_page(inquiries(machine, plan.translation))
    found = [Finding("warn", "x", name, tag, name)]
    made = form(plan, page, {"name": tag}, found)
    fields = made.model_json_schema()["properties"].values()

    for text in (made._description, *(field["description"] for field in fields)):
        _, kinds, _ = shown(text)
        assert kinds <= {"text", "code_inline", "softbreak"}
    assert all(field["title"] == visible(field["title"]) for field in fields)
