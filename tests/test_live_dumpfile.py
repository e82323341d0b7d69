"""Memory of real dumps: every form gives the bytes that drgn reads."""

from pathlib import Path

import drgn
import pytest

from tests.live import built
from vmtriage.source.dumpfile import open_dump

_KERNELS = (("6.1", 1), ("6.12", 2))
_FORMS = ("lzo", "zlib", "zstd", "flat", "elf")


def reference(vmcore: Path) -> drgn.Program:
    program = drgn.Program()
    program.set_core_dump(vmcore)
    return program


@pytest.mark.live
@pytest.mark.parametrize(("kernel", "cgroup"), _KERNELS)
@pytest.mark.parametrize("form", _FORMS)
def test_live_kernel_memory_is_what_drgn_reads(kernel: str, cgroup: int, form: str) -> None:
    dump = built("sysrq", kernel, cgroup)
    true = reference(dump.vmcore)
    with open_dump(dump.vmcore_in(form)) as memory:
        symbols = memory.info.symbols
        for name, size in (("_stext", 4 << 20), ("kallsyms_names", 6 << 20), ("init_uts_ns", 400),
                           ("swapper_pg_dir", 4096), ("node_data", 8192)):  # fmt: skip
            assert memory.read_virtual(symbols[name], size) == true.read(symbols[name], size), name
