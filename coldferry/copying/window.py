"""The memory that copies may hold: buffers that are used again, so many bytes in all."""


class Window:
    """Buffers of a process. Not locked: its user is.

    They are kept: freed and made again by many threads they left holes in the
    heap, 177 to 212 MiB where sixteen disks need 138.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._left_bytes = limit_bytes
        self._free: dict[int, list[bytearray]] = {}

    def take(self, length: int) -> bytearray | None:
        """A buffer of ``length`` bytes, of any content; None while too much is in use."""
        if held := self._free.get(length):
            return held.pop()
        for other in sorted(self._free, reverse=True):
            while self._left_bytes < length and self._free[other]:
                self._left_bytes += len(self._free[other].pop())
        if self._left_bytes < length:
            return None
        self._left_bytes -= length
        return bytearray(length)

    def give(self, buffer: bytearray) -> None:
        """Let others use it."""
        self._free.setdefault(len(buffer), []).append(buffer)

    def forget(self, length: int) -> None:
        """A buffer whose user hangs is not waited for: its room is given to others."""
        self._left_bytes += length
