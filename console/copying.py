"""``coldferry copy``: one disk by itself. Loads no Prefect, and no SDK that it does not need."""

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from coldferry.content import LEAF_BYTES, Digest, sha256
from coldferry.copies import CopyState, opened
from coldferry.copying import LIMITS, LimitsFile, Throttle, copy_disk, ever_put
from coldferry.disk import Limits, ManifestCommitter
from coldferry.endpoints import (
    Endpoint,
    Found,
    Source,
    Target,
    as_source,
    parse_source,
    parse_target,
)
from coldferry.errors import BadInput, ColdferryError, CorruptCopy, DiskSealed, Refused, after_halt
from coldferry.home import home
from coldferry.manifest import Copy, Manifest
from coldferry.manifest_journal import FileJournal, Journal
from coldferry.plain import visible
from coldferry.progress import announce
from coldferry.verifying import read_back
from console.copying_line import ended_in_order, say
from providers.endpoints import (
    cloud_of,
    discard_attempt,
    look,
    open_source,
    open_target,
    same_disk,
)

Document = dict[str, Any]

_MIB = 1 << 20
_READER = "the target's own reader"
_WRITTEN = "this copy"


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    source: str
    target: str
    verify: bool = True
    as_json: bool = False


def asked(words: Sequence[str]) -> Asked | None:
    """What plain words ask for; None for all that the command line's own parser has to look at.

    Loading that parser takes longer than copying an empty disk.
    """
    options = {word for word in words if word.startswith("-")}
    places = [word for word in words if not word.startswith("-")]
    if len(places) != 2 or not options <= {"--json", "--verify", "--no-verify"}:
        return None
    if {"--verify", "--no-verify"} <= options:
        return None
    source, target = places
    return Asked(source, target, verify="--no-verify" not in options, as_json="--json" in options)


