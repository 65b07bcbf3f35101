"""Three exact commands for a run that failed, the likeliest first: pure, by what is known of it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldferry.alarm import Command
from coldferry.moved import KEEP_DAYS

VERBS = ("migrate", "cutover", "rollback", "abort", "finalise")
"""What can be done with one machine; each is a flow, a deployment and a command of that name."""

_THEN = {
    "cutover": ("rollback", "status"),
    "abort": ("status", "rollback"),
    "rollback": ("status", "audit"),
    "finalise": ("status", "audit"),
}
"""What comes after trying again."""

_SWITCHES = {
    "security_groups": "--security-group",
    "checks": "--check",
    "checks_within_s": "--checks-within",
    "keep_days": "--keep-days",
    "target_writes": "--target-writes",
    "discard_used": "--discard-used",
    "source_gone": "--source-gone",
    "remove_source": "--remove-source",
}
"""What a run was given, and how a command is given the same.

``--machine`` is not among them: that a machine is removed is approved anew each time.
"""


@dataclass(frozen=True)
class Situation:
    """What a remedy follows from; blocks by their full names, ``migration`` empty before it began.

    ``begun``: something was changed at the source or made at the target. ``over``: its window is.
    """

    verb: str
    migration: str
    source: str
    vm: str
    target: str
    begun: bool
    retry_is_safe: bool
    over: bool
    given: Mapping[str, Any]


def remedies(now: Situation) -> list[Command]:
    """The commands, each with what it does."""
    name = shlex.quote(now.migration)
    plan = f"coldferry plan {now.source} {shlex.quote(now.vm)} {now.target}"
    if not now.migration:
        doctor = f"coldferry doctor {now.source} {now.target}"
        return [
            (plan, "what stands against it"),
            (doctor, "whether both clouds can be used"),
            ("coldferry list", "where all migrations stand"),
        ]
    look = (f"coldferry status {name}", "what the clouds say of it now")
    audit = ("coldferry audit", "what is left, and what it costs")
    undo = (f"coldferry rollback {name}", "go back to the source; asks for the new data")
    if now.verb in _THEN:
        then = {"rollback": undo, "status": look, "audit": audit}
        retry = (again(now), "goes on with it, once the cause is mended")
        return [retry, *(then[verb] for verb in _THEN[now.verb])]
    on = (f"coldferry resume {name}", "go on with the same migration")
    back = (
        f"coldferry abort {name}",
        "start the source again as it was, and remove what is at the target",
    )
    if not now.begun:
        return [(plan, "what stands against it"), on, look]
    if now.over:
        return [back, look, on]
    return [on, back, look] if now.retry_is_safe else [back, look, audit]


def again(now: Situation) -> str:
    """The same command as the run's parameters say it: what was asked in a form is asked again."""
    words = ["coldferry", now.verb, now.migration]
    for name, switch in _SWITCHES.items():
        said = now.given.get(name)
        if said is True:
            words.append(switch)
        elif isinstance(said, Sequence) and not isinstance(said, str):
            words += [word for one in said for word in (switch, str(one))]
        elif said not in (None, "", False) and (name, said) not in _DEFAULTS:
            words += [switch, str(said)]
    return shlex.join(words)


_DEFAULTS = {("checks_within_s", 600), ("keep_days", KEEP_DAYS)}
