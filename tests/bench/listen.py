"""`python -m tests.bench.listen`: how many lines a second `vmtriage listen` takes, on one core.

A sender on another core plays 200 hosts (127.x.y.z) that send at a fixed rate, and a crash now and
then. Prints what arrived, what was lost and the CPU time a line costs.
The promise: 20,000 lines a second without loss, every crash told.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process
from pathlib import Path

SAMPLE = Path("fixtures/netconsole/extended-page-fault.txt")
ORDINARY = (
    b"usb 1-1: new high-speed USB device number 5 using xhci_hcd, as ordinary lines go on for"
)


def play(port: int, hosts: int, rate: int, seconds: float, crashes: int, extended: bool) -> None:
    """The sender: every host in turn, in steps of 5 ms; told in the end: what it really sent."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sockets = []
    for number in range(hosts):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((f"127.1.{number // 250}.{number % 250 + 1}", 0))
        one.connect(("127.0.0.1", port))
        sockets.append(one)
    dying = [line.partition(b";")[2] for line in SAMPLE.read_bytes().splitlines()]
    began = time.perf_counter()
    total, sent, sequence = int(rate * seconds), 0, [0] * hosts
    every = total // crashes | 1 if crashes else total + 1  # odd: not always the same host
    alive = list(range(hosts))
    queued: dict[int, list[bytes]] = {}
    while sent < total:
        due = min(total, int((time.perf_counter() - began) * rate))
        while sent < due:
            host = alive[sent % len(alive)]
            if sent % every == every // 2 and host not in queued:
                queued[host] = list(dying)
            body = queued[host].pop(0) if host in queued else ORDINARY
            if host in queued and not queued[host]:
                alive.remove(host)  # the dead are silent
            if extended:
                sequence[host] += 1
                line = b"6,%d,%d,-;%s\n" % (sequence[host], sent * 50, body)
            else:
                line = b"[%5d.%06d] %s\n" % (sent // 1_000_000, sent % 1_000_000, body)
            sockets[host].send(line)
            sent += 1
        time.sleep(0.005)
    print(f"sent {sent} lines in {time.perf_counter() - began:.1f} s", flush=True)


def measure(options: argparse.Namespace, extended: bool) -> bool:
    """One run; true if the promise was kept."""
    core = str(min(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as home:
        command = ["taskset", "-c", core, sys.executable, "-m", "vmtriage", "listen"]
        command += ["--no-dns", "--bind", "127.0.0.1:0", "--rate", "100000/1000"]
        command += ["--log-dir", home] if options.log else []
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert child.stderr
        port = int(re.findall(r":(\d+)", child.stderr.readline())[-1])
        time.sleep(2)  # the assessor loads
        sender = Process(
            target=play,
            args=(port, options.hosts, options.rate, options.seconds, options.crashes, extended),
        )
        sender.start()
        sender.join()
        time.sleep(4)
        stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
        child.send_signal(signal.SIGTERM)
        out, err = child.communicate(timeout=120)
    summary = err.splitlines()[-1]
    events = [json.loads(line) for line in out.splitlines()]
    told = sum(each["class"] == "page_fault" for each in events)
    lines = int(options.rate * options.seconds)
    kept = f" {lines} lines" in summary and told == options.crashes and "dropped" not in summary
    print(summary)
    print(
        f"{'extended' if extended else 'plain'}: {told} of {options.crashes} crashes told,"
        f" {cpu / lines * 1e6:.1f} us CPU a line, {100 * cpu / options.seconds:.0f} % of a core"
        f" ({'kept' if kept else 'BROKEN'})"
    )
    return kept


def main() -> int:
    """0 when every run keeps the promise."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=int, default=20_000)
    options.add_argument("--hosts", type=int, default=200)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--crashes", type=int, default=20)
    options.add_argument("--log", action="store_true", help="with --log-dir")
    chosen = options.parse_args()
    return 0 if all([measure(chosen, extended) for extended in (False, True)]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
