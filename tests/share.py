"""A crash share as kdump leaves it: every layout in use, with small dumps made by hand."""

import os
from pathlib import Path

from tests.kdump_writer import Core, Load, Written, flattened

TIME = 1_700_000_000
LOG = "[    0.000000] Linux version 6.1.0-9-amd64 (a@b) #1 SMP\n[   12.5] Kernel panic - {}\n"


def info(time: int = TIME, release: str = "6.1.0-9-amd64") -> bytes:
    build_id = "3b43fa0c" * 5
    return f"OSRELEASE={release}\nBUILD-ID={build_id}\nPAGESIZE=4096\nCRASHTIME={time}\n".encode()


def vmcore(crash: int = 0, part: tuple[int, int] | None = None) -> bytes:
    """A compressed kdump; another `crash` of the same kernel has another time and content."""
    pages = {pfn: bytes([crash % 251, pfn]) * 2048 for pfn in range(40)}
    return Written(pages, info=info(TIME + crash), part=part).raw


def elf(crash: int = 0) -> bytes:
    return Core([Load(0, bytes([crash % 251]) * 8192)], info=info(TIME + crash)).raw


def log(crash: int = 0) -> bytes:
    return LOG.format(crash).encode()


def lay(share: Path, files: dict[str, bytes]) -> Path:
    """Writes the files below the share; their names may have directories."""
    for name, content in files.items():
        path = share / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return share


def aged(path: Path, mtime: float) -> None:
    """Gives a file the time that its server would have."""
    os.utime(path, (mtime, mtime))


