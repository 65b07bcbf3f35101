"""Programs that tests need beyond Python: root on Debian has them installed."""

import os
import shutil
import subprocess
from typing import Any


def ensure(program: str, package: str) -> bool:
    """Whether ``program`` is there, after trying to install ``package`` where that can be done."""
    if shutil.which(program) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", package]):
            subprocess.run(["apt-get", "-qq", *words], env=environment, check=False, **quiet)
    return shutil.which(program) is not None
