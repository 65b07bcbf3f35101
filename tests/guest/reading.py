"""What is really in an image, read with Debian's own tools and with none of our code."""

from pathlib import Path

from tests.guest.packages import run
from tests.guest.sparse import copy_of

MIB = 1 << 20


def partitions(image: Path) -> dict[str, tuple[int, int]]:
    """First byte and length of each partition, by its name in the GPT."""
    found = {}
    for line in run("sgdisk", "-p", image).decode().splitlines():
        words = line.split()
        if len(words) > 6 and words[0].isdigit():
            first, last = int(words[1]) * 512, int(words[2]) * 512 + 511
            found[words[-1]] = (first, last - first + 1)
    return found


def volume(image: Path, name: str, folder: Path) -> Path:
    """One partition as a file of its own."""
    first, length = partitions(image)[name]
    return copy_of(image, folder / f"{name}.img", first, length)


def file_in(root: Path, path: str) -> str:
    """A text in the root file system, which :func:`volume` made; empty when it is not there."""
    return run("debugfs", "-R", f'cat "{path}"', root).decode(errors="replace")


def names_in(root: Path, path: str) -> list[str]:
    """The names in a folder of the root file system."""
    lines = run("debugfs", "-R", f'ls -p "{path}"', root).decode().splitlines()
    return sorted(
        name for line in lines if line and (name := line.split("/")[5]) not in {".", ".."}
    )


def drivers_at_boot(root: Path, folder: Path) -> set[str]:
    """The modules in the initramfs, as cpio lists them."""
    (image,) = [name for name in names_in(root, "/boot") if name.startswith("initrd.img-")]
    run("debugfs", "-R", f"dump /boot/{image} {folder / 'initrd'}", root)
    packed = (folder / "initrd").read_bytes()
    run("zstd", "-q", "-d", "-f", folder / "initrd", "-o", folder / "initrd.cpio")
    assert packed[:4] == b"\x28\xb5\x2f\xfd"
    listed = run("cpio", "-it", "--quiet", feed=(folder / "initrd.cpio").read_bytes()).decode()
    return {Path(line).stem for line in listed.splitlines() if line.endswith(".ko")}
