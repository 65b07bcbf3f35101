"""The process that reads a guest's bytes, forked from one that has imported all that it needs.

Its imports are most of what a look costs. What is forked has the same modules, the same clean
environment and the same limits as a child that is started; ``test_guest_parent`` starts them.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import NoReturn

from coldferry.guest import child, parent

MIB = 1 << 20


@dataclass(frozen=True)
class Cost:
    """What one look took: the child's processor time, and its largest memory."""

    cpu_s: float
    peak_bytes: int


class Forked:
    """As a :class:`subprocess.Popen` of the child; what it cost is known once it has ended."""

    cost: Cost

    def __init__(self, line: socket.socket) -> None:
        self._seed, others = _seed(), [line.fileno()]
        socket.send_fds(self._seed, [b"f"], others)
        pid, *_ = self._heard()
        self._process = os.pidfd_open(pid)
        self._seed.sendall(b"r")  # only now may it be reaped, so that the number is no other's
        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, negative by a signal."""
        if self._code is None:
            if not select.select([self._seed], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("child", timeout or 0)
            status, cpu_s, peak_kib = self._heard()
            self._code = os.waitstatus_to_exitcode(int(status))
            self.cost = Cost(cpu_s, int(peak_kib) << 10)
            os.close(self._process)
        return self._code

    def kill(self) -> None:
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def _heard(self) -> list[float]:
        told = self._seed.recv(4096)
        assert told, "the process that is forked is gone"
        numbers: list[float] = json.loads(told)
        return numbers


@cache
def _seed() -> socket.socket:
    """The line to it; it ends when this process does."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, "-P", "-s", "-m", __name__, str(theirs.fileno())],
            env=parent._ENVIRONMENT,
            cwd=os.sep,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    return ours


def _serve(line: socket.socket) -> None:
    for parser in child._PARSERS:
        importlib.import_module(parser)
    while True:
        asked, descriptors, *_ = socket.recv_fds(line, 1, 1)
        if not asked:
            return
        pid = os.fork()
        if pid == 0:
            line.close()
            _become_child(descriptors[0])
        os.close(descriptors[0])
        line.sendall(json.dumps([pid]).encode())
        line.recv(1)
        _, status, used = os.wait4(pid, 0)
        told = [status, used.ru_utime + used.ru_stime, used.ru_maxrss]
        line.sendall(json.dumps(told).encode())


def _become_child(descriptor: int) -> NoReturn:
    sys.argv[1:] = [str(descriptor)]
    code = 1
    try:
        child.main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
