"""Who owns a cgroup path: YARN, Docker, Kubernetes and the others, by the form of the path.

The path may be a full one or one rebuilt from the group names `runq -g` prints. Rows are data:
to teach a runtime, add a row with an example; tests/test_containers.py holds every row to it.
"""

import re
from dataclasses import dataclass

from vmtriage.models.finding import Container

_HEX = r"[0-9a-f]{64}"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_POD = (
    rf"(?P<pod>{_UUID}|[0-9a-f]{{32}}"  # static pods have 32 digits, systemd slices underscores
    r"|[0-9a-f]{8}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{12})"
)
_END = r"(?=/|$)"
_ID = "5fa97be56cd60433d6e21586b995303ce3d518afb3b85b64e902818d3a0e2171"
_CGROUP_DOC = "https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v2.html"
_YARN_DOC = (
    "https://hadoop.apache.org/docs/stable/hadoop-yarn/hadoop-yarn-site/NodeManagerCgroups.html"
)
_KUBE_DOC = "https://github.com/kubernetes/kubernetes/tree/master/pkg/kubelet/cm"
_SYSTEMD_DOC = "https://systemd.io/CGROUP_DELEGATION/"
_SLURM_DOC = "https://slurm.schedmd.com/cgroups.html"


@dataclass(frozen=True, slots=True)
class Grammar:
    """One form of path. Named groups fill the fields of Container; `fallback` rows come last."""

    runtime: str
    pattern: re.Pattern[str]
    example: str
    source: str
    fallback: bool = False


def _row(runtime: str, pattern: str, example: str, source: str, fallback: bool = False) -> Grammar:
    return Grammar(runtime, re.compile(pattern), example, source, fallback)


