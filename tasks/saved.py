"""Every cloud that is saved at this Prefect API."""

from typing import cast

from prefect.client.orchestration import get_client

from tasks.clouds import SLUG, Cloud


async def saved_clouds() -> tuple[dict[str, Cloud], list[str]]:
    """The clouds by their blocks' full names, and the names of those whose settings are none.

    Prefect's API takes any settings.
    """
    async with get_client() as client:
        names = [str(one.name) for one in await client.read_block_documents_by_type(SLUG)]
    saved, broken = dict[str, Cloud](), list[str]()
    for name in sorted(names):
        try:
            saved[f"{SLUG}/{name}"] = cast("Cloud", await Cloud.aload(name))
        except RuntimeError:  # Prefect's word for settings that do not validate
            broken.append(f"{SLUG}/{name}")
    return saved, broken
