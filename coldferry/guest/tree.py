"""The files of a guest, as all that looks at them sees them."""

from typing import Protocol

FILE_BYTES = 1 << 20
"""As much of a file as is read when nobody says otherwise: more than any setting's file is long."""


class Tree(Protocol):
    """The files of one file system, read only; paths are absolute, ``/``-separated.

    Nothing here follows a link: :class:`coldferry.guest.mounted.Mounted` does,
    and never leaves the guest. Case counts where the file system says so. A
    name that cannot be read, or that a damaged file system hides, is not there.
    """

    kind: str
    """``ext4``, ``xfs``, ``vfat``, ``ntfs``, …"""
    uuid: str
    """As fstab writes it; empty when there is none."""
    label: str
    """Empty when there is none."""

    def read(self, path: str, limit_bytes: int = FILE_BYTES, offset: int = 0) -> bytes | None:
        """At most ``limit_bytes`` of a plain file from ``offset``; None when it is none."""

    def names(self, path: str) -> list[str]:
        """What is in a folder, without ``.`` and ``..``; empty when it is none."""

    def link(self, path: str) -> str | None:
        """Where a symbolic link points, as it is written there; None when it is none."""