# Of several rows that fit, the one that reaches deepest into the path wins, then the first.
GRAMMARS: tuple[Grammar, ...] = (
    _row(
        "yarn",
        r"(?:^|/)(?P<name>container_(?:e(?P<epoch>\d{2,})_)?(?P<cluster>\d{10,13})_(?P<app>\d{4,})"
        rf"_(?P<try>\d{{2,}})_\d{{6,}})(?:/(?:docker-)?(?P<id>{_HEX})(?:\.scope)?)?{_END}",
        f"/hadoop-yarn/container_e06_1512098667219_988894_01_000020/{_ID}",
        _YARN_DOC,
    ),
    _row(
        "crio",
        rf"(?:^|/)(?:kubepods-(?:(?P<qos>burstable|besteffort)-)?pod{_POD}\.slice/)?"
        rf"crio-(?:conmon-)?(?P<id>{_HEX})(?:\.scope)?{_END}",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod58dc1221_d430_496e_951d"
        f"_e8cb23caaead.slice/crio-{_ID}.scope",
        "https://github.com/cri-o/cri-o/tree/main/internal/config/cgmgr",
    ),
    _row(
        "containerd",
        rf"(?:^|/)(?:kubepods-(?:(?P<qos>burstable|besteffort)-)?pod{_POD}\.slice/)?"
        rf"cri-containerd-(?P<id>{_HEX})(?:\.scope)?{_END}",
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod5931aa75_4603_4e65_b552"
        f"_7c71cf55cfb5.slice/cri-containerd-{_ID}.scope",
        _KUBE_DOC,
    ),
    _row(
        "containerd",
        rf"(?:^|/)kubepods-(?:(?P<qos>burstable|besteffort)-)?pod{_POD}\.slice:cri-containerd:"
        rf"(?P<id>{_HEX}){_END}",
        "/system.slice/containerd.service/kubepods-pod5931aa75_4603_4e65_b552_7c71cf55cfb5.slice"
        f":cri-containerd:{_ID}",
        "https://github.com/containerd/containerd/blob/main/docs/cri/config.md",
    ),
    _row(
        "docker",
        rf"(?:^|/)kubepods-(?:(?P<qos>burstable|besteffort)-)?pod{_POD}\.slice/"
        rf"docker-(?P<id>{_HEX})\.scope{_END}",
        f"/kubepods.slice/kubepods-pod0f5eb28f_6722_4cf5_ab0f_b62748c018d4.slice/docker-{_ID}.scope",
        _KUBE_DOC,
    ),
    _row(
        "kubernetes",
        rf"(?:^|/)kubepods-(?:(?P<qos>burstable|besteffort)-)?pod{_POD}\.slice{_END}",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod58dc1221_d430_496e_951d"
        "_e8cb23caaead.slice",
        _KUBE_DOC,
    ),
    _row(
        "kubernetes",
        rf"(?:^|/)(?:kubepods/)?(?:(?P<qos>burstable|besteffort)/)?pod{_POD}(?:/(?P<id>{_HEX}))?"
        rf"{_END}",
        f"/kubepods/burstable/pod62015ce8-a46f-4b0e-a5a1-3082235c62dd/{_ID}",
        _KUBE_DOC,
    ),
    _row(
        "ecs",
        rf"(?:^|/)ecs(?:tasks-[^/]+)?/(?:(?P<owner>[\w-]+)/)?(?P<app>[0-9a-f]{{32}}|{_UUID})"
        rf"(?:-\d+)?(?:/(?P<id>{_HEX}))?{_END}",
        f"/ecs/4ed351a8c26d47f0bb502c7019256bc7/{_ID}",
        "https://github.com/aws/amazon-ecs-agent",
    ),
    _row(
        "docker",
        rf"(?:^|/)docker/(?:buildkit/)?(?P<id>{_HEX}){_END}",
        f"/docker/{_ID}",
        "https://docs.docker.com/engine/containers/runmetrics/",
    ),
    _row(
        "docker",
        rf"(?:^|/)docker-(?P<id>{_HEX})\.scope{_END}",
        f"/system.slice/docker-{_ID}.scope",
        "https://docs.docker.com/engine/containers/runmetrics/",
    ),
    _row(
        "podman",
        r"(?:^|/)user-(?P<uid>\d+)\.slice/user@\d+\.service/(?:[^/]+\.slice/)?(?:user-libpod_pod_"
        rf"[0-9a-f]{{64}}\.slice/)?libpod-(?:conmon-)?(?P<id>{_HEX})\.scope{_END}",
        f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{_ID}.scope",
        "https://docs.podman.io/en/latest/markdown/podman-run.1.html",
    ),
    _row(
        "podman",
        rf"(?:^|/)libpod-(?:conmon-|payload-)?(?P<id>{_HEX})(?:\.scope)?{_END}",
        f"/machine.slice/libpod-{_ID}.scope/container",
        "https://docs.podman.io/en/latest/markdown/podman-run.1.html",
    ),
    _row(
        "containerd",
        rf"(?:^|/)nerdctl-(?P<id>{_HEX})\.scope{_END}",
        f"/system.slice/nerdctl-{_ID}.scope",
        "https://github.com/containerd/nerdctl",
    ),
    _row(
        "containerd",
        rf"(?:^|/)(?P<owner>default|k8s\.io|moby|buildkit)/(?P<id>{_HEX}){_END}",
        f"/default/{_ID}",
        "https://github.com/containerd/containerd/blob/main/docs/namespaces.md",
    ),
    _row(
        "kata",
        rf"(?:^|/)kata_(?:overhead/)?(?P<id>{_HEX}|[0-9a-f]{{8,63}}){_END}",
        f"/kata_overhead/{_ID}",
        "https://github.com/kata-containers/kata-containers/blob/main/docs/design/host-cgroups.md",
    ),
    _row(
        "lxc",
        r"(?:^|/)lxc\.(?:payload|monitor)[./](?P<name>[^/]+)",
        "/lxc.payload.openwrt",
        "https://linuxcontainers.org/lxc/manpages/man5/lxc.container.conf.5.html",
    ),
    _row(
        "lxc",
        r"(?:^|/)lxc/(?P<name>[^/]+)(?:/ns(?=/|$))?",
        "/lxc/c1/ns",
        "https://linuxcontainers.org/lxc/manpages/man5/lxc.container.conf.5.html",
    ),
    _row(
        "libvirt",
        r"(?:^|/)machine-(?P<kind>qemu|lxc)\\x2d\d+\\x2d(?P<name>[^/]+?)\.scope"
        r"(?:/libvirt)?(?:/(?:emulator|vcpu\d+|iothread\d+))?(?=/|$)",
        r"/machine.slice/machine-qemu\x2d1\x2ddebian12\x2d1.scope/libvirt",
        "https://libvirt.org/cgroups.html",
    ),
    _row(
        "libvirt",
        r"(?:^|/)machine/(?P<name>[^/]+)\.libvirt-(?:qemu|lxc)(?:/(?:emulator|vcpu\d+))?(?=/|$)",
        "/machine/web01.libvirt-qemu",
        "https://libvirt.org/cgroups.html",
    ),
    _row(
        "nspawn",
        r"(?:^|/)(?:systemd-nspawn@(?P<name>[^/]+)\.service)(?:/(?:payload|supervisor))?(?=/|$)",
        "/machine.slice/systemd-nspawn@fedora.service/payload",
        "https://www.freedesktop.org/software/systemd/man/latest/systemd-nspawn.html",
    ),
    _row(
        "nspawn",
        r"(?:^|/)machine\.slice/machine-(?P<name>[^/]+?)\.scope(?:/(?:payload|supervisor))?(?=/|$)",
        "/machine.slice/machine-fedora.scope",
        "https://www.freedesktop.org/software/systemd/man/latest/systemd-nspawn.html",
    ),
    _row(
        "slurm",
        r"(?:^|/)(?:slurm[^/]*/)?uid_(?P<uid>\d+)/job_(?P<app>\d+)(?:/step_(?P<try>\w+))?"
        r"(?:/task_\d+)?(?=/|$)",
        "/slurm/uid_1000/job_211/step_0",
        _SLURM_DOC,
    ),
    _row(
        "slurm",
        r"(?:^|/)(?:[\w-]*_)?slurmstepd\.scope/job_(?P<app>\d+)(?:/step_(?P<try>\w+))?"
        r"(?:/(?:user|slurm)(?:/task_\w+)?)?(?=/|$)",
        "/system.slice/slurmstepd.scope/job_298726/step_0/user/task_0",
        _SLURM_DOC,
    ),
    _row(
        "mesos",
        rf"(?:^|/)mesos(?:_executors\.slice)?/(?P<id>{_UUID}|{_HEX})(?:/mesos/{_UUID})*{_END}",
        "/mesos/0a1b2c3d-1111-4222-8333-444455556666",
        "https://mesos.apache.org/documentation/latest/isolators/cgroups-cpu/",
    ),
    _row(
        "nomad",
        rf"(?:^|/)nomad(?:\.slice)?/(?:(?:share|reserve)\.slice/)?(?P<app>{_UUID})"
        r"\.(?P<name>[^/]+?)(?:\.scope)?(?=/|$)",
        "/nomad.slice/share.slice/0a1b2c3d-1111-4222-8333-444455556666.web.scope",
        "https://developer.hashicorp.com/nomad/docs/drivers/exec",
    ),
    _row(
        "snap",
        r"(?:^|/)snap\.(?P<owner>(?P<name>[^./]+)\.[^/]+\.(?:service|scope))(?=/|$)",
        "/system.slice/snap.lxd.daemon.service",
        "https://snapcraft.io/docs/services-and-daemons",
        fallback=True,
    ),
    _row(
        "systemd",
        r"(?:^|/)user-(?P<uid>\d+)\.slice(?:/(?P<owner>session-\w+\.scope|user@\d+\.service))?"
        r"(?=/|$)",
        "/user.slice/user-1000.slice/session-1.scope",
        _SYSTEMD_DOC,
        fallback=True,
    ),
    _row(
        "systemd",
        r"(?:^|/)(?P<owner>(?P<name>[^/]+)\.(?:service|scope|socket|mount|swap))(?=/|$)",
        "/system.slice/nginx.service",
        _SYSTEMD_DOC,
        fallback=True,
    ),
    _row(
        "systemd",
        r"(?:^|/)(?P<owner>(?P<name>[^/]+)\.slice)(?=/|$)",
        "/system.slice",
        _SYSTEMD_DOC,
        fallback=True,
    ),
    _row(  # docker, containerd or a CRI: the leaf alone does not say which
        "container",
        rf"(?:^|/)(?P<id>{_HEX}){_END}",
        f"/{_ID}",
        _CGROUP_DOC,
        fallback=True,
    ),
)
_ESCAPE = re.compile(r"\\x([2-7][0-9a-f])(?<!7f)")  # printable ones only


