"""The script that prepare makes, run against a guest's files in a folder."""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from coldferry.guest.preparing import Preparation


def run_script(
    prepared: Preparation,
    root: Path,
    *,
    shell: Sequence[str] = ("sh",),
    chroot: bool = False,
    **settings: str,
) -> list[str]:
    """What the script said of the files below ``root``; its words of failure are the test's."""
    script = root.parent / "prepare.sh"
    script.write_text(prepared.script)
    environment = {"PATH": os.environ["PATH"], "COLDFERRY_ROOT": str(root), **settings}
    words = [*shell, str(script)]
    if chroot:
        environment["COLDFERRY_CHROOT"] = "yes"
        # A user who is root only there: nothing that a guest's program does reaches further.
        words = ["unshare", "--user", "--map-root-user", *words]
    done = subprocess.run(
        words, env=environment, cwd=root.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout.splitlines()


def fingerprint(root: Path) -> dict[str, str]:
    """Every file's digest and every link's target."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = str(path.readlink())
        elif path.is_file():
            found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
