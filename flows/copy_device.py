"""Bring one disk's bytes from a frozen source to the target."""

import asyncio

from prefect import flow

from coldferry.plan import Plan
from coldferry.ports import FrozenDisk
from tasks.clouds import Cloud
from tasks.moving import CopiedDevice, copy
from tasks.progressing import shown


@flow(
    name="copy-device",
    flow_run_name="{frozen.device.name} of {plan.migration}",
    validate_parameters=False,
    persist_result=False,
)
async def copy_device(source: Cloud, target: Cloud, plan: Plan, frozen: FrozenDisk) -> CopiedDevice:
    """Copy one device; what it answers names device and migration, for the parent to assert."""
    async with shown(frozen.migration, frozen.device.name):
        return await asyncio.to_thread(copy, source, target, plan, frozen)
