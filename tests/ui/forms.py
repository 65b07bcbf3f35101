"""Prefect's forms as a person uses them: one class for each of its two UIs, with the same verbs.

A field goes by the beginning of its title.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.ui.browser import SETTLE_MS
from tests.ui.pictures import save_picture

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Response

_MARGIN = 400
"""What stands above and below a form that is seen whole, in pixels."""
_PATIENCE = 5


@contextmanager
def _listening(page: "Page", busy: list[str]) -> Iterator[None]:
    """While inside, addresses that answer 503 are put into ``busy``."""

    def note(response: "Response") -> None:
        if response.status == 503:
            busy.append(response.url)

    page.on("response", note)
    try:
        yield
    finally:
        page.remove_listener("response", note)


class Form(ABC):
    """A form that is open. ``root`` holds it, ``moves`` counts choices made and values typed."""

    def __init__(self, page: "Page", root: "Locator") -> None:
        self.page = page
        self.root = root
        self.moves = 0

    @abstractmethod
    def titles(self) -> list[str]:
        """The fields' titles, in their order, as they are shown."""

    @abstractmethod
    def text(self, title: str) -> str:
        """All that is said at a field."""

    @abstractmethod
    def held(self, title: str) -> str:
        """What a field holds now."""

    @abstractmethod
    def _list(self, title: str) -> "Locator":
        """Open a field's list; its choices."""

    @abstractmethod
    def _box(self, title: str) -> "Locator":
        """Where a field's value is typed."""

    @abstractmethod
    def _press(self) -> None:
        """Press the button that sends it."""

    def send(self) -> None:
        """Press the button that sends it, and again as long as the server was busy.

        SQLite is, now and then, on a small machine: the answer is 503, and a person presses again.
        """
        for _ in range(_PATIENCE):
            busy: list[str] = []
            with _listening(self.page, busy):
                self._press()
                self.page.wait_for_timeout(SETTLE_MS)
            if not busy:
                return
        raise AssertionError(f"the server is still busy: {busy}")

    def offered(self, title: str) -> list[str]:
        """The choices of a field."""
        found = [text.strip() for text in self._list(title).all_inner_texts()]
        self.page.keyboard.press("Escape")
        return found

    def choose(self, title: str, value: str) -> None:
        """Choose from a field's list."""
        exactly = re.compile(rf"^\s*{re.escape(value)}\s*$")
        self._list(title).filter(has_text=exactly).first.click()
        self.page.wait_for_timeout(SETTLE_MS / 4)
        self.moves += 1

    def write(self, title: str, value: str) -> None:
        """Type a field's value."""
        self._box(title).fill(value)
        self.moves += 1


