"""Reading back what was uploaded: an independent look at the target's own copy.

Pages: "Get Page Ranges", "Get Blob" (206 and Content-Range for a range),
"Download a Linux VHD from Azure" (read access ends with endGetAccess).
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from coldferry.errors import BadInput, ColdferryError, CorruptCopy
from coldferry.plan import Plan
from providers.azure import disks, vhd
from providers.azure.client import Arm
from providers.azure.disk_bytes import disk_bytes
from providers.azure.ids import last
from providers.azure.kinds import DISK
from providers.azure.page_reader import PageReader


class UploadedReader(PageReader):
    """The disk as the description knows it: padding and footer are hidden."""

    def check_padding(self) -> None:
        """Raises CorruptCopy unless everything between the disk's end and the footer is zero."""
        padding = bytearray(vhd.padded_bytes(self.size_bytes) - self.size_bytes)
        self.fill(self.size_bytes, memoryview(padding))
        if any(padding):
            raise CorruptCopy(
                f"The {self.blob.place.subject} is not zero behind byte {self.size_bytes}, where "
                "the source's disk ends.",
                "Run the same command again: the disk was discarded and is copied anew.",
            )


@contextmanager
def open_written(arm: Arm, plan: Plan, ref: str) -> Iterator[PageReader]:
    """Read back a committed disk of the plan; leaving ends the access, also after an error.

    Raises Conflict when the disk is not this migration's, CorruptCopy when the
    padding is not zero.
    """
    name = last(ref)
    device = next((d for d in plan.devices if plan.object_name(d.name) == name), None)
    if device is None:
        raise BadInput(f"'{name}' is no disk of migration {plan.migration}.")
    disks.find_ours(arm, plan.migration, name)
    reader = UploadedReader(disk_bytes(arm, name, "Read"), device.disk.size_bytes)
    try:
        reader.check_padding()
        yield reader
    except BaseException:
        # The first error counts; that the access did not end is found by discard.
        with suppress(ColdferryError):
            arm.revoke(DISK, name)
        raise
    else:
        arm.revoke(DISK, name)
    finally:
        reader.blob.close()
