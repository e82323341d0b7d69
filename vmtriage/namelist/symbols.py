"""Which of a kernel's hundred thousand symbols a namelist keeps.

crash puts every name into a table of 512 lists and walks a list to its end for each: the time is
the square of their number. Text is kept whole: any of it may stand in a stack.
"""

import re
from collections.abc import Iterable

from vmtriage.namelist.ingredients import Symbol

_NOWHERE_ASKED = (  # (how a name of data begins, what it is); no instruction refers to one by rip
    (r"__kstrtab", "names of exported symbols, for the module loader"),
    (r"__ksymtab_", "table of exported symbols, for the module loader"),
    (r"__crc_", "versions of exported symbols"),
    (r"__func__\.|__PRETTY_FUNCTION__\.", "names of functions, for messages"),
    (r"__UNIQUE_ID", "module information and the like"),
    (r"__param_|__setup_", "parameters of the command line"),
    (r"__initcall_|__exitcall_", "tables of functions to be run at boot"),
    (r"__syscall_meta_|__p_syscall_meta_|args__|types__", "names of system calls' arguments"),
    (r"event_(?!class)|__event_|trace_event_fields_|trace_event_type_funcs_|print_fmt_",
     "descriptions of trace events"),
    (r"str__|__TRACE_SYSTEM_|TRACE_SYSTEM_", "names of trace events' values"),
    (r"__tpstrtab_|___tp_str|__bpf_trace_tp_map_|__tracepoint_ptr_", "tables of trace points"),
    (r"__SCK__", "keys of static calls: patched into the text that calls"),
    (r"__BTF_ID_", "numbers of types, for BPF"),
    (r"__msg\.|__flags\.|symbols\.|_acpi_module_name", "texts and tables of messages"),
    (r"__compound_literal\.|\.L", "what the compiler put aside"),
    (r"__key\.", "classes of the lock validator"),
)  # fmt: skip
_PADDING = r"__pfx_"  # the bytes before a function: no instruction of it is ever run

_DATA = re.compile("|".join(pattern for pattern, _ in _NOWHERE_ASKED).encode())
_TEXT = re.compile(_PADDING.encode())


def kept(symbols: Iterable[Symbol]) -> list[Symbol]:
    """Those of use, in their order."""
    data, text = _DATA.match, _TEXT.match
    return [each for each in symbols if not (text if each.kind in "tTwW" else data)(each.name)]