class FirstForm(Form):
    """Prefect's first UI."""

    @classmethod
    def of_run(cls, page: "Page", address: str, run: str) -> "FirstForm":
        """A suspended run's form, behind the button Resume."""
        page.goto(f"{address}/runs/flow-run/{run}")
        page.get_by_role("button", name="Resume").first.click()
        page.get_by_role("button", name="Submit").wait_for()
        page.get_by_text(re.compile("^Decision")).first.wait_for()
        page.wait_for_timeout(SETTLE_MS)
        return cls(page, page.locator(".p-modal").last)

    @classmethod
    def of_deployment(
        cls, page: "Page", address: str, deployment: str, shows: str = "stop_timeout_s"
    ) -> "FirstForm":
        """The form that starts a run; ``shows`` is one of its fields."""
        page.goto(f"{address}/deployments/deployment/{deployment}/run")
        page.get_by_text(shows).first.wait_for()
        page.wait_for_timeout(SETTLE_MS)
        return cls(page, page.locator("form").last)

    def start(self) -> str:
        """Press Submit; the id of the run that was made."""
        made = re.compile("/create_flow_run$")
        with self.page.expect_response(lambda r: made.search(r.url) and r.status == 201) as answer:
            self.send()
        return str(answer.value.json()["id"])

    def _field(self, title: str) -> "Locator":
        label = self.page.locator(
            ".p-label__label", has_text=re.compile(rf"^\s*{re.escape(title)}")
        )
        return self.root.locator(".p-label").filter(has=label).first

    def titles(self) -> list[str]:
        found = self.root.locator(".schema-form-property__label").all_inner_texts()
        return [title.strip() for title in found]

    def text(self, title: str) -> str:
        return self._field(title).inner_text()

    def held(self, title: str) -> str:
        field = self._field(title)
        box = field.locator("textarea")
        if box.count():
            return box.input_value()
        return field.locator(".p-select-button__value").inner_text().strip()

    def errors(self) -> dict[str, str]:
        """What is wrong, by the title of the field that it is shown at."""
        self.root.locator(".p-label__message").first.wait_for()  # the server says all of it at once
        wrong = self.root.locator(".p-label").filter(has=self.page.locator(".p-label__message"))
        return {
            field.locator(".schema-form-property__label").first.inner_text().strip(): (
                field.locator(".p-label__message").first.inner_text().strip()
            )
            for field in wrong.all()
        }

    def whole(self) -> "Locator":
        """The dialog, seen whole: the window is made as high as it."""
        inner = self.root.locator(".p-modal__body > .p-content").first
        height = inner.evaluate("element => element.scrollHeight")
        self.page.set_viewport_size({"width": 1280, "height": height + _MARGIN})
        self.page.wait_for_timeout(SETTLE_MS)
        return self.root

    def picture(self, path: Path) -> None:
        """The dialog alone, from its first line to its last."""
        save_picture(self.whole().locator(".p-modal__card").screenshot(), self.page, path)

    def _list(self, title: str) -> "Locator":
        self._field(title).locator(".p-select-button__icon").first.click()
        offered = self.page.locator(".p-select-option")
        offered.last.wait_for()
        return offered

    def _box(self, title: str) -> "Locator":
        return self._field(title).locator("textarea")

    def _press(self) -> None:
        self.page.get_by_role("button", name="Submit").click()


class SecondForm(Form):
    """Prefect's second UI."""

    @classmethod
    def of_run(cls, page: "Page", address: str, run: str) -> "SecondForm":
        """A suspended run's form, behind the three dots and Resume."""
        page.goto(f"{address}/v2/runs/flow-run/{run}")
        page.get_by_text("Suspended").first.wait_for()
        page.locator("button[aria-haspopup=menu]").last.click()
        page.get_by_role("menuitem", name="Resume").click()
        dialog = page.get_by_role("dialog")
        dialog.locator("label", has_text=re.compile("^Decision")).wait_for()
        page.wait_for_timeout(SETTLE_MS)
        return cls(page, dialog)

    def _label(self, title: str) -> "Locator":
        return self.root.locator("label", has_text=re.compile(rf"^{re.escape(title)}")).first

    def _control(self, title: str) -> "Locator":
        return self.root.locator(f"[id='{self._label(title).get_attribute('for')}']")

    def titles(self) -> list[str]:
        return self.root.locator("label").all_inner_texts()

    def text(self, title: str) -> str:
        return self._label(title).locator("xpath=..").inner_text()

    def held(self, title: str) -> str:
        control = self._control(title)
        typed = control.evaluate("element => element.tagName") == "TEXTAREA"
        return control.input_value() if typed else control.inner_text().strip()

    def _list(self, title: str) -> "Locator":
        self._control(title).click()
        offered = self.page.locator("[role=option]")
        offered.last.wait_for()
        return offered

    def _box(self, title: str) -> "Locator":
        return self._control(title)

    def _press(self) -> None:
        self.root.get_by_role("button", name="Resume").click()

    def toast(self) -> str:
        """What the server said to a form that it refused: one thing at a time."""
        return self.page.locator("[data-sonner-toast]").first.inner_text()
