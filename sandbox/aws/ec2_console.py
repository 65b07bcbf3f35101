"""GetConsoleOutput: what QEMU prints when it starts an instance's volumes.

moto has one text for all. QEMU starts once somebody asks for the console of an instance that runs:
most here hold no system, and nobody listens to them. Sources: GetConsoleOutput of the EC2 API
reference (the latest output needs the Nitro hypervisor; else what was posted shortly after the
last start or stop; 64 KB at most; Base64). The refusal's code is known from reports, its words are
not documented.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.responses import EC2Response

from sandbox.aws.patching import replace
from sandbox.aws.store import BLOCK_SIZE_BYTES, Block
from sandbox.aws.world import current

_MOST_BYTES = 64 * 1024
_GIB = 1 << 30


@dataclass(frozen=True)
class _Stored:
    """A volume as it was at one moment."""

    size_gib: int
    blocks: Mapping[int, Block]

    def save(self, image: Path) -> None:
        """See ``StoredDisk.save``."""
        with image.open("wb") as file:
            file.truncate(self.size_gib * _GIB)
            for index, block in self.blocks.items():
                file.seek(index * BLOCK_SIZE_BYTES)
                file.write(block.data)


def get_console_output(self: Any) -> ActionResult:
    """Of an instance that is off, what it said before; "" where nobody asked then."""
    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    latest = bool(self._get_param("Latest"))
    if latest and INSTANCE_TYPES.get(instance.instance_type, {}).get("Hypervisor") != "nitro":
        message = "This instance does not support retrieving the latest console logs."
        raise EC2ClientError("UnsupportedOperation", message)
    runs = instance.state == "running"
    text = _said(self.ec2_backend, instance, runs=runs)
    if runs and not latest:
        text = ""  # nothing is posted between its start and its next change
    result = {"InstanceId": instance.id, "Timestamp": utcnow()}
    if text:
        result["Output"] = base64.b64encode(text.encode()[-_MOST_BYTES:]).decode()
    return ActionResult(result)


def cut(instance: Any) -> None:
    """Its power goes, and what it said stays."""
    current().consoles.stop(_word(instance))


def _said(backend: Any, instance: Any, *, runs: bool) -> str:
    if not instance.architecture.startswith("x86_64"):
        return f"This sandbox has no hypervisor, and started nothing: {instance.architecture}.\n"
    consoles, word = current().consoles, _word(instance)
    if runs and not consoles.started(word):
        uefi = instance.current_instance_boot_mode == "uefi"
        consoles.start(word, _disks(backend, instance), "uefi" if uefi else "bios")
    return consoles.text(word)


def _word(instance: Any) -> str:
    """A console for each start: a new one begins empty."""
    return f"{instance.id} {instance.launch_time}"


def _disks(backend: Any, instance: Any) -> list[_Stored]:
    """Its volumes, the root first; then in the order of their places."""
    placed = sorted(
        instance.get_block_device_mapping,
        key=lambda row: (row[0] != instance.root_device_name, row),
    )
    volumes = [backend.get_volume(attached.volume_id) for _, attached in placed]
    return [_Stored(int(one.size), current().store.content(one.id)) for one in volumes]


replace(EC2Response, "get_console_output", get_console_output)
