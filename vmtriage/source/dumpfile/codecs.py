"""Decompresses one page. Each library is loaded when the first page needs it."""

import zlib
from collections.abc import Callable
from enum import IntFlag


class Packing(IntFlag):
    """How a page is compressed: the flags of its descriptor, and of the dump's header."""

    ZLIB = 0x1
    LZO = 0x2
    SNAPPY = 0x4
    ZSTD = 0x20


ALL = Packing.ZLIB | Packing.LZO | Packing.SNAPPY | Packing.ZSTD
Codec = Callable[[bytes, int], bytes]


class BadPage(ValueError):
    """The bytes do not decompress to one page."""


def expand(packing: int, data: bytes, size: int) -> bytes:
    """The page of `size` bytes; never makes many more than that. Raises BadPage."""
    try:
        page = codec(packing)(data, size) if packing else data
    except BadPage:
        raise
    except Exception as error:  # each library has errors of its own
        raise BadPage(f"does not decompress: {error!s:.60}") from error
    if len(page) != size:
        raise BadPage(f"{len(page)} bytes instead of {size}")
    return page


def codec(packing: int) -> Codec:
    """What decompresses such a page. Raises BadPage for flags nobody knows."""
    match packing:
        case Packing.ZLIB:
            return _zlib
        case Packing.LZO:
            return _lzo
        case Packing.SNAPPY:
            return _snappy
        case Packing.ZSTD:
            return _zstd
        case _:
            raise BadPage(f"flags {packing:#x} name no compression")


def _zlib(data: bytes, size: int) -> bytes:
    stream = zlib.decompressobj()
    page = stream.decompress(data, size + 1)  # the checksum behind the page is read, too
    if not stream.eof:
        raise BadPage("the page has no end")
    return page


def _lzo(data: bytes, size: int) -> bytes:
    from lzallright import LZOCompressor

    return LZOCompressor.decompress(data, size)  # grows to 255 times the input at most


def _snappy(data: bytes, size: int) -> bytes:
    import cramjam

    page = bytearray(size)
    return bytes(page[: cramjam.snappy.decompress_raw_into(data, page)])


def _zstd(data: bytes, size: int) -> bytes:
    import cramjam

    page = bytearray(size)
    return bytes(page[: cramjam.zstd.decompress_into(data, page)])
