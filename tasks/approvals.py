"""Approvals outlive the run they were given in: a rerun of an unchanged plan never asks again.

Each is a block document named after its migration, so that every worker of the
same Prefect API finds it.
"""

from typing import Any, ClassVar, cast

from prefect.blocks.core import Block

from coldferry.approval import Approval
from tasks.documents import register


class ApprovalRecord(Block):
    """What was approved for one migration."""

    _block_type_name: ClassVar[str | None] = "Coldferry approval"
    _block_type_slug: ClassVar[str | None] = "coldferry-approval"
    _description: ClassVar[str | None] = "Written when a plan is approved; not made by hand."

    approval: dict[str, Any]


async def recall(migration: str) -> Approval | None:
    """The approval given for a migration, if any."""
    try:
        record = cast("ApprovalRecord", await ApprovalRecord.aload(migration))
    except ValueError:  # Prefect's word for "no such document"
        return None
    return Approval.model_validate(record.approval)


def recall_now(migration: str) -> Approval | None:
    """The same for a flow that is not asynchronous."""
    try:
        record = cast("ApprovalRecord", ApprovalRecord.load(migration))
    except ValueError:
        return None
    return Approval.model_validate(record.approval)


async def remember(approval: Approval) -> None:
    """Keep it; a later one for the same migration takes its place."""
    await register(ApprovalRecord)
    record = ApprovalRecord(approval=approval.model_dump(mode="json"))
    await record.asave(approval.migration, overwrite=True)
