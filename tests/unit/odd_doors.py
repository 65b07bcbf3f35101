"""``coldferry describe`` and ``plan`` of many documents in one process of their own.

``python -m tests.unit.odd_doors FILE`` takes JSON: for each document the commands' words, of
which the second is given when the first went well. It prints, a line each, how each ended, how
long it took, and the most memory that the process ever had.
"""

import io
import json
import signal
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from types import FrameType

MOST_S = 10


def main() -> None:
    """Run them all; one that takes too long is ended, and says so."""
    from console.commands import app

    def late(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError("too long")

    signal.signal(signal.SIGALRM, late)
    for commands in json.loads(Path(sys.argv[1]).read_text()):
        code, said, took_s = 0, "", 0.0
        for words in commands:
            out, began = io.StringIO(), time.monotonic()
            signal.alarm(MOST_S)
            with redirect_stdout(out):
                code = app([*words, "--json"], standalone_mode=False)
            signal.alarm(0)
            took_s, said = max(took_s, time.monotonic() - began), out.getvalue()
            if code:
                break
        ended = [words[0], code, json.loads(said), took_s, _most_bytes()]
        sys.stdout.write(f"{json.dumps(ended)}\n")


def _most_bytes() -> int:
    """Of this program: what getrusage tells is also of the process that it was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


if __name__ == "__main__":
    main()
