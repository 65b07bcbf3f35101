"""The sizes of a VHD that Azure takes ("Upload a VHD to Azure": whole MiB, 20 at least)."""

from coldferry.vhd import FOOTER_BYTES, footer

__all__ = ["FOOTER_BYTES", "MIB", "SMALLEST_BYTES", "footer", "padded_bytes"]

MIB = 1 << 20
SMALLEST_BYTES = 20 * MIB
"""The least that a direct upload takes, without the footer."""


def padded_bytes(size_bytes: int) -> int:
    """The size an Azure disk gets: whole MiB, 20 at least."""
    return max(SMALLEST_BYTES, -(-size_bytes // MIB) * MIB)
