"""A slim namelist that lacks something, in the hands of the real crash."""

import time
from pathlib import Path

import pytest

from tests.live import NEW, built, crash_of
from vmtriage.models.dump import Debuginfo, Namelist
from vmtriage.models.evidence import CommandStatus
from vmtriage.namelist.ensure import Wanted, ensure
from vmtriage.pipeline.rungs import Bounds, on_namelist
from vmtriage.pipeline.slim import Slim
from vmtriage.session.base import silent
from vmtriage.session.commands import KMEM_I, KMEM_S, RUNQ_G, SYS
from vmtriage.session.sandbox import choose
from vmtriage.settings import Settings

pytestmark = pytest.mark.live

# what crash says without them: cannot resolve, cannot determine
_HIDDEN = (b"slab_caches", b"vm_node_stat", b"root_task_group")


@pytest.mark.parametrize("quick", [False, True])
def test_what_a_slim_namelist_lacks_is_answered_by_the_vmlinux(tmp_path: Path, quick: bool) -> None:
    dump, crash = built("sysrq", "6.1", 1), crash_of(NEW)
    made = ensure(Wanted(dump=dump.vmcore), tmp_path)
    content = made.path.read_bytes()
    for name in _HIDDEN:
        assert b"\0" + name + b"\0" in content
        content = content.replace(b"\0" + name + b"\0", b"\0" + name[:-1] + b"?\0")
    made.path.write_bytes(content)
    namelist = Namelist(path=str(made.path), made_from="vmcore", cached=False, seconds=0.1)
    debuginfo = Debuginfo(path=str(made.path), namelist=namelist, found_by="the test")
    slim = Slim(debuginfo, None, lambda: None)
    full = Debuginfo(path=str(dump.vmlinux), found_by="--vmlinux")
    files = (dump.vmcore.resolve(),)
    bounds = Bounds.of(Settings(time_factor=4), time.monotonic())
    sandbox = choose("auto", crash, (made.path, dump.vmlinux, *files))
    ladder = on_namelist(crash, slim, lambda: full, files, bounds, sandbox, silent, quick)
    try:
        outputs = {o.command: o for o in ladder.run((SYS, KMEM_I, RUNQ_G, KMEM_S))}
        found = ladder.conditions
    finally:
        ladder.close()
    assert str(made.path) in outputs["sys"].text
    lines = {name: outputs[name].text for name in ("kmem -i", "runq -g", "kmem -s")}
    good = ("COMMITTED", "ROOT_TASK_GROUP", "task_struct")
    assert [w in text for w, text in zip(good, lines.values(), strict=True)] == [not quick] * 3
    assert {o.status for o in outputs.values()} == {CommandStatus.OK}
    assert found.rung is not None
    asked = () if quick else ("kmem -i", "runq -g", "kmem -s")
    assert tuple(c for each in found.rung.tried for c in each.commands) == asked
