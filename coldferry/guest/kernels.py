"""What a Linux guest's boot loaders start: kernels, their initramfs and their arguments.

Sources: GRUB manual, "Writing full configuration files directly" and
"grubenv"; the Boot Loader Specification (BLS) of UAPI; syslinux wiki,
"Config". Only what these files say in plain words is read: a script's
conditions are not run, so every entry is taken, the default one first.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from coldferry.guest.text import below, lines, setting, text_of
from coldferry.guest.tree import Tree

_GRUB = (
    "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/efi/EFI/{}/grub.cfg", "/grub2/grub.cfg",
)  # fmt: skip
_SYSLINUX = (
    "/boot/extlinux/extlinux.conf", "/boot/syslinux/syslinux.cfg", "/extlinux/extlinux.conf",
    "/boot/efi/syslinux.cfg", "/boot/efi/syslinux/syslinux.cfg",
    "/boot/efi/EFI/syslinux/syslinux.cfg",
)  # fmt: skip
_BLS = ("/boot/loader/entries", "/boot/efi/loader/entries", "/efi/loader/entries")
_BASES = ("", "/boot", "/boot/efi", "/efi")
"""Below which a loader's paths may lie: it sees the file system that it was loaded from."""
_MOST_ENTRIES = 64


@dataclass(frozen=True)
class Entry:
    """One thing that can be booted; paths are the guest's own, ``source`` is the file it is in."""

    source: str
    title: str
    kernel: str
    initramfs: tuple[str, ...] = ()
    arguments: str = ""
    ids: tuple[str, ...] = ()

    def argument(self, key: str) -> list[str]:
        """The values of ``key=value`` among the arguments."""
        words = self.arguments.split()
        return [word.partition("=")[2].strip("\"'") for word in words if word.startswith(f"{key}=")]


def boot_entries(files: Tree) -> list[Entry]:
    """Every entry whose kernel is there, the default one first; none of two that say the same."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in (*_grub(files), *_bls(files), *_syslinux(files)):
        placed = _placed(files, entry)
        if placed is not None and len(found) < _MOST_ENTRIES:
            found.setdefault((placed.kernel, placed.arguments), placed)
    return list(found.values()) or list(_bare(files))


def _placed(files: Tree, entry: Entry) -> Entry | None:
    kernel = _there(files, entry.kernel, entry.source)
    if kernel is None:
        return None
    images = [_there(files, path, entry.source) for path in entry.initramfs]
    return replace(entry, kernel=kernel, initramfs=tuple(path for path in images if path))


def _there(files: Tree, path: str, source: str) -> str | None:
    path = re.sub(r"^\([^)]*\)", "", path)
    if not path.startswith("/"):
        path = f"{source.rpartition('/')[0]}/{path}"
    for base in _BASES:
        if files.read(base + path, 1) is not None:
            return base + path
    return None


def _grub(files: Tree) -> list[Entry]:
    for pattern in _GRUB:
        vendors = files.names("/boot/efi/EFI") if "{}" in pattern else [""]
        for vendor in vendors:
            path = pattern.format(vendor)
            text = text_of(files, path)
            entries = list(_grub_entries(text, path))
            if entries:
                return _default_first(entries, text, _environment(files, path))
    return []


def _grub_entries(text: str, source: str) -> Iterator[Entry]:
    entry: Entry | None = None
    for line in lines(text):
        word, rest = _split(line)
        if word == "menuentry":
            if entry is not None and entry.kernel:
                yield entry
            title = re.match(r"""\s*(?:'([^']*)'|"([^"]*)"|(\S+))""", rest)
            ids = re.findall(r"(?:--id|\$menuentry_id_option)[ =]'?\"?([^'\" ]+)", rest)
            name = next((one for one in title.groups() if one), "") if title else ""
            entry = Entry(source, name, "", ids=tuple(ids))
        elif entry is not None and re.fullmatch(r"linux(16|efi)?", word):
            path, arguments = _split(rest)
            if "memtest" not in path:
                entry = replace(entry, kernel=path.strip("\"'"), arguments=arguments)
        elif entry is not None and re.fullmatch(r"initrd(16|efi)?", word):
            entry = replace(entry, initramfs=tuple(rest.split()))
    if entry is not None and entry.kernel:
        yield entry


