"""Progress on stderr while a migration runs: steps as lines, copies as bars on a terminal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from coldferry import progress
from coldferry.plain import plain
from console.output import aside


@contextmanager
def watching() -> Iterator[None]:
    """Show what happens inside."""
    bars = Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=aside,
        disable=not aside.is_terminal,
    )
    known: dict[str, TaskID] = {}

    def moved(device: str, done_bytes: int, total_bytes: int) -> None:
        if device not in known:
            known[device] = bars.add_task(device, total=total_bytes)
        bars.update(known[device], completed=done_bytes, total=total_bytes)

    def began(step: str) -> None:
        aside.print(f"- {plain(step, 400)}")

    progress.watch(moved)
    progress.watch_steps(began)

    def interrupted(_number: int, _frame: object) -> None:
        progress.end()  # threads that copy cannot be cancelled: they ask
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        with bars:
            yield
    finally:
        signal.signal(signal.SIGINT, before)
        progress.unwatch(moved)
        progress.unwatch_steps(began)
