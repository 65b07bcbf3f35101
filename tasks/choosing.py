"""A decision that a person makes in a suspended run: what to do, and what it needs to be done.

The schema follows what :mod:`tasks.asking` says of Prefect's forms.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prefect import runtime
from prefect.exceptions import Pause
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from pydantic import Field, create_model

from coldferry.erasing import now
from coldferry.errors import Refused, Rejected
from coldferry.plain import code, prose
from tasks.asking import DECISION, SIGNATURE, note, read_signature
from tasks.wording import WAITING


@dataclass(frozen=True)
class Choice:
    """One more thing to choose, which only the decision to go on needs."""

    title: str
    text: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """What is asked, once for each ``subject``.

    ``choices`` are the decisions and what each does, the one that goes on
    first; ``fields`` are needed for that one alone. ``told`` are lines that a
    person should know before. ``otherwise`` is what to give instead where
    nobody can be asked.
    """

    subject: str
    title: str
    choices: Mapping[str, str]
    told: tuple[str, ...] = ()
    fields: Mapping[str, Choice] = field(default_factory=dict)
    otherwise: str = ""

    @property
    def go(self) -> str:
        """The decision that goes on."""
        return next(iter(self.choices))


@dataclass(frozen=True)
class Chosen:
    """What was decided, by whom as declared, and when (ISO 8601, UTC)."""

    by: str
    reason: str = ""
    at: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, str]:
        """For a report."""
        return {"by": self.by, "reason": self.reason, "at": self.at}


def given_with_the_run() -> Chosen:
    """A decision that came as a parameter."""
    return Chosen("what was given with the run", at=now())


def choose(question: Question) -> Chosen:
    """Suspend with the question's form until it is decided. Raises Rejected for any but the first.

    Raises Refused with the question where the run cannot be suspended.
    """
    if runtime.deployment.id is None:
        told = " ".join(question.told)
        raise Refused(f"{question.title} {told}".strip(), question.otherwise)
    turn, missing = 0, list[str]()
    while True:
        turn += 1
        given: Any = _suspend(_form(question, missing), f"{_key(question)}-{turn}")
        signed = read_signature(given)
        by = signed["decided_by"] or "the run's form"
        if given.decision != question.go:
            why = f": {signed['reason']}" if signed["reason"] else "."
            raise Rejected(f"{given.decision}, decided by {by}{why}", "Nothing was changed.")
        chosen = {name: str(getattr(given, name, "") or "").strip() for name in question.fields}
        missing = [n for n, said in chosen.items() if said not in question.fields[n].options]
        if not missing:
            return Chosen(by, signed["reason"], now(), chosen)


def _key(question: Question) -> str:
    """Follows from what is asked: a resumed run that finds all as it was gets its answer."""
    asked = [question.subject, list(question.choices), list(question.fields)]
    return f"choose-{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:12]}"


def _form(question: Question, missing: Sequence[str]) -> type[RunInput]:
    wrong = [f"NOT ACCEPTED: {prose(question.fields[name].title)}." for name in missing]
    lines = [prose(question.title, 600), *wrong, *(prose(line, 600) for line in question.told)]
    choices = [f"- {code(choice)}: {prose(does, 300)}" for choice, does in question.choices.items()]
    offered: dict[str, Any] = {"position": 0, "enum": list(question.choices)}
    decision: Any = Field(
        title="Decision",
        description="\n\n".join([*lines, *choices]),
        json_schema_extra=offered,
    )
    fields: dict[str, Any] = {DECISION: (str, decision)}
    for place, (name, asked) in enumerate(question.fields.items(), start=1):
        fields[name] = (str, _field(asked, place))
    for name, (title, text, max_chars) in SIGNATURE.items():
        fields[name] = note(title, text, max_chars, "")
    made = create_model("Decision", __base__=RunInput, **fields)
    go: Any = {
        "if": {"properties": {DECISION: {"const": question.go}}, "required": [DECISION]},
        "then": {"required": list(question.fields)},
    }
    made.model_config["json_schema_extra"] = {"allOf": [go]} if question.fields else {}
    made.model_rebuild(force=True)
    return made.with_initial_data(description=f"## {prose(question.title, 600)}")


def _field(asked: Choice, place: int) -> Any:
    def finish(schema: dict[str, Any]) -> None:
        schema.update(position=place, enum=list(asked.options))
        del schema["default"]  # with one, an empty line would lead the list of choices

    return Field(
        default="",
        title=asked.title,
        description=prose(asked.text, 300),
        json_schema_extra=finish,
    )


def _suspend(sent: type[RunInput], key: str) -> RunInput:
    try:
        return suspend_flow_run(wait_for_input=sent, key=key, timeout=None)
    except Pause:
        get_run_logger().info(WAITING)
        raise