def carry_out(asked: Asked) -> int:
    """Copy, and say what it came to; the exit code."""
    try:
        document = copied(asked)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last net
        from console.output import ended

        return ended(error, as_json=asked.as_json)
    said = json.dumps(document, indent=2) if asked.as_json else visible(sentence(document))
    try:
        print(said, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # nobody reads on; the copy is done
            from console.output import unprinted

            return unprinted(error)
    return 0


@dataclass(frozen=True)
class Tuning:
    """What only measurements change: ``digest`` computes, and ``journal`` keeps, what proves."""

    digest: Digest = sha256
    journal: Callable[[Path], Journal] = FileJournal


def copied(asked: Asked, tuning: Tuning = Tuning()) -> Document:
    """The document that ``--json`` prints. Raises what ended the copy."""
    begun_s = time.monotonic()
    source, target = parse_source(asked.source), parse_target(asked.target)
    document = run(source, target, tuning, verify=asked.verify)
    document["seconds"] = round(time.monotonic() - begun_s, 3)
    document["peak_rss_bytes"] = peak_rss_bytes()
    return document


def run(source: Endpoint, target: Endpoint, tuning: Tuning, *, verify: bool) -> Document:
    """Copy, going on where an earlier run ended; what it came to.

    A target whose read-back differs is copied again once.
    """
    _refuse_same(source, target)
    with ended_in_order(_WRITTEN), opened(source, target) as state, open_source(source) as origin:
        if (document := _finished(state, origin, target, verify=verify)) is not None:
            return document
        limits = LimitsFile(home() / LIMITS)
        throttles = [[limits.cloud(cloud_of(end))] for end in (source, target)]
        carry = partial(_carry, state, origin, throttles=throttles, tuning=tuning, verify=verify)
        document = _attempt(state, origin, target, partial(carry, last=False))
        if document is None:
            document = _attempt(state, origin, target, partial(carry, last=True))
        assert document is not None  # the last try raises
        return document


def sentence(document: Document) -> str:
    """What it came to, for a person."""
    proof = document["proof"] or "not read back"
    root = document["manifest_root"][:16]
    said = (
        f"{document['target']}: {document['data_bytes'] / _MIB:.1f} MiB of data in "
        f"{document['size_bytes'] / _MIB:.1f} MiB; {document['sent_bytes'] / _MIB:.1f} MiB sent in "
        f"{document['seconds']:.1f} s; manifest root {root}; {proof}."
    )
    before = "It was finished before; nothing was sent. " if document["finished_before"] else ""
    return before + said


def peak_rss_bytes() -> int:
    """The most memory that this process had at once (``VmHWM`` of proc(5))."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _attempt(
    state: CopyState, origin: Source, target: Endpoint, carry: Callable[[Target], Document | None]
) -> Document | None:
    """None when what was written differs from the source: it is gone then."""
    fresh = _begin(state, origin, target)
    with open_target(target, origin.reader.size_bytes, state.attempt, fresh=fresh) as made:
        state.save()
        _spare_garbage()
        try:
            document = carry(made)
        except (CorruptCopy, DiskSealed) as error:
            made.discard()
            state.spoil()
            raise after_halt(error) from None
        except ColdferryError as error:
            raise after_halt(error) from None
        if document is None:
            made.discard()
            state.spoil()
        return document


def _carry(
    state: CopyState,
    origin: Source,
    made: Target,
    *,
    throttles: Sequence[Sequence[Throttle]],
    tuning: Tuning,
    verify: bool,
    last: bool,
) -> Document | None:
    reader, writer = origin.reader, made.writer
    about = Copy(origin.identity, writer.identity, reader.size_bytes)
    with Manifest(tuning.journal(state.manifest), about) as manifest:
        if isinstance(writer, ManifestCommitter):
            writer.rely_on(lambda: ever_put(manifest))
        copy_disk(
            reader,
            writer,
            manifest,
            device=_WRITTEN,
            on_progress=announce,
            reads=throttles[0],
            writes=throttles[1],
            digest=tuning.digest,
        )
        origin.check_unchanged()
        ref = writer.commit()
        root = manifest.root
        try:
            proof = _prove(made, manifest) if verify else None
        except CorruptCopy as altered:
            if last:
                raise
            say(f"{altered.what} It is copied again.")
            return None
        document = {
            "target": ref,
            "size_bytes": reader.size_bytes,
            "data_bytes": manifest.data_bytes,
            "sent_bytes": writer.sent_bytes,
            "requests": writer.requests,
            "manifest_root": root,
            "proof": proof,
            "finished_before": False,
        }
    state.finish({**document, "stamp": made.stamp(), "writer": writer.identity})
    made.publish()
    return document


def _prove(made: Target, manifest: Manifest) -> str:
    with made.read_back() as back:
        return read_back(back, manifest, _READER, device=_WRITTEN)[1].method


def _finished(
    state: CopyState, origin: Source, target: Endpoint, *, verify: bool
) -> Document | None:
    """What an earlier run came to, when source and target are as it left them."""
    if state.finished is None or state.source_identity != origin.identity:
        return None
    before = dict(state.finished)
    found = _look(state, target)
    if found is Found.GONE:
        return None
    about = Copy(origin.identity, before.pop("writer"), origin.reader.size_bytes)
    del before["stamp"]
    if (verify and not before["proof"]) or found is Found.UNTOLD:
        written = as_source(target, before["target"])
        try:
            before["proof"] = _prove_later(state, origin, written, about)
        except CorruptCopy as altered:
            if found is Found.UNTOLD:
                raise _changed(target) from None
            state.spoil()
            raise CorruptCopy(
                altered.what,
                "It is still there. The same command again copies it anew, in its place.",
            ) from None
        state.finish({**state.finished, "proof": before["proof"]})
    return {**before, "sent_bytes": 0, "requests": 0, "finished_before": True}


def _prove_later(state: CopyState, origin: Source, written: Endpoint, about: Copy) -> str:
    """Compare a finished target with its manifest; one that was lost is made from the source."""
    assert state.finished is not None
    with open_source(written) as back, Manifest(state.manifest, about) as manifest:
        if not manifest.complete or manifest.root != state.finished["manifest_root"]:
            say("The manifest is lost: the source is read again.")
            manifest.restart()
            copy_disk(origin.reader, _Sealed(about), manifest, on_progress=announce)
        return read_back(back.reader, manifest, _READER, device=_WRITTEN)[1].method


class _Sealed:
    """A :class:`coldferry.disk.DiskWriter` that takes nothing any more."""

    sealed = True
    sent_bytes = requests = 0

    def __init__(self, about: Copy) -> None:
        self.identity, self.size_bytes = about.writer, about.size_bytes
        self.limits = Limits(block_size_bytes=1, max_request_bytes=LEAF_BYTES, max_in_flight=8)

    def write(self, _offset: int, _view: memoryview) -> None:
        """Never called."""
        raise DiskSealed("The target was finished before.")

    def zero(self, _offset: int, _length: int) -> None:
        """Never called."""
        raise DiskSealed("The target was finished before.")

    def commit(self) -> str:
        """Never called."""
        raise DiskSealed("The target was finished before.")


def _begin(state: CopyState, origin: Source, target: Endpoint) -> bool:
    """Whether a new attempt was begun; what an earlier one left half written is removed."""
    same = state.source_identity == origin.identity
    if state.begun and state.finished is None and same:
        return False
    replaces = ""
    if state.begun:
        if not state.source_identity:
            say("What was written before is of no use: the copy begins anew.")
        elif not same:
            say("The source is not what it was when its copy was begun: the copy begins anew.")
        if state.finished is not None and _look(state, target) in (Found.AS_LEFT, Found.UNTOLD):
            replaces = state.finished["stamp"]
        discard_attempt(target, state.attempt, finished=state.finished is not None)
    state.begin(origin.identity, replaces)
    return True


def _look(state: CopyState, target: Endpoint) -> Found:
    """Raises Refused when somebody changed the finished target since."""
    assert state.finished is not None
    found = look(target, state.attempt, state.finished["stamp"])
    if found is Found.CHANGED:
        raise _changed(target)
    return found


def _changed(target: Endpoint) -> Refused:
    return Refused(
        f"{target.address} was changed since it was copied.",
        "Remove it to have it copied again, or name another target.",
    )


def _spare_garbage() -> None:
    """What is loaded by now stays: looking through it again and again costs 3 % of a copy."""
    gc.freeze()
    gc.set_threshold(50_000)


def _refuse_same(source: Endpoint, target: Endpoint) -> None:
    if same_disk(source, target):
        raise BadInput("SOURCE and TARGET are the same disk.", "Name another target.")
