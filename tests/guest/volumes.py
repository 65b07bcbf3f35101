"""Volumes that are no file system: swap, and an encrypted one's header."""

import base64
import hashlib
import json
import struct
import tempfile
from pathlib import Path

from tests.guest.packages import run

_AREA_BYTES = 16384
_KEYS_BYTES = 262_144


def swap(uuid: str) -> bytes:
    """One MiB of swap space, as ``mkswap`` makes it."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(1 << 20)
        run("mkswap", "-q", "-U", uuid, file.name)
        return Path(file.name).read_bytes()


def luks2(uuid: str, noise: bytes) -> bytes:
    """A LUKS2 volume that nobody has the key of: both headers, then ``noise``.

    Written after the published on-disk format (LUKS2 On-Disk Format
    Specification 1.1): ``cryptsetup luksFormat`` would draw new salts each time.
    """
    salt = base64.b64encode(noise[:32]).decode()
    digest = base64.b64encode(noise[32:64]).decode()
    kdf = {"type": "pbkdf2", "hash": "sha256", "iterations": 1000, "salt": salt}
    area = {
        "type": "raw", "offset": str(2 * _AREA_BYTES), "size": str(_KEYS_BYTES),
        "encryption": "aes-xts-plain64", "key_size": 64,
    }  # fmt: skip
    told = {
        "keyslots": {
            "0": {
                "type": "luks2", "key_size": 64, "kdf": kdf, "area": area,
                "af": {"type": "luks1", "stripes": 4000, "hash": "sha256"},
            }
        },
        "tokens": {},
        "segments": {
            "0": {
                "type": "crypt", "offset": str(16 << 20), "size": "dynamic", "iv_tweak": "0",
                "encryption": "aes-xts-plain64", "sector_size": 512,
            }
        },
        "digests": {"0": {**kdf, "keyslots": ["0"], "segments": ["0"], "digest": digest}},
        "config": {"json_size": str(_AREA_BYTES - 4096), "keyslots_size": str(16744448)},
    }  # fmt: skip
    body = json.dumps(told, separators=(",", ":")).encode().ljust(_AREA_BYTES - 4096, b"\0")
    first = _header(b"LUKS\xba\xbe", uuid, 0, noise[64:128], body)
    second = _header(b"SKUL\xba\xbe", uuid, _AREA_BYTES, noise[128:192], body)
    return (first + second + noise).ljust(16 << 20, b"\0") + noise


def _header(magic: bytes, uuid: str, offset: int, salt: bytes, body: bytes) -> bytes:
    def packed(checksum: bytes) -> bytes:
        fields = struct.pack(
            ">6sHQQ48s32s64s40s48sQ184s64s",
            magic, 2, _AREA_BYTES, 1, b"", b"sha256", salt, uuid.encode(), b"", offset, b"",
            checksum,
        )  # fmt: skip
        return fields.ljust(4096, b"\0")

    return packed(hashlib.sha256(packed(b"") + body).digest()) + body
