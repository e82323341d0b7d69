"""What an instruction does to memory, read from the disassembler's text and the registers."""

import re
from contextlib import suppress
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.analysis.inquiry import address, arm64_operand, x86_operand
from vmtriage.analysis.inquiry.deed import deed
from vmtriage.errors import ParseError, TriageError
from vmtriage.parsers import dis, kmem
from vmtriage.session.commands import instruction_at, memory_of

HIGH = 0xFFFF888000000000
X86 = {"RAX": HIGH, "RBX": 2, "RCX": 3, "RDX": 0, "RSI": HIGH + 0x100, "RDI": HIGH + 0x200}
ARM = {"X0": HIGH, "X1": 0, "X2": 5, "X3": 0xFFFFFFFF, "SP": HIGH + 0x800}


@pytest.mark.parametrize(
    ("text", "access", "size", "reached"),
    [
        ("mov %rax,0x78(%rdx)", "write", 8, 0x78),
        ("mov 0x78(%rdx),%eax", "read", 4, 0x78),
        ("movq $0x1,0x78(%rax)", "write", 8, HIGH + 0x78),
        ("movb $0x0,-0x8(%rax)", "write", 1, HIGH - 8),
        ("mov 0x8(%rax,%rcx,8),%rsi", "read", 8, HIGH + 0x20),
        ("movzbl (%rdx),%eax", "read", 1, 0),
        ("movslq 0x4(%rdx),%rax", "read", 4, 4),
        ("movzwl (%rdx,%rbx,1),%ecx", "read", 2, 2),
        ("cmpl $0x0,0x10(%rdx)", "read", 4, 0x10),
        ("cmp %r12,(%rdx)", "read", 8, 0),
        ("test %al,0x3(%rdx)", "read", 1, 3),
        ("lock xadd %eax,(%rdx)", "read and write", 4, 0),
        ("lock decl 0x4(%rdx)", "read and write", 4, 4),
        ("lock cmpxchg %rcx,(%rdx)", "read and write", 8, 0),
        ("addq $0x1,0x20(%rdx)", "read and write", 8, 0x20),
        ("btsl $0x3,(%rdx)", "read and write", 4, 0),
        ("sete 0x5(%rdx)", "write", 1, 5),
        ("call *0x28(%rdx)", "read", 8, 0x28),
        ("jmpq *0x8(%rdx,%rcx,8)", "read", 8, 0x20),
        ("push 0x8(%rdx)", "read", 8, 8),
        ("rep stos %al,%es:(%rdi)", "write", 1, HIGH + 0x200),
        ("movups %xmm0,(%rdx)", "write", None, 0),
        ("mov 0x1a2b(%rip),%rax        # 0xffffffff82001a2b <jiffies>", "read", 8,
         0xFFFFFFFF82001A2B),
        ("mov %gs:0x1fbc0,%rax", "read", 8, None),
        ("mov -0x7d5e1000(,%rcx,8),%rax", "read", 8, (-0x7D5E1000 + 24) % 2**64),
        ("mov 0xffffffff82000000,%rax", "read", 8, 0xFFFFFFFF82000000),
        ("divl 0x10(%rdx)", "read", 4, 0x10),
    ],
)  # fmt: skip
def test_x86(text: str, access: str, size: int | None, reached: int | None) -> None:
    (operand,) = x86_operand.read(text).memory
    assert (operand.access, operand.size) == (access, size)
    assert address.effective(operand, X86, 64) == reached


@pytest.mark.parametrize(
    "text",
    ["lea 0x8(%rdx),%rax", "nopw 0x0(%rax,%rax,1)", "nopl 0x0(%rax,%rax,1) [FTRACE NOP]", "ret",
     "call 0xffffffff810c3f20 <kfree>", "xor %eax,%eax", "jne 0xffffffff810c3f20 <kfree+3>",
     "int3", "(bad)", "", "prefetchw (%rdx)"],
)  # fmt: skip
def test_x86_without_memory(text: str) -> None:
    assert x86_operand.read(text).memory == ()


def test_x86_of_two_places_each_has_its_access() -> None:
    source, goal = x86_operand.read("rep movsq %ds:(%rsi),%es:(%rdi)").memory
    assert (source.base, source.access) == ("RSI", "read")
    assert (goal.base, goal.access) == ("RDI", "write")


@pytest.mark.parametrize(
    ("text", "trap", "divisor"),
    [("ud2", "bug", None), ("div %rcx", "divide", ("RCX", 8)), ("idivl %ecx", "divide", ("RCX", 4)),
     ("div %r8d", "divide", ("R8", 4)), ("divq 0x8(%rax)", "divide", None)],
)  # fmt: skip
def test_x86_traps(text: str, trap: str, divisor: tuple[str, int] | None) -> None:
    found = x86_operand.read(text)
    assert (found.trap, found.divisor) == (trap, divisor)


