"""`make test`: see to what the live tests need, run pytest, and tell what could not run.

    python -m tests.prepare [PYTEST ARGUMENTS]
    python -m tests.prepare --only-install

As root on Debian the missing packages are installed. With VMTRIAGE_LIVE=required it is an
error if the live tests cannot run.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from fixtures import lab
from tests import browser, nfs, postgresql

_APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")


def install() -> None:
    """Installs what the lab and the tests of store and site lack, where this process may.

    The rest is told by `lab.missing`.
    """
    packages = lab.packages() if lab.missing() else ()
    names = [*packages, *_database(), *_web(), *_browser(), *_nfs()]
    if not names or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"installing for the live tests: {' '.join(names)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (("update",), ("install", "-y", "--no-install-recommends", *names)):
        done = subprocess.run(
            [*_APT, *step], env=environment, stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            print(f"apt-get {step[0]} failed with exit code {done.returncode}", file=sys.stderr)
            return


def _database() -> list[str]:
    """What the tests of the store want."""
    return [] if postgresql.binaries() else [postgresql.PACKAGE]


def _web() -> list[str]:
    """What the test of the example for nginx wants."""
    return [] if shutil.which("nginx") or shutil.which("/usr/sbin/nginx") else ["nginx"]


def _nfs() -> list[str]:
    """What the tests of a share on NFS want."""
    return list(nfs.PACKAGES) if "no NFS server" in nfs.missing() else []


def _browser() -> list[str]:
    """What the tests of the site want."""
    return list(browser.PACKAGES) if browser.missing() else []


def notice(lacking: Sequence[str]) -> str:
    """What does not run and how to change that, hard to overlook."""
    bar = "!" * 78
    said = [
        "LIVE TESTS DO NOT RUN: no real crash(8), no real vmcore. Missing:",
        *(f"  {each}" for each in lacking),
        f"To run them, as root: apt-get update && apt-get install {' '.join(lab.packages())}",
    ]
    return "\n".join([bar, *(f"!! {line}" for line in said), bar])


@contextmanager
def prebuilding(wanted: bool) -> Iterator[None]:
    """While the other tests run, the lab's dumps are made beside them."""
    if not wanted:
        yield
        return
    command = [sys.executable, "-m", "tests.prebuild"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.terminate()
        child.wait()


def main(arguments: Sequence[str]) -> int:
    """Prepare, test, and repeat the notice where people look: at the end."""
    install()
    lacking = lab.missing()
    if lacking:
        print(notice(lacking), file=sys.stderr, flush=True)
        if os.environ.get("VMTRIAGE_LIVE") == "required":
            print("VMTRIAGE_LIVE=required: giving up", file=sys.stderr)
            return 1
    if "--only-install" in arguments:
        return 0
    selection = ("-m", "not live") if lacking else ()
    tests = [sys.executable, "-m", "pytest", *selection, *arguments]
    with prebuilding(wanted=not lacking and not arguments):
        code = subprocess.run(tests, check=False).returncode
    if lacking:
        print(notice(lacking), file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
