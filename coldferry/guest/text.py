"""A guest's settings as text."""

from collections.abc import Iterator

from coldferry.guest.tree import FILE_BYTES, Tree


def text_of(files: Tree, path: str, limit_bytes: int = FILE_BYTES) -> str:
    """A file as text, whatever its bytes; empty when there is none."""
    return (files.read(path, limit_bytes) or b"").decode("utf-8", "replace")


def lines(text: str, comment: str = "#") -> Iterator[str]:
    """Lines that say something, without what stands around them."""
    for line in text.split("\n"):
        said = line.strip()
        if said and not said.startswith(comment):
            yield said


def below(files: Tree, folder: str, *endings: str) -> Iterator[str]:
    """Paths of what lies in a folder, in order, with one of these endings."""
    for name in sorted(files.names(folder)):
        if name.endswith(endings) if endings else True:
            yield f"{folder}/{name}"


def setting(line: str) -> tuple[str, str]:
    """``KEY="value"`` of a shell's or an ini file: the key, and the value without quotes."""
    key, _, value = line.partition("=")
    return key.strip(), value.strip().strip("\"'")
