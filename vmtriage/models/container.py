"""Who owns a cgroup path."""

from vmtriage.models.base import Model


class Container(Model):
    """Who owns a cgroup path. `name` is what an operator would search for."""

    runtime: str  # yarn, docker, containerd, crio, podman, lxc, libvirt, slurm, systemd ...
    name: str
    container_id: str | None = None  # full id
    pod: str | None = None  # Kubernetes pod UID
    qos: str | None = None  # guaranteed, burstable, besteffort
    application: str | None = None  # YARN application, Slurm job, Nomad allocation
    attempt: str | None = None  # YARN attempt, Slurm step
    owner_hint: str | None = None  # systemd unit, user slice: where to ask
