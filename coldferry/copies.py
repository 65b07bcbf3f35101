"""What is kept of one disk's copy, so that the same command again goes on with it.

A folder of the home, named by a digest of where the copy goes from and to: the
manifest, and a small JSON document. Neither holds a signature.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from coldferry.endpoints import Attempt, Endpoint
from coldferry.errors import Conflict
from coldferry.home import folder, locked, private

_VERSION = 1


class CopyState:
    """One copy's state; :func:`opened` makes sure that nobody else has it."""

    def __init__(self, place: Path, source: Endpoint, target: Endpoint) -> None:
        self.manifest = place / "manifest"
        self._path = place / "state.json"
        self._source, self._target = source.address, target.address
        self.attempt = Attempt("")
        self.source_identity = ""
        self.finished: dict[str, Any] | None = None
        """What the copy came to, with ``ref`` and ``stamp`` of its target."""

        self._read()

    @property
    def begun(self) -> bool:
        """An attempt is under way or over."""
        return bool(self.attempt.key)

    def begin(self, source_identity: str, replaces: str = "") -> None:
        """A new attempt, in the place of a finished one's target with that stamp."""
        self.attempt = Attempt(secrets.token_hex(8), replaces=replaces)
        self.source_identity = source_identity
        self.finished = None
        self.manifest.unlink(missing_ok=True)
        self.save()

    def spoil(self) -> None:
        """What was written is of no use: the next run begins anew."""
        self.source_identity = ""
        self.save()

    def finish(self, document: dict[str, Any]) -> None:
        """All is done; the same command again says so."""
        self.finished = document
        self.save()

    def save(self) -> None:
        """Durable once returned; a crash leaves the one or the other."""
        said = {
            "version": _VERSION,
            "source": self._source,
            "target": self._target,
            "source_identity": self.source_identity,
            "attempt": self.attempt.key,
            "notes": self.attempt.notes,
            "replaces": self.attempt.replaces,
            "finished": self.finished,
        }
        fresh = self._path.with_suffix(".new")
        with open(fresh, "w", opener=private) as file:
            json.dump(said, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def _read(self) -> None:
        try:
            if not self._path.is_file():  # a pipe would never end
                return
            said = json.loads(self._path.read_text())
            if said["version"] != _VERSION:
                return
            attempt = Attempt(str(said["attempt"]), dict(said["notes"]), str(said["replaces"]))
            self.source_identity = str(said["source_identity"])
            self.finished = said["finished"]
            self.attempt = attempt
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return  # none, or a torn one: the copy begins anew


@contextmanager
def opened(source: Endpoint, target: Endpoint) -> Iterator[CopyState]:
    """The state of a copy, for this run alone. Raises Conflict while another run has it."""
    words = json.dumps([source.address, target.address]).encode()
    place = folder("copies") / hashlib.sha256(words).hexdigest()[:32]
    place.mkdir(exist_ok=True, mode=0o700)
    with ExitStack() as held:
        try:
            held.enter_context(locked(place / "lock", wait=False))
        except BlockingIOError:
            raise Conflict(
                f"Another run on this machine is copying {source.address} to {target.address}.",
                "Wait for it, or end it; then run the same command again.",
            ) from None
        yield CopyState(place, source, target)
