"""One command as a whole process: wall, CPU and peak memory, children included.

Wall is from just before the start to the end, by the monotonic clock; CPU and
memory are the kernel's own account of the process and its children (``wait4``).
Linux counts what a child shared with its parent before it became the program:
so nothing here may be large, or a small command is told the rig's memory.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from benchmarks.errors import Misfit, Missing

TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Run:
    """What one process took. ``killed`` is the signal that ended it, or 0."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    code: int
    out: str
    err: str


def run(
    words: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    *,
    kill_when: "threading.Event | None" = None,
) -> Run:
    """Start it in a process group of its own and wait for its end.

    ``environment`` is added to this process's, from which accounts, endpoints and
    proxies are left out. When ``kill_when`` is set, the
    group is killed (SIGKILL). Raises Missing when it cannot be started and Misfit when
    it is still there after an hour.
    """
    out, err = folder / "stdout", folder / "stderr"
    with out.open("w") as to_out, err.open("w") as to_err:
        begun = time.monotonic()
        process = _started(words, environment, to_out, to_err)
        ended = threading.Event()
        late = threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, ended, late, kill_when))
        watch.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process.pid)
            raise
        finally:
            wall_s = time.monotonic() - begun
            ended.set()
            watch.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        raise Misfit(f"'{words[0]}' did not end in {TIMEOUT_S:.0f} s.", f"See {err}.")
    return Run(
        wall_s,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss * 1024,
        process.returncode,
        out.read_text(errors="replace"),
        err.read_text(errors="replace"),
    )


def _started(
    words: Sequence[str | Path], environment: Mapping[str, str], out: TextIO, err: TextIO
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=_neutral() | dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise Missing(f"{words[0]} cannot be started ({error.strerror}).", "Install it.") from None


_PERSONAL = ("AWS_", "AZURE_", "AZCOPY_", "COLDFERRY_", "PREFECT_")
_COMPILING = "PYTHONDONTWRITEBYTECODE"
"""With it a Python that was not compiled yet is compiled anew at each start: 0.35 s of CPU for the
SDK of AWS, which is neither the copy's cost nor that of an installation."""


def _neutral() -> dict[str, str]:
    """This process's environment without anybody's accounts, endpoints, proxies and habits."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_PERSONAL)
        and not name.lower().endswith("_proxy")
        and name != _COMPILING
    }


def _watch(
    pid: int, ended: threading.Event, late: threading.Event, kill_when: threading.Event | None
) -> None:
    """Until it ended: look every 20 ms whether it is to be killed, and whether time is up."""
    until = time.monotonic() + TIMEOUT_S
    while not ended.wait(0.02 if kill_when else 1.0):
        if kill_when and kill_when.is_set():
            _kill(pid)
            return
        if time.monotonic() > until:
            late.set()
            _kill(pid)
            return


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
