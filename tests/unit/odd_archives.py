"""Archives and manifests with one oddity each, and folders with links in them."""

import gzip
import io
import tarfile

from tests.unit.odd_cases import Odd
from tests.unit.odd_packages import CONTENT, IMAGE
from tests.unit.ovf_packages import DISK, FILE, SIZE, STREAM, descriptor, manifest

GIB = 1 << 30
_TEXT = descriptor().encode()
_FILES = {"web.ovf": _TEXT, "disk1.vmdk": IMAGE}
_ROWS = manifest(_FILES)
_LONG = "büro-" * 40 + ".vmdk"
_HUGE = 9 * GIB


def _member(name, kind=tarfile.REGTYPE, link="", size=0):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, link, size
    return made


def _tar(files, style=tarfile.USTAR_FORMAT, last=None):
    """An archive of these, in this order, and of one member more."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=style) as archive:
        for name, data in files.items():
            archive.addfile(_member(name, size=len(data)), io.BytesIO(data))
        if last is not None:
            archive.addfile(last)
    return made.getvalue()


def _huge():
    """A disk of 9 GiB, which no field of the standard's header can say: the file is sparse."""
    disk = DISK.replace(STREAM, "raw").replace(f'"{SIZE}"', f'"{_HUGE}"')
    begun = _tar({"web.ovf": descriptor(disks=disk).encode()})
    used = 512 + -(-len(descriptor(disks=disk).encode()) // 512) * 512
    return begun[:used] + _member("disk1.vmdk", size=_HUGE).tobuf(tarfile.GNU_FORMAT)


def _naming(kind, data, size=None):
    """A header that says what the next member is called, or claims to be ``size`` bytes long."""
    made = _member("././@LongLink", kind, size=len(data) if size is None else size)
    return made.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)


def _row(key, value):
    """A row of a pax header, which begins with its own length."""
    row = f" {key}={value}\n".encode()
    length = len(row) + 2 if len(row) + 2 < 100 else len(row) + 3
    return f"{length}".encode() + row


def _ova(oddity, data, /, *, says="", lengths=None, **fields):
    paths = {path.replace("__", "."): value for path, value in fields.items()}
    return Odd(oddity, {"web.ova": data}, "web.ova", paths, says, lengths=lengths or {})


def _folder(oddity, /, *, says="", planned=False, links=None, files=None, **fields):
    paths = {path.replace("__", "."): value for path, value in fields.items()}
    return Odd(oddity, _FILES | (files or {}), "web.ovf", paths, says, planned, links=links or {})


