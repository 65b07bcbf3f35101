"""The way back: only what bears the migration's tag is removed."""

from coldferry.errors import Refused
from coldferry.ports import Owned
from tasks.clouds import Cloud
from tasks.steps import step


@step("discard")
def discard(target: Cloud, migration: str, *, discard_used: bool) -> list[Owned]:
    """Remove what the migration made at the target.

    Raises Refused when the new machine ran since its proof, unless told to
    throw away what it wrote.
    """
    cloud = target.target()
    if not discard_used and cloud.started_since_proof(migration):
        raise Refused(
            f"The machine that {migration} made was started after its proof: "
            "its disks may hold data that is nowhere else.",
            "Save that data, then give --discard-used to remove it all the same.",
        )
    return cloud.discard(migration)


@step("release")
def release(source: Cloud, migration: str) -> list[Owned]:
    """Delete the frozen disks at the source."""
    return source.source().release(migration)
