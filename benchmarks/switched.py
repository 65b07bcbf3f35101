"""``coldferry copy`` without what proves, to measure what that costs; only here can it be left out.

Run as a script with the same words. ``COLDFERRY_BENCH_NO_DIGEST`` leaves the
digests out, and the root with them; ``COLDFERRY_BENCH_NO_MANIFEST`` keeps no
record of what was copied.
"""

import json
import os
import sys
from pathlib import Path

from coldferry.content import sha256
from coldferry.manifest_journal import FileJournal
from console.copying import Tuning, asked, copied

NO_DIGEST = "COLDFERRY_BENCH_NO_DIGEST"
NO_MANIFEST = "COLDFERRY_BENCH_NO_MANIFEST"
_NONE = bytes(32)


class Forgetful:
    """A :class:`coldferry.manifest_journal.Journal` that keeps nothing."""

    sync_leaves = FileJournal.sync_leaves

    def __init__(self, path: Path) -> None:
        self.name = str(path)

    def append(self, data: bytes) -> None:
        """Forget it."""

    def sync(self) -> None:
        """There is nothing to keep."""

    def read(self, _offset: int, _length: int) -> bytes:
        """Nothing was kept."""
        return b""

    def truncate(self, length: int) -> None:
        """There is nothing to cut off."""

    def close(self) -> None:
        """There is nothing to close."""


def undigested(_leaf: memoryview, _zero_grains: int) -> bytes:
    """What stands where a digest would."""
    return _NONE


def main() -> None:
    """Copy as the words ask for, and print the same JSON."""
    without = {name for name in (NO_DIGEST, NO_MANIFEST) if os.environ.get(name)}
    wanted = asked(sys.argv[1:])
    if wanted is None or not wanted.as_json or wanted.verify or not without:
        raise SystemExit("switched: SOURCE TARGET --json --no-verify, and a switch is set")
    document = copied(
        wanted,
        Tuning(
            digest=undigested if NO_DIGEST in without else sha256,
            journal=Forgetful if NO_MANIFEST in without else FileJournal,
        ),
    )
    print(json.dumps({**document, "manifest_root": ""}))


if __name__ == "__main__":
    main()
