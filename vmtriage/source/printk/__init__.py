"""The kernel log out of a dump's memory, without crash and without a vmlinux."""

from vmtriage.source.printk.kernel import Kernel
from vmtriage.source.printk.log import kernel_log

__all__ = ["Kernel", "kernel_log"]
