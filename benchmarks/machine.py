"""What a table was measured on."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.workloads import GIB


def load() -> float:
    """Processes that ran or wanted to, over the last minute."""
    return os.getloadavg()[0]


def today() -> str:
    """The date in UTC."""
    return datetime.now(UTC).date().isoformat()


def described() -> str:
    """CPUs, memory, system and kernel in a line."""
    cpus = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    release = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{cpus} CPUs ({_cpu()}), {memory_gib:.0f} GiB, {release}, Linux {platform.release()}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
