"""Having people told: the automations of ``deployments/``, with a notification block of theirs."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from coldferry.errors import UnknownBlock
from coldferry.plain import plain
from console.managing import Json
from console.output import Outcome, command
from console.prefect_server import use_server

_FILE = Path(__file__).parent.parent / "deployments" / "notifications.yaml"
_PLACE = "BLOCK_ID"


@command
def notify(
    block: Annotated[
        str,
        typer.Argument(
            metavar="BLOCK", help="A saved notification block: custom-webhook/NAME, slack-webhook/…"
        ),
    ],
    json: Json = False,
) -> Outcome:
    """Tell people of runs that wait, failed or are done; again with another block, by that one."""
    use_server()
    document = {"block": block, "automations": asyncio.run(_give(block))}
    return Outcome(document, lambda out: _show(out, document))


async def _give(block: str) -> list[dict[str, str]]:
    """Make each automation, or put it right where there is one of its name."""
    import yaml
    from prefect.client.orchestration import get_client
    from prefect.events.schemas.automations import AutomationCore
    from prefect.exceptions import ObjectNotFound

    kind, _, name = block.partition("/")
    given = []
    async with get_client() as client:
        try:
            saved = await client.read_block_document_by_name(name, kind)
        except ObjectNotFound:
            raise UnknownBlock(
                f"There is no block {block}.",
                "Save it in the UI under Blocks, and give it as TYPE/NAME, such as "
                "custom-webhook/NAME.",
            ) from None
        text = _FILE.read_text().replace(_PLACE, str(saved.id))
        for one in yaml.safe_load(text)["automations"]:
            asked = AutomationCore.model_validate(one)
            held = await client.read_automations_by_name(asked.name)
            if held:
                await client.update_automation(held[0].id, asked)
            else:
                await client.create_automation(asked)
            given.append({"name": asked.name, "was": "put right" if held else "made"})
    return given


def _show(out: Console, document: dict[str, Any]) -> None:
    for one in document["automations"]:
        out.print(f"{plain(one['name'])}: {one['was']}")
    out.print(f"They tell by {plain(document['block'])}; each can be switched off in the UI.")
