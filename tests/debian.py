"""Programs that tests need beyond Python: root on Debian has them installed."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

# A user's PATH often lacks the folders of mke2fs and sgdisk.
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def ensure(program: str, package: str) -> bool:
    """Whether ``program`` is there, after trying to install ``package`` where that can be done."""
    return not lacking({program: package})


def lacking(programs: Mapping[str, str]) -> list[str]:
    """The packages of those programs that are not there and cannot be installed."""
    wanted = _absent(programs)
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        patient = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
        for words in (["update"], ["install", "-y", "--no-install-recommends", *wanted]):
            subprocess.run([*patient, *words], env=environment, check=False, **quiet)
    return _absent(programs)


def _absent(programs: Mapping[str, str]) -> list[str]:
    there = (shutil.which(program, path=SEARCHED) for program in programs)
    return sorted(
        {package for package, path in zip(programs.values(), there, strict=True) if not path}
    )