@pytest.mark.parametrize(
    ("text", "access", "size", "reached"),
    [
        ("ldr x0, [x1, #120]", "read", 8, 120),
        ("ldr w0, [x1, #0x78]", "read", 4, 0x78),
        ("str xzr, [x1]", "write", 8, 0),
        ("strb w2, [x1, #-1]", "write", 1, 2**64 - 1),
        ("ldrh w2, [x1, #2]", "read", 2, 2),
        ("ldrsw x2, [x1, #4]", "read", 4, 4),
        ("ldr x0, [x1, x2, lsl #3]", "read", 8, 40),
        ("ldr x0, [x1, w2, uxtw #3]", "read", 8, 40),
        ("ldr x0, [x0, w3, sxtw]", "read", 8, HIGH - 1),
        ("stp x29, x30, [sp, #-16]!", "write", 16, HIGH + 0x7F0),
        ("ldp x2, x3, [x1], #16", "read", 16, 0),
        ("ldxr w0, [x1]", "read", 4, 0),
        ("stlxr w5, x4, [x1]", "write", 8, 0),
        ("ldadd w1, w0, [x1]", "read and write", 4, 0),
        ("casal x2, x3, [x1]", "read and write", 8, 0),
    ],
)
def test_arm64(text: str, access: str, size: int, reached: int) -> None:
    (operand,) = arm64_operand.read(text).memory
    assert (operand.access, operand.size) == (access, size)
    assert address.effective(operand, ARM, 64) == reached


@pytest.mark.parametrize("text", ["prfm pldl1keep, [x1]", "add x0, x1, #0x8", "bl 0xffff", "ret"])
def test_arm64_without_memory(text: str) -> None:
    assert arm64_operand.read(text).memory == ()


def test_arm64_trap() -> None:
    assert arm64_operand.read("brk #0x800").trap == "bug"


def test_in_words() -> None:
    (operand,) = x86_operand.read("mov %rax,0x78(%rdx)").memory
    assert deed(operand, 0x78) == "it writes 8 bytes at RDX+0x78 = 0x78"


@pytest.mark.parametrize(
    ("text", "registers", "bad"),
    [
        ("mov 0x8(%rdx),%rax", {"RDX": 0}, ("RDX", "NULL")),
        ("mov 0x8(%rdx),%rax", {"RDX": 0xDEAD000000000100}, ("RDX", "LIST_POISON1")),
        ("mov 0x8(%rdx),%rax", {"RDX": 0x0123456789ABCDEF}, ("RDX", "canonical")),
        ("mov 0x8(%rdx),%rax", {"RDX": 0x7F0000000000}, ("RDX", "no address of the kernel")),
        ("mov (%rdx,%rcx,8),%rax", {"RDX": HIGH, "RCX": 1 << 40}, ("RCX", "index")),
        ("mov (%rdx,%rcx,1),%rax", {"RDX": 0, "RCX": HIGH}, None),  # RDX is the index
        ("mov -0x7d5e1000(%rdx),%rax", {"RDX": 0}, None),  # an array's first element
        ("mov 0x8(%rdx),%rax", {"RDX": HIGH}, None),
        ("mov 0x8(%rdx),%rax", {}, None),
    ],
)
def test_the_bad_register(
    text: str, registers: dict[str, int], bad: tuple[str, str] | None
) -> None:
    (operand,) = x86_operand.read(text).memory
    found = address.wrong(operand, registers, 64, x86=True)
    assert (found is None) == (bad is None)
    if found and bad:
        assert found.register == bad[0]
        assert bad[1] in found.meaning


@given(st.one_of(st.text(), st.from_regex(re.compile(r"[a-z0-9]+ [%$*\[\](),x#0-9a-f-]{0,60}"))))
@pytest.mark.parametrize("reader", [x86_operand, arm64_operand])
def test_any_instruction_can_be_read(reader: ModuleType, text: str) -> None:
    for operand in reader.read(text).memory:
        address.effective(operand, X86 | ARM, 64)
        address.wrong(operand, X86 | ARM, 64, x86=True)
        deed(operand, None)


_PIECES = st.sampled_from(
    ["CACHE OBJSIZE NAME", "  SLAB              MEMORY  NODE", "  FREE / [ALLOCATED]",
     "  [ffff8cc7dfe69300]", "   ffff8cc7dfe69300  (cpu 1 cache)", "PID: 1", "PID: -", "TASK: x",
     'COMMAND: "a', "ffff8cc7c10428c0 1 2 3 4 4k name", "      PAGE       PHYSICAL", "",
     "ffff8cc7c10428c0 1000 0 0 -1 0", "ffffffffb4dcd0d3 (T) panic+99999999999999999999",
     "kmem: page excluded: kernel virtual address", "0xffff <a+0x>:\tmov", "0xff <a+1>: mov",
     "   VMAP_AREA         VM_STRUCT  ADDRESS RANGE", "ffffffff ffffffff - ffffffff 1"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(st.one_of(_PIECES, st.text(max_size=20))).map("\n".join)))
@pytest.mark.parametrize("parser", [dis, kmem])
def test_any_output_is_read_or_refused(parser: ModuleType, text: str) -> None:
    with suppress(ParseError):
        parser.parse(text)


@pytest.mark.parametrize("value", [-1, 0, 1 << 64])
def test_only_addresses_reach_crash(value: int) -> None:
    for command in (instruction_at, memory_of):
        with pytest.raises(TriageError):
            command(value)


def test_small_numbers_are_not_asked_as_memory() -> None:
    with pytest.raises(TriageError):
        memory_of(0x78)
