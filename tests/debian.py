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
    if wanted:
        install(*wanted)
    return _absent(programs)


def install(*packages: str) -> None:
    """Try to; only root on Debian can."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    patient = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        subprocess.run([*patient, *words], env=environment, check=False, **quiet)


def _absent(programs: Mapping[str, str]) -> list[str]:
    there = (shutil.which(program, path=SEARCHED) for program in programs)
    return sorted(
        {package for package, path in zip(programs.values(), there, strict=True) if not path}
    )
