#!/usr/bin/python3
"""Makes a PNG of a screen that Xvfb keeps in a file (`-fbdir`): picture.py SCREEN PNG"""
import struct
import sys
import zlib


def rows(screen):
    """Width, height and the rows of an XWD file of 32 bits a pixel, as red, green and blue."""
    head, _, kind, _, width, height = struct.unpack_from(">6I", screen)
    bits, line, = struct.unpack_from(">I", screen, 44)[0], struct.unpack_from(">I", screen, 48)[0]
    colours = struct.unpack_from(">I", screen, 76)[0]
    lsb_first = struct.unpack_from(">I", screen, 28)[0] == 0
    assert kind == 2 and bits == 32 and lsb_first, "a picture of another kind"
    begin = head + colours * 12
    for at in range(begin, begin + line * height, line):
        bgrx = screen[at:at + width * 4]
        rgb = bytearray(width * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = bgrx[2::4], bgrx[1::4], bgrx[0::4]
        yield width, height, rgb


def png(screen):
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    lines = list(rows(screen))
    width, height, _ = lines[0]
    raw = b"".join(b"\0" + rgb for _, _, rgb in lines)
    yield b"\x89PNG\r\n\x1a\n"
    yield part(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0))
    yield part(b"IDAT", zlib.compress(raw, 6))
    yield part(b"IEND", b"")


def main():
    source, goal = sys.argv[1:]
    with open(source, "rb") as file:
        screen = file.read()
    with open(goal, "wb") as file:
        file.writelines(png(screen))


main()
