"""The benchmarks' fakes are written in C: a test that needs them needs a compiler."""

from pathlib import Path

import pytest

from benchmarks.errors import Missing
from benchmarks.serving import Server
from tests.debian import install


def need_fakes(folder: Path) -> None:
    """Compile them into ``folder``; skip where there is no compiler and none can be installed."""
    try:
        _start(folder)
    except Missing:
        install("gcc", "libc6-dev", "libssl-dev", "openssl")
        try:
            _start(folder)
        except Missing as error:
            pytest.skip(str(error))


def _start(folder: Path) -> None:
    with Server("page_blob", folder):
        pass
