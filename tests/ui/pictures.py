"""Screenshots as the docs keep them: PNG of 256 colours, a fifth of what a browser writes."""

import struct
import zlib
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_COLOURS = """async encoded => {
    const picture = new Image();
    picture.src = "data:image/png;base64," + encoded;
    await picture.decode();
    const canvas = document.createElement("canvas");
    const [width, height] = [canvas.width, canvas.height] = [picture.width, picture.height];
    const drawn = canvas.getContext("2d", {alpha: false});
    drawn.drawImage(picture, 0, 0);
    const data = drawn.getImageData(0, 0, width, height).data;
    const colour = at => (data[at] << 16) | (data[at + 1] << 8) | data[at + 2];
    const counts = new Map();
    for (let at = 0; at < data.length; at += 4) {
        counts.set(colour(at), (counts.get(colour(at)) || 0) + 1);
    }
    const palette = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map(one => one[0]);
    const apart = (a, b) =>
        ((a >> 16) - (b >> 16)) ** 2 + ((a >> 8 & 255) - (b >> 8 & 255)) ** 2
        + ((a & 255) - (b & 255)) ** 2;
    const nearest = new Map(palette.map((one, index) => [one, index]));
    for (const one of counts.keys()) {
        if (nearest.has(one)) continue;
        let best = 0;
        palette.forEach((other, index) => {
            if (apart(one, other) < apart(one, palette[best])) best = index;
        });
        nearest.set(one, best);
    }
    let indexes = "";
    for (let at = 0; at < data.length; at += 4) {
        indexes += String.fromCharCode(nearest.get(colour(at)));
    }
    return {width, height, palette, indexes: btoa(indexes)};
}"""
"""The most frequent colours; all others become the nearest of them."""


def save_picture(shot: bytes, page: "Page", path: Path) -> None:
    """Keep a screenshot; ``page`` is any page, whose browser counts the colours."""
    seen = page.evaluate(_COLOURS, b64encode(shot).decode())
    width, height, indexes = seen["width"], seen["height"], b64decode(seen["indexes"])
    lines = b"".join(b"\0" + indexes[at : at + width] for at in range(0, len(indexes), width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = b"".join(colour.to_bytes(3, "big") for colour in seen["palette"])
    chunks = (b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in chunks))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
