"""What a report says of devices that were not copied, as JSON and as Markdown."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from coldferry.guest.evidence import NO_EVIDENCE, Inspection
from coldferry.latency import Latency, meaning
from coldferry.mounting import advice
from coldferry.placement import Placement
from coldferry.plain import code, prose, size
from coldferry.plan import Plan, Share

Latencies = Mapping[str, Latency]
"""What was measured, by the id of the file system."""

_FILES_STAY = "Its files are not copied"


def left_out(plan: Plan) -> dict[str, Any]:
    """Part of the contract of ``coldferry plan --json``: what is not copied."""
    return {
        "left_behind": [
            {"device": d.name, "source": d.disk.id, "size_bytes": d.disk.size_bytes}
            for d in plan.left_behind
        ],
        "file_systems": [
            {
                "source": share.filesystem.id,
                "kind": share.filesystem.kind,
                "address": share.address,
                "placement": share.placement,
                "files_copied": False,
            }
            for share in plan.shares
        ],
    }


def as_json(plan: Plan, seen: Inspection | None, measured: Latencies) -> dict[str, Any]:
    """Part of the contract of ``coldferry migrate --json``: that, and what the guest has to do."""
    evidence = seen.evidence if seen is not None else NO_EVIDENCE
    told = left_out(plan)
    for row, share in zip(told["file_systems"], plan.shares, strict=True):
        found = measured.get(share.filesystem.id)
        row["latency"] = asdict(found) if found else None
        row["mounts"] = [asdict(one) for one in advice(share, evidence)]
    return told


def as_markdown(plan: Plan, seen: Inspection | None, measured: Latencies) -> list[str]:
    """Lines, none where every device was copied; every stranger's word is plain text."""
    lines: list[str] = []
    if left := plan.left_behind:
        lines += ["## Left behind", ""]
        lines += [
            f"- {d.name}, {code(d.disk.id)} ({code(d.disk.device)}, {size(d.disk.size_bytes)}): "
            "neither frozen nor copied; the new machine does not have it. It is at the source "
            "as it was."
            for d in left
        ]
        lines.append("")
    for share in plan.shares:
        lines += _of_share(share, seen, measured.get(share.filesystem.id))
    return lines


def _of_share(share: Share, seen: Inspection | None, found: Latency | None) -> Iterator[str]:
    one = share.filesystem
    yield f"## File system {code(one.id)}"
    yield ""
    yield f"{_FILES_STAY}: they are where they were, {code(one.kind)} at {code(share.address)}."
    yield ""
    if share.placement is None:
        yield "What becomes of it was not decided: it was acknowledged that it does not move."
    else:
        yield f"Placement: {share.placement}."
    yield ""
    if found is not None:
        yield f"Latency: {prose(found.words, 600)}. {prose(meaning(found.ms), 600)}."
        yield ""
    elif share.placement == Placement.REMOTE:
        yield "Latency: not measured again, since the source is halted."
        yield ""
    evidence = seen.evidence if seen is not None else NO_EVIDENCE
    for told in advice(share, evidence):
        yield f"{code(told.path)}: {told.do}" if told.path else told.do
        yield ""
        yield from _block(told.line)
        if told.instead_of:
            yield "It has now:"
            yield ""
            yield from _block(told.instead_of)
        if told.cloud_init:
            yield "The same for cloud-init, which adds the line and leaves others as they are:"
            yield ""
            yield from _block(told.cloud_init, "yaml")


def _block(text: str, kind: str = "text") -> Iterator[str]:
    """``text`` to be copied as it is, in a fence that it cannot leave."""
    if not text:
        return
    fence = "```"
    while fence in text:
        fence += "`"
    yield f"{fence}{kind}"
    yield from text.split("\n")
    yield fence
    yield ""
