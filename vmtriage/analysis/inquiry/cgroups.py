"""The cgroups of a task, by kernel memory: 3.10 with its names or dentries, 4.x, 5.x, 6.x.

Sources: include/linux/cgroup-defs.h, kernel/cgroup/cgroup.c, include/linux/kernfs.h.
"""

from collections.abc import Iterator

from vmtriage.analysis.inquiry.layout import member, size
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.models.who import CgroupPath

CGROUPS = member("task_struct", "cgroups")
_DEFAULT = member("css_set", "dfl_cgrp")
_SUBSYS = member("css_set", "subsys")
_SUBSYS_SIZE = size("css_set", "subsys")
_LINKS = member("css_set", "cgrp_links", "cg_links")  # before 3.11
_LINK = member("cgrp_cset_link", "cgrp_link")
_LINK_CGROUP = member("cgrp_cset_link", "cgrp")
_CSS_CGROUP = member("cgroup_subsys_state", "cgroup")
_CSS_SS = member("cgroup_subsys_state", "ss")
_SS_NAME = member("cgroup_subsys", "legacy_name", "name")  # before 4.2; io's is blkio
_ROOT = member("cgroup", "root")
_ROOT_NAME = member("cgroup_root", "name")
_KN = member("cgroup", "kn")
_KN_NAME = member("kernfs_node", "name")
_KN_PARENT = member("kernfs_node", "parent", "__parent")  # 6.15
# before 3.15: no kernfs
_OLD_LINK = member("cg_cgroup_link", "cg_link_list")
_OLD_LINK_CGROUP = member("cg_cgroup_link", "cgrp")
_OLD_PARENT = member("cgroup", "parent")
_OLD_NAME = member("cgroup", "name")
_OLD_TEXT = member("cgroup_name", "name")
_OLD_DENTRY = member("cgroup", "dentry")
_DENTRY_NAME = member("dentry", "d_name.name")

MEMBERS = (
    _DEFAULT, _SUBSYS, _SUBSYS_SIZE, _LINKS, _LINK, _LINK_CGROUP, _CSS_CGROUP, _CSS_SS, _SS_NAME,
    _ROOT, _ROOT_NAME, _KN, _KN_NAME, _KN_PARENT,
)  # fmt: skip
PATH_MEMBERS = (_KN, _KN_NAME, _KN_PARENT)
_DEEPEST = 64


class Cgroups:
    """Paths by cgroup; a host's tasks share them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._paths: dict[int, str | None] = {}
        self._sets: dict[int, tuple[CgroupPath, ...] | None] = {}

    def of_task(self, task: int) -> tuple[CgroupPath, ...] | None:
        """Every hierarchy in which the task is not in the root; the unified one first.

        (): it is in the root of all. None: could not be read.
        """
        css_set = self._memory.pointer(task, CGROUPS)
        if not css_set:
            return None
        if css_set not in self._sets:
            self._sets[css_set] = self._of_set(css_set)
        return self._sets[css_set]

    def path(self, cgroup: int) -> str | None:
        """The path below the hierarchy's root; "/" for the root itself."""
        if cgroup not in self._paths:
            old = self._memory.layout[_KN] is None
            names = list(self._old_names(cgroup) if old else self._names(cgroup))
            whole = all(name is not None for name in names)
            told = "/" + "/".join(name for name in reversed(names) if name)
            self._paths[cgroup] = told if whole else None
        return self._paths[cgroup]

    # -- a css_set ---------------------------------------------------------------------------------

    def _of_set(self, css_set: int) -> tuple[CgroupPath, ...] | None:
        memory = self._memory
        unified = memory.pointer(css_set, _DEFAULT)
        unified_root = memory.pointer(unified, _ROOT) if unified else None
        controllers = self._controllers(css_set)
        found: list[CgroupPath] = []
        linked = list(dict.fromkeys((*self._linked(css_set), *controllers)))
        for cgroup in linked:
            root = memory.pointer(cgroup, _ROOT)
            if unified_root and root == unified_root:
                continue  # a controller of v2: the unified path says it all
            path = self.path(cgroup)
            if path is None:
                return None
            if path != "/":
                found.append(
                    CgroupPath(
                        controllers=controllers.get(cgroup, ()), path=path,
                        hierarchy=None if cgroup in controllers else self._named(root),
                    )
                )  # fmt: skip
        found.sort(key=lambda each: (each.controllers, each.hierarchy or ""))
        if unified:
            path = self.path(unified)
            if path is None:
                return None
            if path != "/":
                found.insert(0, CgroupPath(path=path))
        return tuple(found) if unified or linked else None

    def _linked(self, css_set: int) -> Iterator[int]:
        """The cgroup of every hierarchy, those without controllers too."""
        memory = self._memory
        head = memory.at(css_set, _LINKS)
        new = memory.layout[_LINK] is not None
        link, target = (_LINK, _LINK_CGROUP) if new else (_OLD_LINK, _OLD_LINK_CGROUP)
        inside = memory.layout[link]
        if head is None or inside is None:
            return
        for node in memory.linked(head, 64):
            if cgroup := memory.pointer(node - inside, target):
                yield cgroup

    def _controllers(self, css_set: int) -> dict[int, tuple[str, ...]]:
        """Names of the controllers by cgroup."""
        memory = self._memory
        total, array = memory.layout[_SUBSYS_SIZE], memory.at(css_set, _SUBSYS)
        found: dict[int, tuple[str, ...]] = {}
        if not total or array is None or memory.layout[_CSS_SS] is None:
            return found
        for css in memory.words(array, total // memory.word_size):
            cgroup = memory.pointer(css, _CSS_CGROUP)
            name = memory.text(memory.pointer(memory.pointer(css, _CSS_SS), _SS_NAME), 32)
            if cgroup and name:
                found[cgroup] = (*found.get(cgroup, ()), name)
        return found

    def _named(self, root: int | None) -> str | None:
        return self._memory.text(self._memory.at(root, _ROOT_NAME), 64) or None

    # -- a path, the leaf's name first -------------------------------------------------------------

    def _names(self, cgroup: int) -> Iterator[str | None]:
        memory = self._memory
        node = memory.pointer(cgroup, _KN)
        for _ in range(_DEEPEST):
            parent = memory.pointer(node, _KN_PARENT)
            if not node or parent is None:
                yield None
                return
            if not parent:
                return  # the root: its own name is empty
            yield memory.text(memory.pointer(node, _KN_NAME))
            node = parent
        yield None

    def _old_names(self, cgroup: int) -> Iterator[str | None]:
        memory = self._memory
        node: int | None = cgroup
        for _ in range(_DEEPEST):
            parent = memory.pointer(node, _OLD_PARENT)
            if not node or parent is None:
                yield None
                return
            if not parent:
                return
            if memory.layout[_OLD_NAME] is not None:
                name = memory.at(memory.pointer(node, _OLD_NAME), _OLD_TEXT)
            else:
                name = memory.pointer(memory.pointer(node, _OLD_DENTRY), _DENTRY_NAME)
            yield memory.text(name)
            node = parent
        yield None
