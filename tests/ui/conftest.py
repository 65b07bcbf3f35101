"""A browser to look with, and a place for what it saw."""

import os
from pathlib import Path

import pytest

from tests.ui.browser import a_page, ensure_chromium


@pytest.fixture(scope="session")
def chromium():
    """Debian's chromium, or a skip that says so."""
    if not ensure_chromium():
        pytest.skip("there is no /usr/bin/chromium here, and it cannot be installed")


@pytest.fixture(scope="module")
def page(chromium):
    """A window as a desk has it."""
    with a_page() as opened:
        yield opened


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Where pictures go: the docs' folder when ``make screenshots`` asks for them."""
    asked = os.environ.get("COLDFERRY_IMAGES")
    return Path(asked) if asked else tmp_path_factory.mktemp("images")
