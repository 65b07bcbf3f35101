"""Where cloud-init looks for its cloud.

Sources: cloud-init's documentation, "Datasources" (datasource_list) and
"ds-identify", which reads the list by lines as is done here.
"""

import re
from collections.abc import Iterator

from coldferry.errors import Finding
from coldferry.guest.guest import Guest
from coldferry.guest.text import below, lines, text_of
from coldferry.guest.tree import Tree

_INLINE = re.compile(r"^[ \t]*datasource_list[ \t]*:[ \t]*\[([^\]]*)\]", re.MULTILINE)
_LINES = re.compile(
    r"^[ \t]*datasource_list[ \t]*:[ \t]*(?:#[^\n]*)?\n((?:[ \t]*-[ \t][^\n]*(?:\n|\Z))+)",
    re.MULTILINE,
)
_IDENTIFY = "/etc/cloud/ds-identify.cfg"
_DISABLED = "/etc/cloud/cloud-init.disabled"


def datasource_pinned(guest: Guest) -> Iterator[Finding]:
    """Its list lacks the target: no user, no key and no network would be set at the first start."""
    wanted = guest.needs.datasource
    if not wanted or guest.linux is None or not runs(guest.linux):
        return
    path, listed = chosen(guest.linux) or sources(guest.linux)
    if listed and wanted.lower() not in [name.lower() for name in listed]:
        yield Finding(
            "warn",
            "datasource-pinned",
            path,
            f"cloud-init is told to look for {', '.join(listed)} only: it does not know the "
            "target, and sets up neither network nor users there.",
            f"Let {path} name {wanted}, too, or take the choice out of it.",
        )


def runs(files: Tree) -> bool:
    """cloud-init is installed and not switched off."""
    return files.read("/etc/cloud/cloud.cfg", 1) is not None and files.read(_DISABLED, 1) is None


def chosen(files: Tree) -> tuple[str, list[str]] | None:
    """What ds-identify is told to take without looking; None when it may look."""
    for line in lines(text_of(files, _IDENTIFY)):
        key, _, value = line.partition(":")
        if key.strip() == "datasource" and value.strip():
            return _IDENTIFY, _words(value)
    return None


def sources(files: Tree) -> tuple[str, list[str]]:
    """The list in force and the file that it is in; empty where every datasource is tried."""
    found: tuple[str, list[str]] = ("", [])
    for path in ("/etc/cloud/cloud.cfg", *below(files, "/etc/cloud/cloud.cfg.d", ".cfg")):
        text = text_of(files, path)
        inline, listed = _INLINE.findall(text), _LINES.findall(text)
        if inline:
            found = path, _words(inline[-1].replace(",", "\n"))
        elif listed:
            found = path, _words(listed[-1])
    return found


def _words(text: str) -> list[str]:
    words = (
        line.partition("#")[0].strip().lstrip("-").strip(" \t\"'") for line in text.split("\n")
    )
    return [word[:64] for word in words if word][:32]
