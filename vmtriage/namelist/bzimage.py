"""A vmlinuz: unpacks the vmlinux in it, which has types and the kernel's own symbol table.

Layout: Documentation/arch/x86/boot.rst (boot protocol 2.08 and newer).
"""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vmtriage.errors import NoDebuginfo, NoInput
from vmtriage.namelist.image_symbols import symbols_within
from vmtriage.namelist.ingredients import Ingredients
from vmtriage.namelist.vmlinux import read_image

_SETUP_SECTORS, _MAGIC_AT, _VERSION_AT, _PAYLOAD_AT = 0x1F1, 0x202, 0x206, 0x248
_MAGIC = b"HdrS"
_WITH_PAYLOAD = 0x0208
_LEGACY_BLOCK = 8 << 20  # of lz4's old format
_LARGEST = 512 << 20
_LZOP = b"\x89LZO\x00\r\n\x1a\n"


def is_bzimage(path: Path) -> bool:
    """Whether the file begins as an x86 kernel image."""
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC_AT + 4)[_MAGIC_AT:] == _MAGIC
    except OSError as error:
        raise NoInput(
            f"cannot read {path}: {error.strerror}", next_step="check the path"
        ) from error


def read_vmlinuz(path: Path) -> Ingredients:
    """Raises NoDebuginfo where it cannot be unpacked or lacks types or symbols."""
    try:
        image = _unpacked(path.read_bytes())
    except (OSError, ValueError, struct.error, EOFError, RuntimeError) as error:
        raise NoDebuginfo(
            f"{path} cannot be unpacked: {error}",
            next_step="give the vmlinux of the debuginfo package, or the dump",
        ) from error
    return read_image(io.BytesIO(image), str(path), symbols_within)


def _unpacked(raw: bytes) -> bytes:
    (version,) = struct.unpack_from("<H", raw, _VERSION_AT)
    if version < _WITH_PAYLOAD:
        raise ValueError(f"boot protocol {version >> 8}.{version & 255:02} does not say where")
    offset, length = struct.unpack_from("<II", raw, _PAYLOAD_AT)
    start = ((raw[_SETUP_SECTORS] or 4) + 1) * 512 + offset
    return _decompressed(raw[start : start + length])


def _decompressed(data: bytes) -> bytes:
    """By its first bytes. Behind all but gzip the kernel's build appends the size."""
    import bz2
    import lzma
    import zlib

    if data.startswith(b"\x7fELF"):
        return data
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(data, _LARGEST)
    if data.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
        return lzma.LZMADecompressor().decompress(data, _LARGEST)
    if data.startswith(b"BZh"):
        return bz2.BZ2Decompressor().decompress(data, _LARGEST)
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return _with_cramjam("zstd", lambda packer: packer.zstd.decompress(data[:-4]))
    if data.startswith(b"\x02\x21\x4c\x18"):
        return _legacy_lz4(data[4:-4])
    if data.startswith(_LZOP):
        return _lzop(data)
    raise ValueError(f"packed in a way that is not known ({data[:4].hex()})")


def _with_cramjam(form: str, unpack: Callable[..., Any]) -> bytes:
    import cramjam

    try:
        return bytes(unpack(cramjam))
    except cramjam.DecompressionError as error:
        raise ValueError(f"damaged {form}: {error}") from error


def _legacy_lz4(data: bytes) -> bytes:
    out, at = list[bytes](), 0
    while at + 4 <= len(data):
        (size,) = struct.unpack_from("<I", data, at)
        block = data[at + 4 : at + 4 + size]
        out.append(
            _with_cramjam(
                "lz4", lambda c, b=block: c.lz4.decompress_block(b, output_len=_LEGACY_BLOCK)
            )
        )
        at += 4 + size
    return b"".join(out)


def _lzop(data: bytes) -> bytes:
    """The file format of lzop(1), as lib/decompress_unlzo.c of the kernel reads it."""
    import lzallright

    at = len(_LZOP)
    (version,) = struct.unpack_from(">H", data, at)
    at += 8 if version >= 0x0940 else 7  # versions, method and level
    (flags,) = struct.unpack_from(">I", data, at)
    at += 4 + (4 if flags & 0x800 else 0) + (12 if version >= 0x0940 else 8)
    at += 1 + data[at] + 4  # name and checksum
    out, packer = list[bytes](), lzallright.LZOCompressor()
    while True:
        (size,) = struct.unpack_from(">I", data, at)
        if not size:
            return b"".join(out)
        (packed,) = struct.unpack_from(">I", data, at + 4)
        at += 12 + (4 if packed < size and flags & 0x2 else 0)
        block = data[at : at + packed]
        out.append(block if packed == size else bytes(packer.decompress(block, size)))
        at += packed
