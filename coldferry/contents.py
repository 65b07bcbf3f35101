"""What is on a machine's disks, in numbers: what is allocated, and what copying it takes."""

from pydantic import BaseModel, ConfigDict


class Traffic(BaseModel):
    """Bytes and requests: read at the source, sent to the target, and read back from there."""

    model_config = ConfigDict(frozen=True)

    read_bytes: int = 0
    reads: int = 0
    sent_bytes: int = 0
    writes: int = 0
    back_bytes: int = 0
    back_reads: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        ours, theirs = self.model_dump(), other.model_dump()
        return Traffic(**{name: ours[name] + theirs[name] for name in ours})

    def times(self, number: int) -> "Traffic":
        """So many of these, one beside the other."""
        return Traffic(**{name: value * number for name, value in self.model_dump().items()})


class DiskContent(BaseModel):
    """One device: what is allocated of it, in how many stretches, and what its copy takes.

    ``listed`` says that a provider listed it; otherwise the whole disk counts
    as allocated, which is a ceiling. ``as_of`` (ISO 8601) says that it was
    listed of an older state: what was written since comes on top.
    """

    model_config = ConfigDict(frozen=True)

    device: str
    size_bytes: int
    allocated_bytes: int
    stretches: int
    traffic: Traffic
    listed: bool = True
    as_of: str = ""
