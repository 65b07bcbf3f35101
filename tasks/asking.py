"""The form of a suspended run: exactly what is missing or must be acknowledged.

The rules are in its JSON schema (choices), because Prefect's server checks
that and answers a wrong value at once. In the model the fields are plain
words: what the target offers may change while the form waits, and an answer
that it offers no longer must be asked for again, not fail the run.

Every field but the decision has an empty default, so that a person can reject
without filling in the rest; an approval with gaps left is asked again.
"""

import re
from typing import Annotated, Any, Literal

from prefect.input import RunInput
from pydantic import Field, WithJsonSchema, create_model

from coldferry.machine import Machine
from coldferry.plain import code, inert, plain, prose
from coldferry.plan import Plan
from coldferry.precedents import precedents
from coldferry.translation import ACKNOWLEDGE, FieldTranslation, Translation, Verdict

DECISION = "decision"
APPROVE = "approve"
REJECT = "reject"

GivenAnswers = Annotated[dict[str, Any] | None, WithJsonSchema({})]
"""Answers as a flow's parameter: without a type in its schema the run form shows one box for
JSON, with ``object | null`` it shows type tabs."""

NO_ANSWERS: dict[str, Any] = {}

_DECIDING = """To approve, answer every field below; to reject, only this one counts, so Prefect
calls the others optional. A list opens at the arrows at its right end, or with the arrow-down key.

- `approve`: stop the machine and move it

- `reject`: end it here; nothing was stopped or created"""
"""Here and not in the text above: Prefect cuts that when the form is higher than the window."""

_GIB = 1 << 30


def field_name(path: str) -> str:
    """``nics[0].subnet_id`` as a form's field: ``nics_0_subnet_id``."""
    return re.sub(r"\W+", "_", path).strip("_")


def form(plan: Plan, problems: dict[str, str]) -> type[RunInput]:
    """The form for what of ``plan`` is open; ``problems`` are shown beside it."""
    fields: dict[str, Any] = {
        DECISION: (
            Literal["approve", "reject"],
            Field(
                title="Decision",
                description=_DECIDING,
                json_schema_extra={"position": 0},
            ),
        ),
        "reason": (str, Field(default="", title="Reason", description="For the report.")),
        "decided_by": (str, Field(default="", title="Your name", description="For the report.")),
    }
    for gap in open_fields(plan.translation):
        fields[field_name(gap.path)] = _field(gap, problems.get(gap.path, ""))
    made = create_model("Approval", __base__=RunInput, **fields)
    return made.with_initial_data(description=_text(plan, problems))


def open_fields(translation: Translation) -> list[FieldTranslation]:
    """What a person still has to say something about."""
    return [field for field in translation.fields if field.open]


def read_form(translation: Translation, given: RunInput) -> dict[str, Any]:
    """The answers in a form that was sent, by path; fields left empty are not in it."""
    return {
        gap.path: value
        for gap in open_fields(translation)
        if (value := getattr(given, field_name(gap.path), ""))
    }


def _field(gap: FieldTranslation, problem: str) -> tuple[Any, Any]:
    if gap.verdict is not Verdict.MISSING:
        verb, choices = "Acknowledge", [ACKNOWLEDGE]
    elif gap.candidates:
        verb, choices = "Choose", [candidate.value for candidate in gap.candidates]
    else:
        verb, choices = "Fill in", []
    about = [prose(" ".join(part for part in (gap.reason, gap.difference) if part), 600)]
    if problem:
        about.insert(0, f"**Not accepted: {prose(problem, 300)}.**")
    # Prefect's form joins single lines, so a list needs empty ones between.
    about += [
        f"- {code(candidate.value)}: {prose(candidate.meaning)}"
        for candidate in gap.candidates
        if candidate.meaning and gap.verdict is Verdict.MISSING
    ]
    return str, Field(
        default="",
        title=f"{verb} {gap.path} (now {_shown(gap.source)})",
        description="\n\n".join(about),
        json_schema_extra={"enum": ["", *choices]} if choices else None,
    )


def _text(plan: Plan, problems: dict[str, str]) -> str:
    asked = open_fields(plan.translation)
    machine = plan.machine
    gib = sum(disk.size_bytes for disk in machine.disks) / _GIB
    size = plan.translation.target("instance_type")
    becomes = f" becomes {code(size)}" if size else ""
    lines = [
        f"## {code(machine.name)}: {_count(len(asked), 'field')} to answer",
        "",
        f"{code(machine.instance_type)}{becomes}. {_count(len(machine.disks), 'disk')}, "
        f"{gib:.0f} GiB in all, will be copied while the machine is stopped. "
        "Nothing was stopped or created so far.",
        "",
        f"Machine {code(machine.origin.id)}, migration {code(plan.migration)}.",
    ]
    lines += precedents(plan.translation)
    if problems:
        lines += ["", "**Not accepted last time:**", ""]
        lines += [f"- {code(path)}: {prose(problem, 300)}" for path, problem in problems.items()]
    return "\n".join(lines)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _shown(value: Any) -> str:
    """A value as a title's words: short enough not to leave the form."""
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return plain(value, 40) or "none"


def run_name(machine: Machine, source: str, target: str) -> str:
    """What moves where: ``web-01: aws to azure``."""
    return f"{inert(machine.name, 80)}: {source} to {target}"
