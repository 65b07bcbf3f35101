"""Move many machines together: planned first, approved once, in their order and their window."""

from typing import Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State as PrefectState
from prefect.states import Cancelled

from coldferry.errors import Rejected
from coldferry.home import alone
from coldferry.migration import slug
from coldferry.waves.selecting import Selector
from flows.migrate_vm import migrate_vm
from tasks.failing import tell_of_failure
from tasks.waves.carrying import carry_out, finished
from tasks.waves.clouds import load_clouds
from tasks.waves.deployed import Deployed
from tasks.waves.ending import end_children, end_waiting_children, return_overdue
from tasks.waves.here import Here
from tasks.waves.reading import Manifest, name_run, wave_of
from tasks.waves.reporting import publish_report


@flow(
    name="migrate-wave",
    flow_run_name="wave",
    on_cancellation=[end_children],
    on_failure=[return_overdue, tell_of_failure],
    on_crashed=[end_waiting_children, return_overdue, tell_of_failure],
)
async def migrate_wave(
    manifest: Manifest = "", selector: Selector | None = None
) -> dict[str, Any] | PrefectState[Any]:
    """Plan all machines, ask once for what they leave open, and migrate each as its turn comes.

    The same wave again does only what is left: the sources' tags are the record.

    Args:
        manifest: The wave's file, pasted whole: YAML or CSV, with its machines, their order,
            groups and answers, and the window. docs/waves.md has both.
        selector: Or, with no manifest, all machines of one source that bear certain tags.
    """
    wave = await wave_of(manifest, selector)
    clouds = await load_clouds(wave)
    await name_run(wave)
    deployed = runtime.deployment.id is not None
    children = Deployed(wave, clouds) if deployed else Here(wave, clouds, migrate_vm)
    with alone(f"wave-{slug(wave.name)}"):
        try:
            states = await carry_out(wave, clouds, children)
        except Rejected as rejection:
            return Cancelled(message=str(rejection))
    await publish_report(wave, states)
    return finished(wave, states)
