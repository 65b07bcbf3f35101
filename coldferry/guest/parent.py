"""Starting the child, answering it, and taking its document with care.

Its death, its silence and its nonsense are findings, never exceptions; only
what the provider raises while it reads goes on to the caller.
"""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

import coldferry
from coldferry.errors import Finding
from coldferry.guest import wire
from coldferry.guest.evidence import MOST_FINDINGS, Inspection
from coldferry.guest.question import Question
from coldferry.guest.ranges import BUDGET_BYTES, Ranges, Spent
from coldferry.ports import DiskReader

WALL_S = 30.0
"""For the child's own work, on however busy a machine; waiting for the provider is not counted."""

_EXIT_S = 1.0

_ROOT = Path(coldferry.__file__).resolve().parents[1]


class Child(Protocol):
    """What is asked of the process that reads."""

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, as :class:`subprocess.Popen` says it."""

    def kill(self) -> None:
        """End it, if it has not ended."""


def start_child(line: socket.socket) -> "subprocess.Popen[bytes]":
    """The process that reads; it answers at the other end of ``line``."""
    number = line.fileno()
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-s", "-m", "coldferry.guest.child", str(number)],
        env=_ENVIRONMENT,
        cwd=os.sep,
        pass_fds=[number],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def look_at(
    question: Question,
    readers: Sequence[DiskReader],
    *,
    budget_bytes: int = BUDGET_BYTES,
    start: Callable[[socket.socket], Child] = start_child,
) -> tuple[Inspection, int]:
    """What the child found, and how many bytes it cost at the provider."""
    ranges = Ranges(readers, budget_bytes)
    conversation = Conversation(ranges, WALL_S)
    ours, theirs = socket.socketpair()
    with ours:
        child = start(theirs)
        theirs.close()
        try:
            conversation.hold(ours, question)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_EXIT_S)
        finally:
            child.kill()
            code = child.wait()
    return conversation.outcome(code), ranges.fetched_bytes


_ENVIRONMENT = {
    "PYTHONPATH": str(_ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "LANG": "C.UTF-8",
    "PYDANTIC_DISABLE_PLUGINS": "1",  # looking for them costs a fifth of its start
}
"""All that the child is told of this one: no credential, no proxy, no home."""


class Conversation:
    """What has been said so far."""

    def __init__(self, ranges: Ranges, wall_s: float) -> None:
        self._ranges = ranges
        self._left_s = wall_s
        self._document: bytes | None = None
        self._step = "the disks"
        self._ended = False
        self._why = ""

    def hold(self, line: socket.socket, question: Question) -> None:
        """Until the child is done, gone, or out of time. Raises what the provider raises."""
        try:
            line.settimeout(self._left_s)
            wire.send(line, wire.QUESTION, question.model_dump_json().encode())
            while not self._ended:
                begun = time.monotonic()
                heard = wire.receive(line, begun + self._left_s)
                self._left_s -= time.monotonic() - begun
                if heard is None:
                    return
                line.settimeout(max(self._left_s, 1.0))
                self._heed(line, *heard)
        except TimeoutError:
            self._why = "reading it took too long"
        except (wire.Nonsense, IndexError):
            self._why = "what read it made no sense"
        except (BrokenPipeError, ConnectionResetError):
            return

    def outcome(self, exit_code: int) -> Inspection:
        """The last whole document, and a finding where it did not come to its end."""
        found, lost = Inspection(), self._ended
        if self._document is not None:
            try:
                found, lost = Inspection.model_validate_json(self._document), False
            except ValidationError:
                lost = True
        if self._ended and not lost:
            return found
        why = self._why or (
            "what read it made no sense"
            if lost
            else f"what read it was ended ({_ending(exit_code)})"
        )
        finding = Finding(
            "inform",
            "unreadable-filesystem",
            self._step,
            f"{self._step} could not be read whole: {why}.",
            "It is damaged, or made to break what reads it. It is copied all the same; look there "
            "by hand for what this plan could not see.",
        )
        kept = found.findings[: MOST_FINDINGS - 1]
        return found.model_copy(update={"findings": (*kept, finding)})

    def _heed(self, line: socket.socket, letter: bytes, told: bytes) -> None:
        if letter == wire.RANGE:
            wanted = wire.Range.unpack(told)
            if not 0 < wanted.length <= wire.MAX_RANGE_BYTES:
                raise wire.Nonsense
            try:
                answer = self._ranges.read(wanted.disk, wanted.offset, wanted.length)
            except Spent:
                wire.send(line, wire.REFUSED)
            else:
                wire.send(line, wire.GIVEN, answer)
        elif letter == wire.STEP and told:
            self._step = told.decode("utf-8", "replace")
        elif letter == wire.STEP:
            self._ended = True
        elif letter == wire.DOCUMENT:
            self._document = told
        else:
            raise wire.Nonsense


def _ending(exit_code: int) -> str:
    """Signals 24 and 9 are the kernel's words for too much processor time."""
    if exit_code in (-24, -9):
        return "it took too long"
    return "it wanted too much memory" if exit_code in (-6, wire.OUT_OF_MEMORY) else "it crashed"