ARCHIVES = (
    _ova("an archive", _tar(_FILES), name="web-01"),
    _ova("a descriptor that comes last", _tar(dict(reversed(_FILES.items()))), name="web-01"),
    _ova("manifest and certificate", _tar({"web.ovf": _TEXT, "web.mf": _ROWS, "web.cert": b"x",
                                           "disk1.vmdk": IMAGE}), name="web-01"),
    _ova("names from here", _tar({f"./{name}": data for name, data in _FILES.items()}),
         name="web-01"),
    _ova("a long name of GNU's tar",
         _tar({"web.ovf": descriptor(files=FILE.replace("disk1.vmdk", _LONG)).encode(),
               _LONG: IMAGE}, tarfile.GNU_FORMAT), name="web-01"),
    _ova("a long name of POSIX's tar",
         _tar({"web.ovf": descriptor(files=FILE.replace("disk1.vmdk", _LONG)).encode(),
               _LONG: IMAGE}, tarfile.PAX_FORMAT), name="web-01"),
    _ova("a disk of 9 GiB", _huge(), lengths={"web.ova": _HUGE + (1 << 20)},
         disks__0__size_bytes=_HUGE),
    _ova("two descriptors", _tar(_FILES | {"db.ovf": _TEXT}), says="holds 2 descriptors"),
    _ova("no descriptor", _tar({"disk1.vmdk": IMAGE}), says="holds 0 descriptors"),
    _ova("a name that goes up", _tar(_FILES, last=_member("../evil")), says="leads out"),
    _ova("a name from the root", _tar(_FILES, last=_member("/etc/evil")), says="leads out"),
    _ova("a name that a terminal obeys", _tar(_FILES, last=_member("../\x1b[2J\nevil")),
         says="leads out"),
    _ova("a link in the archive", _tar(_FILES, last=_member("x", tarfile.SYMTYPE, "/etc/passwd")),
         says="no plain file"),
    _ova("a second name of a member", _tar(_FILES, last=_member("x", tarfile.LNKTYPE, "web.ovf")),
         says="no plain file"),
    _ova("a device in the archive", _tar(_FILES, last=_member("x", tarfile.BLKTYPE)),
         says="no plain file"),
    _ova("a pipe in the archive", _tar(_FILES, last=_member("x", tarfile.FIFOTYPE)),
         says="no plain file"),
    _ova("a sparse member of GNU's tar",
         _tar(_FILES, tarfile.GNU_FORMAT, _member("x", tarfile.GNUTYPE_SPARSE)),
         says="no plain file"),
    _ova("a sparse member of POSIX's tar",
         _naming(tarfile.XHDTYPE, _row("GNU.sparse.major", "1")) + _tar(_FILES),
         says="no plain file"),
    _ova("two members of one name", _tar(_FILES, last=_member("web.ovf")), says="twice"),
    _ova("two spellings of one name", _tar(_FILES, last=_member("./web.ovf")), says="twice"),
    _ova("a member of less than nothing",
         _member("x", size=-512).tobuf(tarfile.GNU_FORMAT) + _tar(_FILES),
         says="no tar, or it is damaged"),
    _ova("a member that is longer than the archive",
         _tar(_FILES)[: len(IMAGE) // 2], says="cut off"),
    _ova("a name without an end", _naming(tarfile.GNUTYPE_LONGNAME, b"", 8 << 30),
         lengths={"web.ova": 9 << 30}, says="no tar, or it is damaged"),
    _ova("a header that takes hours to match",
         _naming(tarfile.XHDTYPE, b"1" * (1 << 20)) * 2 + _tar(_FILES),
         says="no tar, or it is damaged"),
    _ova("headers without end", _naming(tarfile.XHDTYPE, _row("comment", "x")) * 40_000,
         says="no tar, or it is damaged"),
    _ova("members without end", b"".join(_member(f"{n}").tobuf() for n in range(10_100)),
         says="more than 10000 files"),
    _ova("an archive in gzip", gzip.compress(_tar(_FILES), 1), says="no tar, or it is damaged"),
    _ova("an empty file", b"", says="no tar, or it is damaged"),
    _ova("zeros", bytes(10240), says="no tar, or it is damaged"),
    _folder("a manifest", files={"web.mf": _ROWS}, name="web-01"),
    _folder("a manifest by SHA-1", files={"web.mf": manifest(_FILES, "SHA1")}, name="web-01"),
    _folder("a blank before the bracket", files={"web.mf": _ROWS.replace(b"(", b" (")},
            name="web-01"),
    _folder("lines' ends of Windows", files={"web.mf": _ROWS.replace(b"\n", b"\r\n")},
            name="web-01"),
    _folder("a manifest that lists itself, wrongly",
            files={"web.mf": _ROWS + b"SHA256(web.mf)= " + b"0" * 64 + b"\n"}, name="web-01"),
    _folder("a manifest by MD5",
            files={"web.mf": b"MD5(web.ovf)= d41d8cd98f00b204e9800998ecf8427e"}, says="by MD5"),
    _folder("a manifest of other words", files={"web.mf": b"hello"}, says="a line that is none"),
    _folder("one name twice in a manifest",
            files={"web.mf": _ROWS + b"SHA256(disk1.vmdk)= " + b"0" * 64 + b"\n"},
            says="two digests"),
    _folder("a manifest that takes hours to match",
            files={"web.mf": b"SHA256" + b"()= a" * 200_000 + b"!"}, says="a line that is none"),
    _folder("a manifest of megabytes", files={"web.mf": b"\n" * (2 << 20)}, says="1 MiB"),
    _folder("a descriptor that was edited", files={"web.mf": manifest({"web.ovf": b"another"})},
            says="digest differs"),
    _folder("a disk that was turned",
            files={"web.mf": _ROWS, "disk1.vmdk": IMAGE[:70_000] + b"?" + IMAGE[70_001:]},
            says="digest differs", planned=True),
    _folder("a disk that is a link out of the folder", links={"disk1.vmdk": "/etc/passwd"},
            says="leads out", planned=True),
    _folder("a disk that is a device", links={"disk1.vmdk": "/dev/zero"}, says="leads out",
            planned=True),
    _folder("a manifest that is a link out of the folder", links={"web.mf": "/etc/passwd"},
            says="no file of the package"),
    _folder("a disk that is a link inside the folder",
            files={"other.vmdk": IMAGE}, links={"disk1.vmdk": "other.vmdk"}, name="web-01"),
    _folder("gzip that is said", files={
        "web.ovf": descriptor(files=FILE.replace("/>", ' ovf:compression="gzip"/>')),
        "disk1.vmdk": gzip.compress(IMAGE, 1)}, name="web-01"),
    _folder("chunks", files={
        "web.ovf": descriptor(files=FILE.replace("/>", f' ovf:size="{len(IMAGE)}" '
                                                 'ovf:chunkSize="100000"/>')),
        **{f"disk1.vmdk.{n:09d}": IMAGE[n * 100_000 : (n + 1) * 100_000]
           for n in range(-(-len(IMAGE) // 100_000))}}, name="web-01"),
    _folder("a chunk that is missing", files={
        "web.ovf": descriptor(files=FILE.replace("/>", f' ovf:size="{len(IMAGE)}" '
                                                 'ovf:chunkSize="100000"/>')),
        "disk1.vmdk.000000000": IMAGE[:100_000]}, says="000000001", planned=True),
    _folder("raw bytes that are said to be a VMDK", files={"disk1.vmdk": CONTENT},
            says="no header", planned=True),
)  # fmt: skip
