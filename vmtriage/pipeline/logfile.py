"""Opening a kernel log, whatever it is packed with."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from vmtriage.errors import BadDump, NoInput


@contextmanager
def log_file(name: str, stdin: BinaryIO) -> Iterator[BinaryIO]:
    """Opens a log, unpacked where it is packed; `-` is standard input. NoInput says what to do."""
    if name == "-":
        yield stdin
        return
    try:
        with Path(name).open("rb") as plain:
            head = plain.read(6)
            plain.seek(0)
            yield _unpacked(plain, head)
    except IsADirectoryError as error:
        raise NoInput(f"{name}: is a directory", next_step="name the log file in it") from error
    except FileNotFoundError as error:
        raise NoInput(f"{name}: no such file", next_step="check the path") from error
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise BadDump(f"{name}: broken archive: {error}", next_step="unpack it by hand") from error
    except OSError as error:
        raise NoInput(f"{name}: {error.strerror or error}", next_step="check the file") from error


def _unpacked(plain: BinaryIO, head: bytes) -> BinaryIO:
    if head.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=plain))
    if head.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(plain))
    if head.startswith(b"\xfd7zXZ\0"):
        return cast(BinaryIO, lzma.LZMAFile(plain))
    return plain
