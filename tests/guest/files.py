"""The files of an image in a folder, and an image again from the folder: no root, no mounts."""

import shutil
from pathlib import Path

from tests.guest.disk import make_ext4
from tests.guest.packages import run
from tests.guest.reading import partitions, volume


def take_out(image: Path, folder: Path) -> Path:
    """The files of the root file system; the folder's name is ``root``."""
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root"
    root.mkdir()
    run("debugfs", "-R", f"rdump / {root}", volume(image, "root", folder))
    shutil.rmtree(root / "lost+found")
    return root


def put_back(image: Path, root: Path, changed: Path) -> Path:
    """A copy of the image whose root file system holds the folder's files, under the same UUID."""
    shutil.copyfile(image, changed)
    changed.chmod(0o644)
    first, length = partitions(image)["root"]
    old = volume(image, "root", changed.parent)
    uuid = run("blkid", "-p", "-o", "value", "-s", "UUID", old).decode().strip()
    made = changed.parent / "made.img"
    make_ext4(root, made, length, uuid)
    with changed.open("r+b") as disk:
        disk.seek(first)
        with made.open("rb") as content:
            shutil.copyfileobj(content, disk, 1 << 20)
    return changed
