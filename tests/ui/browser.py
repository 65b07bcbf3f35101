"""Debian's chromium, driven by playwright: what a person sees of Prefect's UI."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.debian import ensure

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-3d-apis",
]
"""Without a graphics card the drawing of a run's tasks, which no test looks at, keeps a core busy
for as long as the run's page is open."""
_STILL = """
document.addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style')
  style.textContent = '*, ::before, ::after { animation: none !important }'
  document.head.append(style)
})
"""
"""Without a graphics card every frame of a spinner costs CPU that the runs beside it need."""
SETTLE_MS = 1000
"""A page of Prefect's goes on moving after its last word has appeared."""


def ensure_chromium() -> bool:
    """Whether chromium is there; root on Debian has it installed when it is not."""
    return ensure("chromium", "chromium")


@contextmanager
def a_page(width: int = 1280, height: int = 1000) -> Iterator["Page"]:
    """An empty page of a new browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = browser.new_page(
                viewport={"width": width, "height": height}, reduced_motion="reduce"
            )
            page.set_default_timeout(180_000)
            page.add_init_script(_STILL)
            yield page
        finally:
            browser.close()


def shown_artifact(
    page: "Page", address: str, run: str, key: str, but: str = "no such text"
) -> str:
    """What a run's artifact says, found by mouse from the run's page; its page stays open.

    ``but`` is what keys of others have that have ``key`` in them, too.
    """
    page.set_viewport_size({"width": 1280, "height": 1300})  # what is out of sight is not made
    page.goto(f"{address}/runs/flow-run/{run}")
    page.get_by_role("tablist").get_by_text("Artifacts", exact=True).click()
    cards = page.locator("a[href*='/artifacts/artifact/']")
    cards.filter(has_text=key, has_not_text=but).first.click()
    body = page.locator(".artifact-data-markdown").first
    body.wait_for()
    page.wait_for_timeout(SETTLE_MS)
    return body.inner_text()


def open_report(page: "Page", address: str, artifact: str) -> None:
    """Open the page of a report artifact; ``address`` ends in /v2 for the second UI."""
    page.goto(f"{address}/artifacts/artifact/{artifact}")
    page.get_by_role("heading", name="Disks").wait_for()
    page.wait_for_timeout(SETTLE_MS)
    # On a busy machine the second UI was seen without the report's text by then.
    page.get_by_text("Approved by").first.wait_for()


def leave(page: "Page") -> None:
    """Look at nothing: Prefect's pages ask their server, and draw, for as long as they are open."""
    page.goto("about:blank")
