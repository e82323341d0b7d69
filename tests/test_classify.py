"""The class of a crash from its log alone: causes before echoes, reports survived come second."""

import pytest

from vmtriage.analysis.classify import classify
from vmtriage.analysis.function import guilty_function
from vmtriage.analysis.incidents import find
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, GuiltyFunction
from vmtriage.parsers import log

FATAL = "[ 9000.000900] Kernel panic - not syncing: Fatal exception\n"
REFCOUNT = """\
[   10.000000] refcount_t: underflow; use-after-free.
[   10.000001] WARNING: CPU: 1 PID: 7 at lib/refcount.c:28 refcount_warn_saturate+0xba/0x110
[   10.000002] RIP: 0010:refcount_warn_saturate+0xba/0x110
[   10.000003]  kobject_put+0x50/0x70
"""
NULL = """\
[ 9000.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008
[ 9000.000100] CPU: 3 PID: 99 Comm: nginx Tainted: G        W   6.1.0-9-amd64 #1
[ 9000.000200] RIP: 0010:tcp_ack+0x1b2/0x1470
[ 9000.000300] Call Trace:
[ 9000.000400]  tcp_rcv_established+0x1d1/0x6a0
"""
LIST_BUG = """\
[ 9000.000000] list_del corruption. prev->next should be ffff888100000000, but was 0
[ 9000.000100] ------------[ cut here ]------------
[ 9000.000200] kernel BUG at lib/list_debug.c:62!
[ 9000.000300] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI
[ 9000.000400] RIP: 0010:__list_del_entry_valid.cold+0x23/0x6f
[ 9000.000500] Call Trace:
[ 9000.000600]  vendor_remove+0xbb/0xf0 [vendor]
"""
ECHO = """\
[ 9000.000500] general protection fault, probably for non-canonical address: 0000 [#2] SMP
[ 9000.000600] RIP: 0010:echo_of_it+0x1/0x2
"""
LOCKUP = """\
[  500.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [java:150]
[  500.000100] RIP: 0010:native_queued_spin_lock_slowpath+0x6c/0x2a0
[  500.000200] Call Trace:
[  500.000300]  _raw_spin_lock+0x29/0x30
[  500.000400]  d_walk+0x3b/0x280
[  500.000500] Kernel panic - not syncing: softlockup: hung tasks
"""


def conclude(text: str) -> tuple[Classification, GuiltyFunction | None]:
    facts = Facts(log=log.parse(text))
    assert facts.log is not None
    incidents = find(facts.log)
    classification = classify(facts, incidents)
    return classification, guilty_function(facts, classification, incidents)


@pytest.mark.parametrize(
    ("text", "crash_class", "function", "module"),
    [
        (NULL + FATAL, "null_pointer", "tcp_ack", None),
        (REFCOUNT + NULL + FATAL, "null_pointer", "tcp_ack", None),
        (NULL + ECHO + FATAL, "null_pointer", "tcp_ack", None),
        (LIST_BUG + FATAL, "list_corruption", "vendor_remove", "vendor"),
        (REFCOUNT + LOCKUP, "soft_lockup", "d_walk", None),
        (REFCOUNT, "refcount", "kobject_put", None),
        ("[    1.000000] Linux version 6.1.0-9-amd64\n", "unknown", None, None),
    ],
)
def test_a_log_leads_to_its_cause(
    text: str, crash_class: str, function: str | None, module: str | None
) -> None:
    classification, guilty = conclude(text)
    assert classification.crash_class == crash_class
    assert (guilty.name if guilty else None) == function
    assert (guilty.module if guilty else None) == module


def test_the_deciding_lines_are_quoted_word_for_word() -> None:
    classification, _ = conclude(LIST_BUG + FATAL)
    quoted = {item.line: item.text for item in classification.evidence}
    assert quoted[1].startswith("list_del corruption. prev->next should be")
    assert quoted[8] == "Kernel panic - not syncing: Fatal exception"
