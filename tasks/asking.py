"""The form of a suspended run: exactly what is missing or must be acknowledged.

The rules are in its JSON schema, because Prefect's server checks that and
answers a wrong value at once. In the model the fields are plain words: what
the target offers may change while the form waits, and an answer that it offers
no longer must be asked for again, not fail the run.

That an approval needs an answer in every field, and a typed value its pattern,
stands under the schema's ``allOf``, on the condition that the decision is not a
rejection: Prefect's first UI hands that on to the server when it checks a form,
and drops ``if``, ``pattern`` and ``minLength`` where they stand elsewhere.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from prefect.input import RunInput
from pydantic import Field, WithJsonSchema, create_model

from coldferry.errors import Finding
from coldferry.inquiry import Inquiry, Page, answers_of
from coldferry.machine import Machine
from coldferry.plain import inert
from coldferry.plan import Plan
from tasks.wording import about, deciding, heading

DECISION = "decision"
APPROVE = "approve"
NEXT = "next"
REJECT = "reject"

GivenAnswers = Annotated[dict[str, Any] | None, WithJsonSchema({})]
"""Answers as a flow's parameter: without a type in its schema the run form shows one box for
JSON, with ``object | null`` it shows type tabs."""

NO_ANSWERS: dict[str, Any] = {}

GivenPlacement = Annotated[dict[str, Any] | None, WithJsonSchema({})]
"""Placements by device, shown in one box for the same reason."""

ALL_COPIED: dict[str, Any] = {}

_MAX_CHARS = 2000

SIGNATURE = {
    "decided_by": ("Your name", "For the report, as you type it.", 200),
    "reason": ("Reason", "For the report.", _MAX_CHARS),
}
"""Title, description and longest text of what a decision is signed with."""


def field_name(path: str) -> str:
    """``nics[0].subnet_id`` as a form's field: ``nics_0_subnet_id``."""
    return re.sub(r"\W+", "_", path).strip("_")


def form(
    plan: Plan,
    page: Page,
    problems: Mapping[str, str] | None = None,
    findings: Sequence[Finding] = (),
    said: Mapping[str, str] | None = None,
    signed: Mapping[str, str] | None = None,
) -> type[RunInput]:
    """The form of one page of what is open in ``plan``.

    ``problems`` (a sentence by path) are shown at their fields and at the decision,
    ``findings`` at the decision. What was ``said`` before, by path, is offered again,
    and so is what it was ``signed`` with, by the names in :data:`SIGNATURE`.
    """
    problems = problems or {}
    fresh = [
        asked for asked in page.inquiries
        if said and not {*asked.paths} & {*said, *problems}
    ]  # fmt: skip
    return form_of(
        page,
        heading(plan, page, problems, fresh),
        deciding(plan, page, problems, findings, fresh),
        about,
        problems,
        said,
        signed,
    )


def form_of(
    page: Page,
    top: str,
    decision: str,
    about: Callable[[Inquiry, str], str],
    problems: Mapping[str, str],
    said: Mapping[str, str] | None = None,
    signed: Mapping[str, str] | None = None,
) -> type[RunInput]:
    """The form of one page of questions, whoever asks them.

    ``top`` stands above the fields, ``decision`` at the decision, and ``about``
    says what stands at a question, with its problem where it has one.
    """
    signed = signed or {}
    offers = {asked.field.path: _offer(asked, said or {}) for asked in page.inquiries}
    fields = {DECISION: _decision(page, decision)}
    for place, asked in enumerate(page.inquiries, start=1):
        wrong = next((problems[path] for path in asked.paths if path in problems), "")
        offer = offers[asked.field.path]
        fields[field_name(asked.field.path)] = _field(asked, offer, about(asked, wrong), place)
    for name, (title, text, max_chars) in SIGNATURE.items():
        fields[name] = note(title, text, max_chars, signed.get(name, ""))
    made = create_model("Approval", __base__=RunInput, **fields)
    made.model_config["json_schema_extra"] = {"allOf": [_to_go_on(page, offers)]}
    made.model_rebuild(force=True)
    return made.with_initial_data(description=top)


def read_form(page: Page, given: RunInput) -> dict[str, str]:
    """The answers in a form that was sent, by path; fields left empty are not in it."""
    paths = (asked.field.path for asked in page.inquiries)
    said = {path: str(getattr(given, field_name(path), "") or "").strip() for path in paths}
    return answers_of(page.inquiries, said)


def read_signature(given: RunInput) -> dict[str, str]:
    """What a form that was sent is signed with."""
    return {name: str(getattr(given, name, "") or "").strip() for name in SIGNATURE}


def run_name(machine: Machine, source: str, target: str) -> str:
    """What moves where: ``web-01: aws to azure``."""
    return f"{inert(machine.name, 80).strip() or machine.origin.id}: {source} to {target}"


def _decision(page: Page, text: str) -> Any:
    choices = Literal["approve", "reject"] if page.last else Literal["next", "reject"]
    title = "Decision" if page.of == 1 else f"Decision (page {page.number} of {page.of})"
    more: dict[str, Any] = {"position": 0}
    return choices, Field(title=title, description=text, json_schema_extra=more)


def note(title: str, description: str, max_chars: int, said: str) -> Any:
    """A line that a decision is signed with, as a form's field."""
    more: dict[str, Any] = {"position": 1000, "maxLength": max_chars}  # below every answer
    return str, Field(default=said, title=title, description=description, json_schema_extra=more)


def _offer(asked: Inquiry, said: Mapping[str, str]) -> str:
    """What the field holds before it is touched."""
    offer = said.get(asked.field.path) or asked.proposal
    fits = asked.typed or any(choice.value == offer for choice in asked.choices)
    return offer if fits else ""


def _field(asked: Inquiry, offer: str, text: str, place: int) -> Any:
    more: dict[str, Any] = {"position": place}
    if not asked.typed:
        more["enum"] = [choice.value for choice in asked.choices]

    def finish(schema: dict[str, Any]) -> None:
        schema.update(more)
        if not offer:
            del schema["default"]  # with one, an empty line would lead the list of choices

    return str, Field(default=offer, title=asked.title, description=text, json_schema_extra=finish)


def _to_go_on(page: Page, offers: Mapping[str, str]) -> dict[str, Any]:
    """What must hold unless the decision is to reject."""
    rules = {}
    for asked in page.inquiries:
        rule: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": _MAX_CHARS}
        if asked.typed and asked.field.pattern:
            rule["pattern"] = asked.field.pattern
        rules[field_name(asked.field.path)] = rule
    go = {DECISION: {"const": APPROVE if page.last else NEXT}}
    return {
        "if": {"properties": go, "required": [DECISION]},
        "then": {
            "required": [field_name(path) for path, offer in offers.items() if not offer],
            "properties": rules,
        },
    }