RHEL = "10.1.2.3-2026-01-02-15:04:05"
DEBIAN = "202601021504"
# name of the layout: files, then what is to be found: place, layout, kind, host, dump, log
LAYOUTS: dict[str, tuple[dict[str, bytes], tuple[str, str, str, str | None, list[str], str | None]]]
LAYOUTS = {
    "rhel": (
        {f"{RHEL}/vmcore": vmcore(), f"{RHEL}/vmcore-dmesg.txt": log(),
         f"{RHEL}/kexec-dmesg.log": b"capture kernel"},
        (RHEL, "rhel", "vmcore", "10.1.2.3", ["vmcore"], "vmcore-dmesg.txt"),
    ),
    "rhel by name": (
        {"web-01.example.org-2026-01-02-15:04:05/vmcore": vmcore()},
        ("web-01.example.org-2026-01-02-15:04:05", "rhel", "vmcore", "web-01.example.org",
         ["vmcore"], None),
    ),
    "rhel, dots": (
        {"10.1.2.3-2026.01.02-15:04:05/vmcore": vmcore()},
        ("10.1.2.3-2026.01.02-15:04:05", "rhel", "vmcore", "10.1.2.3", ["vmcore"], None),
    ),
    "rhel by ssh": (
        {f"{RHEL}/vmcore.flat": flattened(vmcore(), range(0, 90000, 4096)),
         f"{RHEL}/vmcore-dmesg.txt": log()},
        (RHEL, "rhel", "flattened", "10.1.2.3", ["vmcore.flat"], "vmcore-dmesg.txt"),
    ),
    "rhel being written": (
        {f"{RHEL}/vmcore-incomplete": vmcore(), f"{RHEL}/vmcore-dmesg.txt": log()},
        (RHEL, "rhel", "incomplete", "10.1.2.3", ["vmcore-incomplete"], "vmcore-dmesg.txt"),
    ),
    "rhel, dead at once": (
        {f"{RHEL}/vmcore-dmesg-incomplete.txt": log(), f"{RHEL}/kexec-dmesg.log": b"x"},
        (RHEL, "rhel", "log", "10.1.2.3", [], "vmcore-dmesg-incomplete.txt"),
    ),
    "rhel, the capture kernel's log alone": (
        {f"{RHEL}/kexec-dmesg.log": b"x"},
        (RHEL, "rhel", "log", "10.1.2.3", [], "kexec-dmesg.log"),
    ),
    "rhel local, below its host": (
        {"db7/127.0.0.1-2026-01-02-15:04:05/vmcore": vmcore()},
        ("db7/127.0.0.1-2026-01-02-15:04:05", "rhel", "vmcore", "db7", ["vmcore"], None),
    ),
    "IPv6": (
        {"fe80::5054:ff:fe12:3456-2026-01-02-15:04:05/vmcore": vmcore()},
        ("fe80::5054:ff:fe12:3456-2026-01-02-15:04:05", "rhel", "vmcore",
         "fe80::5054:ff:fe12:3456", ["vmcore"], None),
    ),
    "IPv6 by Samba": (
        {"2001_db8__7-2026-01-02-15_04_05/vmcore": vmcore()},
        ("2001_db8__7-2026-01-02-15_04_05", "rhel", "vmcore", "2001:db8::7", ["vmcore"], None),
    ),
    "debian": (
        {f"{DEBIAN}/dump.{DEBIAN}": vmcore(), f"{DEBIAN}/dmesg.{DEBIAN}": log(),
         "kexec_cmd": b"x", "kdump_lock": b""},
        (DEBIAN, "debian", "vmcore", None, [f"dump.{DEBIAN}"], f"dmesg.{DEBIAN}"),
    ),
    "debian by NFS": (
        {f"mail1-{DEBIAN}/dump.{DEBIAN}": vmcore(), f"mail1-{DEBIAN}/dmesg.{DEBIAN}": log()},
        (f"mail1-{DEBIAN}", "debian", "vmcore", "mail1", [f"dump.{DEBIAN}"], f"dmesg.{DEBIAN}"),
    ),
    "debian by NFS, address": (
        {f"192.0.2.7-{DEBIAN}/dump.{DEBIAN}": vmcore()},
        (f"192.0.2.7-{DEBIAN}", "debian", "vmcore", "192.0.2.7", [f"dump.{DEBIAN}"], None),
    ),
    "debian below a host": (
        {f"mail1/{DEBIAN}/dump.{DEBIAN}": vmcore()},
        (f"mail1/{DEBIAN}", "debian", "vmcore", "mail1", [f"dump.{DEBIAN}"], None),
    ),
    "debian by FTP": (
        {f"mail1-dump.{DEBIAN}": vmcore(), f"mail1-dmesg.{DEBIAN}": log()},
        (f"mail1-dump.{DEBIAN}", "debian", "vmcore", "mail1", [f"mail1-dump.{DEBIAN}"],
         f"mail1-dmesg.{DEBIAN}"),
    ),
    "debian, packed": (
        {f"{DEBIAN}/dump.{DEBIAN}.gz": b"\x1f\x8b", f"{DEBIAN}/dmesg.{DEBIAN}": log()},
        (DEBIAN, "debian", "vmcore", None, [f"dump.{DEBIAN}.gz"], f"dmesg.{DEBIAN}"),
    ),
    "debian being written": (
        {f"{DEBIAN}/dump-incomplete": vmcore(), f"{DEBIAN}/dmesg.{DEBIAN}": log()},
        (DEBIAN, "debian", "incomplete", None, ["dump-incomplete"], f"dmesg.{DEBIAN}"),
    ),
    "debian without makedumpfile": (
        {f"{DEBIAN}/vmcore.{DEBIAN}": elf()},
        (DEBIAN, "debian", "vmcore", None, [f"vmcore.{DEBIAN}"], None),
    ),
    "ubuntu": (
        {f"{DEBIAN}/dump.{DEBIAN}": vmcore(), f"{DEBIAN}/dmesg.{DEBIAN}": log(), "kdump_lock": b"",
         f"linux-image-5.15.0-91-generic-{DEBIAN}.crash": b"ProblemType: KernelCrash\n"},
        (DEBIAN, "ubuntu", "vmcore", None, [f"dump.{DEBIAN}"], f"dmesg.{DEBIAN}"),
    ),
    "sles": (
        {"2026-01-02-15:04/vmcore": vmcore(), "2026-01-02-15:04/README.txt": b"Kernel crashdump",
         "2026-01-02-15:04/System.map-5.3": b"", "2026-01-02-15:04/dmesg.txt": log(),
         "2026-01-02-15:04/vmlinux-5.3": b"\x7fELF"},
        ("2026-01-02-15:04", "sles", "vmcore", None, ["vmcore"], "dmesg.txt"),
    ),
    "sles below a host, split": (
        {f"sap3/2026-01-02-15:04/vmcore{part}": vmcore(0, (10 * part - 10, 10 * part))
         for part in range(1, 12)},
        ("sap3/2026-01-02-15:04", "sles", "split", "sap3", [f"vmcore{n}" for n in range(1, 12)],
         None),
    ),
    "netdump": (
        {"192.0.2.9-2026-01-02-15:04/vmcore": elf(), "192.0.2.9-2026-01-02-15:04/log": log()},
        ("192.0.2.9-2026-01-02-15:04", "netdump", "vmcore", "192.0.2.9", ["vmcore"], "log"),
    ),
    "split": (
        {"node9/vmcore-0": vmcore(), "node9/vmcore-1": vmcore(), "node9/vmcore-10": vmcore()},
        ("node9", "unknown", "split", "node9", ["vmcore-0", "vmcore-1", "vmcore-10"], None),
    ),
    "flat": (
        {"web01-2026-01-02-15:04:05.vmcore": vmcore(),
         "web01-2026-01-02-15:04:05.dmesg": log()},
        ("web01-2026-01-02-15:04:05.vmcore", "flat", "vmcore", "web01",
         ["web01-2026-01-02-15:04:05.vmcore"], "web01-2026-01-02-15:04:05.dmesg"),
    ),
    "flat, host alone": (
        {"web01.vmcore": vmcore()},
        ("web01.vmcore", "flat", "vmcore", "web01", ["web01.vmcore"], None),
    ),
    "flat ELF": ({"web01.elf": elf()},
                 ("web01.elf", "flat", "vmcore", "web01", ["web01.elf"], None)),
    "at the top": ({"vmcore.flat": b""},
                   ("vmcore.flat", "flat", "flattened", None, ["vmcore.flat"], None)),
    "per cluster and host": (
        {f"blue/db7/{RHEL}/vmcore": vmcore()},
        (f"blue/db7/{RHEL}", "rhel", "vmcore", "10.1.2.3", ["vmcore"], None),
    ),
    "a log alone": (
        {"web01/vmcore-dmesg.txt": log()},
        ("web01", "rhel", "log", "web01", [], "vmcore-dmesg.txt"),
    ),
}  # fmt: skip
