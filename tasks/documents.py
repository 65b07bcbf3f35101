"""Block documents that we write ourselves, from several runs at once."""

import asyncio

from prefect.blocks.core import Block
from prefect.exceptions import ObjectAlreadyExists

_PATIENCE_S = (0.1, 0.5, 2.0)


async def register(kind: type[Block]) -> None:
    """Tell the server of a type of blocks, unless it knows it.

    Prefect looks whether the type is there and then makes it: of two first
    writers one is told that it exists, and has only to look again.
    """
    for patience_s in _PATIENCE_S:
        try:
            await kind.aregister_type_and_schema()
        except ObjectAlreadyExists:
            await asyncio.sleep(patience_s)
        else:
            return
    await kind.aregister_type_and_schema()
