"""Measure how far away a file server is, from where this is deployed."""

from dataclasses import asdict
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from coldferry.errors import ColdferryError
from tasks.probing import probe_from_here, publish_latency


@flow(name="probe", flow_run_name="{address} port {port}")
async def probe(
    address: str,
    port: Annotated[int, Field(ge=1, le=65535)] = 2049,
    tries: Annotated[int, Field(ge=1, le=1000)] = 20,
    deadline_s: Annotated[float, Field(gt=0, le=300)] = 10,
    asks: bool = True,
) -> dict[str, Any]:
    """Connect to a file server and ask it, several times; changes nothing anywhere.

    Args:
        address: Its name or IP address, as it is reached from here.
        port: 2049 is NFS.
        tries: How many times it is connected to, and asked.
        deadline_s: For how many seconds in all.
        asks: Ask as NFS does; without it, only connect.
    """
    try:
        found = probe_from_here(address, port, tries, deadline_s, asks)
    except ColdferryError as error:
        await publish_latency(error, address, port)
        raise
    await publish_latency(found, address, port)
    return asdict(found)
