"""A disk's page blob behind a SAS that may end at any moment, and requests that may fail.

Every request goes through :meth:`DiskBytes.call`: transient failures are tried
again a few times with growing, jittered pauses; a refused SAS is renewed once
by whichever thread notices first. The SDK's own retries are off, so that each
attempt can be counted.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from coldferry.errors import Denied, Transient
from providers.azure.client import Arm
from providers.azure.failures import Deed
from providers.azure.kinds import DISK, Kind

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

T = TypeVar("T")

REQUEST_BYTES = 4 << 20
"""The most a Put Page takes ("Put Page", Blob service REST API)."""

IN_FLIGHT = 8
"""Requests at once for one disk: a disk's own cap is 60 to 500 MiB/s, four to eight reach it."""

_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
_LONGEST_ASKED_S = 15.0


class DiskBytes:
    """Access to one disk's bytes; ``level`` is ``Read`` or ``Write``. Thread-safe."""

    def __init__(self, arm: Arm, name: str, level: str, kind: Kind = DISK) -> None:
        self._arm = arm
        self._kind = kind
        self._name = name
        self._level = level
        self._lock = threading.Lock()
        self._blob: BlobClient | None = None

    def call(self, doing: str, request: Callable[["BlobClient"], T]) -> T:
        """Run one idempotent request; raises what ``client`` makes of its last failure."""
        pauses = list(_PAUSES_S)
        renewed = False
        while True:
            blob = self._client()
            deed = Deed(
                doing, f"{self._kind.word} '{self._name}'",
                f"{self._kind.arm_type}/beginGetAccess/action", urlsplit(blob.url).netloc,
            )  # fmt: skip
            try:
                with self._arm.speaking(deed):
                    return request(blob)
            except Denied:
                if renewed:
                    raise
                renewed = True
                self._forget(blob)
            except Transient as failure:
                asked_s = failure.retry_after_s or 0
                if not pauses or asked_s > _LONGEST_ASKED_S:
                    raise
                time.sleep(max(asked_s, pauses.pop(0) * random.uniform(0.7, 1.3)))  # noqa: S311

    def close(self) -> None:
        """Close connections; the access itself stays."""
        with self._lock:
            if self._blob is not None:
                self._blob.close()
                self._blob = None

    def _client(self) -> "BlobClient":
        with self._lock:
            if self._blob is None:
                # A second grant does not end the first: no revoke, which would seal an upload.
                sas = self._arm.grant(self._kind, self._name, self._level)
                self._blob = self._arm.page_blob(sas)
            return self._blob

    def _forget(self, refused: "BlobClient") -> None:
        """Have the next caller ask for a new SAS, unless another thread did so already."""
        with self._lock:
            if self._blob is refused:
                self._blob = None
