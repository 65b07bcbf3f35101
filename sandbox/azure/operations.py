"""Long-running operations: accepted now, finished a moment later.

Source: "Asynchronous operations" of the ARM RPC contract. The answer carries
``Azure-AsyncOperation`` (a status document) and ``Location`` (202 until done,
then the result); the SDK may follow either.

Completion is noticed at the next request, so nothing runs in the background.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sandbox.azure.errors import ArmError


@dataclass
class Operation:
    """One accepted request: what is left to do, and how it went."""

    due_s: float
    finish: Callable[[], dict[str, Any] | None]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    status: str = "InProgress"
    output: dict[str, Any] | None = None
    error: ArmError | None = None

    def document(self) -> dict[str, Any]:
        """The status document that ``Azure-AsyncOperation`` answers."""
        found: dict[str, Any] = {"name": self.id, "startTime": self.started, "status": self.status}
        if self.status == "Succeeded" and self.output is not None:
            found["properties"] = {"output": self.output}
        if self.error is not None:
            found["error"] = self.error.error()
        return found


class Operations:
    """All operations of one server; the caller holds the server's lock."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self._all: dict[str, Operation] = {}
        self._pending: list[Operation] = []

    def begin(self, finish: Callable[[], dict[str, Any] | None]) -> Operation:
        """Accept one; ``finish`` is called when its time has come and may raise ArmError."""
        operation = Operation(time.monotonic() + self.delay_s, finish)
        self._all[operation.id] = operation
        self._pending.append(operation)
        return operation

    def find(self, operation_id: str) -> Operation | None:
        """The operation with that id."""
        return self._all.get(operation_id)

    def settle(self) -> None:
        """Finish what is due, in the order of arrival."""
        now_s = time.monotonic()
        due = [operation for operation in self._pending if operation.due_s <= now_s]
        for operation in due:
            self._pending.remove(operation)
            try:
                operation.output = operation.finish()
            except ArmError as refusal:
                operation.status, operation.error = "Failed", refusal
            else:
                operation.status = "Succeeded"