def identify(path: str) -> Container | None:
    """The owner of this cgroup path, or None if no runtime or unit is known to make such names."""
    for rows in (
        [row for row in GRAMMARS if not row.fallback],
        [row for row in GRAMMARS if row.fallback],
    ):
        best = _deepest(rows, path)
        if best:
            return _container(*best)
    return None


def _deepest(rows: list[Grammar], path: str) -> tuple[Grammar, re.Match[str]] | None:
    found: tuple[Grammar, re.Match[str]] | None = None
    for row in rows:
        for match in row.pattern.finditer(path):
            if found is None or match.end() > found[1].end():
                found = row, match
    return found


def _container(row: Grammar, match: re.Match[str]) -> Container:
    part = match.groupdict()
    container_id, pod = part.get("id"), part.get("pod")
    pod = pod.replace("_", "-") if pod else None
    owner = part.get("owner")
    if part.get("uid"):
        owner = f"uid {part['uid']}" + (f", {owner}" if owner else "")
    application, attempt = part.get("app"), part.get("try")
    if row.runtime == "yarn":
        attempt = f"appattempt_{part['cluster']}_{part['app']}_{int(part['try']):06d}"
        application = f"application_{part['cluster']}_{part['app']}"
    name = part.get("name") or (short_id(container_id) if container_id else None)
    name = name or pod or application or owner or match[0].strip("/")
    if row.runtime == "slurm":
        name = f"job {application}"
    return Container(
        runtime=row.runtime,
        name=_unescape(name),
        container_id=container_id,
        pod=pod,
        qos=(part.get("qos") or "guaranteed") if pod else None,
        application=application,
        attempt=attempt,
        owner_hint=_unescape(owner) if owner else None,
    )


def _unescape(name: str) -> str:
    """Undo systemd's escapes (\\x2d is a hyphen); anything else of a hostile name stays."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), name)


def short_id(container_id: str) -> str:
    """The first 12 characters, as `docker ps` shows them; a UUID stays whole."""
    return container_id if "-" in container_id else container_id[:12]


def application_of(container: Container | None) -> tuple[str, str] | None:
    """Equal for all containers of one application, job, allocation or pod; None if neither."""
    if container is None:
        return None
    unit = container.application or container.pod
    return (container.runtime, unit) if unit else None
