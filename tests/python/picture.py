"""Reads a screenshot's pixels: PNG with eight bits a channel, as browsers write it."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Colour = tuple[int, int, int]


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        yield kind, png[place + 8 : place + 8 + length]
        place += 12 + length


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    far = (abs(guess - left), abs(guess - up), abs(guess - corner))
    if far[0] <= far[1] and far[0] <= far[2]:
        return left
    return up if far[1] <= far[2] else corner


class Picture:
    """Rows of pixels."""

    def __init__(self, png: bytes) -> None:
        parts = list(_chunks(png))
        width, height, depth, kind = struct.unpack(">IIBB", parts[0][1][:10])
        self.width, self.height = int(width), int(height)
        assert depth == 8
        assert kind in (2, 6), "true colour, with or without transparency"
        self.channels = 3 if kind == 2 else 4
        packed = zlib.decompress(b"".join(data for name, data in parts if name == b"IDAT"))
        stride = self.width * self.channels
        above = bytearray(stride)
        self.rows: list[bytearray] = []
        for row in range(self.height):
            start = row * (stride + 1)
            above = self._unfiltered(packed[start], packed[start + 1 : start + 1 + stride], above)
            self.rows.append(above)

    def _unfiltered(self, rule: int, line: bytes, above: bytearray) -> bytearray:
        row, step = bytearray(line), self.channels
        for place in range(len(row)):
            left = row[place - step] if place >= step else 0
            up = above[place]
            corner = above[place - step] if place >= step else 0
            guess = (0, left, up, (left + up) // 2, _paeth(left, up, corner) if rule == 4 else 0)
            row[place] = (row[place] + guess[rule]) & 255
        return row

    def at(self, x: int, y: int) -> Colour:
        first = x * self.channels
        red, green, blue = self.rows[y][first : first + 3]
        return red, green, blue

    def pixels(self) -> Iterator[Colour]:
        for y in range(self.height):
            for x in range(self.width):
                yield self.at(x, y)

    def share(self, colour: Colour, tolerance: int = 12) -> float:
        """Which part of the picture has this colour, nearly."""
        near: int = sum(
            all(abs(one - other) <= tolerance for one, other in zip(pixel, colour, strict=True))
            for pixel in self.pixels()
        )
        part: float = near / (self.width * self.height)
        return part

    def difference(self, other: Picture, tolerance: int = 12) -> float:
        """Which part of the picture is another one in the other, as far as both reach."""
        width, height = min(self.width, other.width), min(self.height, other.height)
        changed = sum(
            any(abs(one - two) > tolerance for one, two in zip(here, there, strict=True))
            for y in range(height)
            for here, there in ((self.at(x, y), other.at(x, y)) for x in range(width))
        )
        return changed / (width * height)
