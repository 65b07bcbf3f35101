"""What a discard would lose, or could not remove."""

from collections.abc import Iterator
from typing import Any

from coldferry.errors import Finding
from coldferry.migration import State
from coldferry.plain import plain
from coldferry.ports import FOREIGN, PowerState
from providers.libvirt.connection import Host
from providers.libvirt.holding import attached, holders
from providers.libvirt.made import data_volumes, made, moment_of
from providers.libvirt.marks import read_marks
from providers.libvirt.power import state_of
from providers.libvirt.unmovable import refusal

_STAYED = frozenset({State.REJECTED, State.ROLLED_BACK})


def at_stake(host: Host, migration: str, *, arrived: bool) -> list[Finding]:
    """See ``Target.at_stake``."""
    found = made(host, migration)
    ours = data_volumes(host, migration)
    paths = {volume.path for _, volume in ours}
    name = None if found is None else str(found[0].name())
    others = holders(host, but=name, among=paths)
    held = {path: holder for path, holder in others.items() if path in paths}
    findings = [
        refusal("held", path, f"{path} is used by {plain(holder)}.", _detach(holder))
        for path, holder in held.items()
    ]
    if found is None or name is None:
        lost = [path for path in sorted(paths) if path not in held] if arrived else []
        return findings + [
            Finding("warn", "used", path, f"The machine of {path} is gone: nobody knows whether it "
                    "was used.")
            for path in lost
        ]  # fmt: skip
    return [*findings, *_used(host, migration, *found), *_moved_on(host, name),
            *_foreign(host, name, paths)]  # fmt: skip


def _detach(holder: str) -> str:
    if holder.startswith("/"):
        return f"Remove {plain(holder)}, which rests on it, or copy it in full ('virsh blockpull')."
    return f"Detach it from {plain(holder)}."


def _used(host: Host, migration: str, handle: Any, element: Any) -> Iterator[Finding]:
    name = str(handle.name())
    if state_of(handle) is not PowerState.STOPPED:
        yield Finding("warn", "used", name, f"{name} runs.")
    elif element.get("proven") != moment_of(host, migration):
        yield Finding("warn", "used", name, f"{name} was started after its proof.")


def _moved_on(host: Host, name: str) -> Iterator[Finding]:
    marks = read_marks(host, name)
    if marks is not None and marks.state not in _STAYED:
        yield refusal(
            "moved-on", name, f"{name} is the source of {marks.migration}, which is {marks.state}.",
            f"Go on with it, or undo it first with 'coldferry rollback {marks.migration}'.",
        )  # fmt: skip


def _foreign(host: Host, name: str, ours: set[str]) -> Iterator[Finding]:
    for path in attached(host, name):
        if path not in ours:
            yield Finding("warn", FOREIGN, path,
                          f"{path} at {name} is not this migration's: it stays.")  # fmt: skip
