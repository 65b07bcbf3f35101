"""Write ``docs/images``: ``make screenshots``, with the sandbox's machine as the example."""

import sys
import tempfile
from pathlib import Path

from tests.journeys.serving import Served
from tests.ui.browser import a_page, ensure_chromium, open_approval, open_report, open_run_form

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    """Start the real thing, suspend and finish one run, and look at it."""
    if not ensure_chromium():
        sys.exit("There is no /usr/bin/chromium, and only root on Debian can have it installed.")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        served = Served(Path(home))
        try:
            served.up()
            _take(served)
        finally:
            served.down()


def _take(served: Served) -> None:
    run = served.submit(served.sandbox.state["machines"][0])
    deployment = served.api("GET", "/deployments/name/migrate-vm/migrate-vm")["id"]
    with a_page(height=1100) as page:
        open_run_form(page, served.address, deployment)
        page.screenshot(path=IMAGES / "run-form.png")
    served.wait(run, "Suspended")
    with a_page(height=2700) as page:
        open_approval(page, served.address, run).screenshot(path=IMAGES / "approval-form.png")
    schema, _ = served.form(served.run(run))
    fields = schema["properties"].items()
    said = {name: field["enum"][1] for name, field in fields if field.get("enum", "?")[0] == ""}
    taken = served.resume(run, decision="approve", decided_by="Ada", reason="CHG-4711", **said)
    if taken["status"] != "ACCEPT":
        sys.exit(f"The form was not accepted: {taken}")
    served.wait(run, "Completed", timeout_s=180)
    wanted = {"artifacts": {"flow_run_id": {"any_": [run]}}}
    report = next(
        artifact
        for artifact in served.api("POST", "/artifacts/filter", wanted)
        if artifact["key"].startswith("report-")
    )
    with a_page(height=1300) as page:
        open_report(page, served.address, report["id"])
        page.screenshot(path=IMAGES / "report.png")


if __name__ == "__main__":
    main()