def _split(line: str) -> tuple[str, str]:
    """The first word and the rest, which blanks or tabs separate."""
    word, *rest = line.split(None, 1) or [""]
    return word, rest[0].strip() if rest else ""


def _environment(files: Tree, source: str) -> dict[str, str]:
    """GRUB's variables that outlive a boot."""
    path = f"{source.rpartition('/')[0]}/grubenv"
    return dict(setting(line) for line in lines(text_of(files, path, 4096)) if "=" in line)


def _default_first(entries: list[Entry], text: str, environment: dict[str, str]) -> list[Entry]:
    chosen = re.findall(r"""^[ \t]*set default=["']?([^"'\n]*)""", text, re.MULTILINE)
    wanted = next((one for one in reversed(chosen) if "$" not in one), "0")
    if any("saved_entry" in one for one in chosen) and environment.get("saved_entry"):
        wanted = environment["saved_entry"]
    return _first(entries, wanted)


def _first(entries: list[Entry], wanted: str) -> list[Entry]:
    """``wanted`` is a number, a title, an id, or a path of those through submenus."""
    wanted = wanted.rpartition(">")[2]
    index = int(wanted) if wanted.isdigit() and len(wanted) < 4 else -1
    for number, entry in enumerate(entries):
        if number == index or wanted in (entry.title, *entry.ids):
            return [entry, *entries[:number], *entries[number + 1 :]]
    return entries


def _bls(files: Tree) -> list[Entry]:
    found = []
    variables = _environment(files, "/boot/grub2/grub.cfg") | _environment(
        files, "/boot/grub/grub.cfg"
    )
    for folder in _BLS:
        for path in below(files, folder, ".conf"):
            said: dict[str, list[str]] = {}
            for line in lines(text_of(files, path, 64 << 10)):
                key, value = _split(line)
                said.setdefault(key, []).append(value)
            options = " ".join(said.get("options", []))
            for name, value in variables.items():
                options = options.replace(f"${name}", value)
            images = tuple(w for one in said.get("initrd", []) for w in one.split() if w[0] != "$")
            name = path.rpartition("/")[2].removesuffix(".conf")
            if kernel := next(iter(said.get("linux", [])), ""):
                title = next(iter(said.get("title", [])), name)
                found.append(Entry(path, title, kernel, images, options, (name,)))
    found.reverse()  # the highest version is the default where nothing was saved
    return _first(found, variables.get("saved_entry", ""))


def _syslinux(files: Tree) -> list[Entry]:
    found: list[Entry] = []
    default = ""
    for path in _SYSLINUX:
        for line in lines(text_of(files, path, 64 << 10)):
            word, rest = _split(line)
            word = word.lower()
            if word == "default":
                default = rest
            elif word == "label":
                found.append(Entry(path, rest, "", ids=(rest,)))
            elif found and word in ("kernel", "linux"):
                found[-1] = replace(found[-1], kernel=rest)
            elif found and word == "initrd":
                found[-1] = replace(found[-1], initramfs=tuple(rest.split(",")))
            elif found and word == "append":
                images = re.findall(r"(?:^|\s)initrd=(\S+)", rest)
                more = tuple(one for image in images for one in image.split(","))
                entry = found[-1]
                found[-1] = replace(entry, arguments=rest, initramfs=entry.initramfs + more)
    return _first([entry for entry in found if entry.kernel], default)


def _bare(files: Tree) -> Iterator[Entry]:
    """Kernels that no configuration names, the highest version first."""
    kernels = [path for path in below(files, "/boot") if "/vmlinuz-" in path]
    for kernel in sorted(kernels, key=_as_version, reverse=True)[:1]:
        version = kernel.partition("/vmlinuz-")[2]
        names = (f"initrd.img-{version}", f"initramfs-{version}.img", f"initrd-{version}")
        images = [f"/boot/{n}" for n in names if files.read(f"/boot/{n}", 1) is not None]
        yield Entry("/boot", version, kernel, tuple(images[:1]))


def _as_version(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path)]
