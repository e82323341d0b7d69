"""Frames a stuck or waiting task is understood by: who hands over, who interrupts, who waits.

Names, from kernel/, entry/, net/core/, fs/ and arch/ of kernels 2.6.32 to 6.17; patterns must fit
the whole name without its compiler suffix.
"""

import re

# They hand control to the code a task, a timer, a packet or a system call is for: what stands
# right above one of them is where a loop belongs to.
_HAND_OVER = r"""
process_one_work process_scheduled_works worker_thread kthread ret_from_\w+ kernel_init
do_syscall_\w+ x64_sys_call ia32_sys_call invoke_syscall el0_svc\w* do_el0_svc entry_SYS\w+
system_call\w* syscall_\w+ do_fast_syscall_32 __do_fast_syscall_32 do_int80_syscall_32 sysenter\w*
tracesys cstar_dispatch ret_fast_syscall ret_to_user riscv_sys\w+ handle_syscall __do_softirq
__softirqentry_text_start handle_softirqs do_softirq\w* call_timer_fn __run_timers net_rx_action
__napi_poll napi_poll tasklet_action\w* rcu_do_batch rcu_core\w* __netif_receive_skb\w*
netif_receive_skb\w* __hrtimer_run_queues hrtimer_interrupt __run_hrtimer irq_exit\w* do_idle
cpu_startup_entry cpu_idle\w* start_secondary rest_init task_work_run get_signal do_exit
do_group_exit exit_to_user\w* prepare_exit_to_user\w*
vfs_(?:read|write|ioctl|readv|writev|fsync|iter_\w+)\w* __vfs_(?:read|write) do_vfs_ioctl ksys_\w+
new_sync_\w+ call_(?:read|write)_iter do_iter_\w+ compat_ioctl\w*
sock_(?:sendmsg|recvmsg|write_iter|read_iter|ioctl|close)\w* netlink_(?:unicast|sendmsg|rcv_skb)
\w*rtnetlink_rcv_msg genl_rcv_msg genl_family_rcv_msg\w* __fput fput ____fput __do_fault
nfnetlink_rcv_msg full_proxy_\w+ proc_reg_\w+ kernfs_fop_\w+ generic_smp_call\w*
__?flush_smp_call\w* do_one_initcall
__x64_sys_exit_group do_one_pass run_ksoftirqd smpboot_thread_fn handle_irq_event\w*
__handle_irq_event\w*
"""
# The interrupt came in here: below it stands what was interrupted.
_INTERRUPTS = r"""
(?:smp_)?apic_timer_interrupt\w* asm_sysvec_\w+ \w*_interrupt_entry\w* retint_\w+ common_interrupt
asm_common_interrupt ret_from_intr end_repeat_nmi asm_exc_nmi el1_irq el1h_64_irq __irq_svc nmi
do_nmi
ret_from_exception handle_arch_irq do_interrupt_handler reschedule_interrupt xen_\w+_callback\w*
hv_stimer\w*
"""
_REMOTE = r"smp_call_function\w* on_each_cpu\w*"
# Words in the names of functions that only wait. Source: kernel/sched, kernel/locking.
_WAITING = re.compile(
    r"sched|_lock|_slowlock|down|rwsem|completion|kthread|wait|synchronize|context_switch"
    r"|__switch_to|cancel_\w*work|rcu_barrier|mutex|io_schedule|__bio_|bit_wait|flush_work"
    r"|do_read_cache"
)


def _fitting(names: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in names.split()))


_HAND_OVER_PATTERN = _fitting(_HAND_OVER)
_INTERRUPTS_PATTERN = _fitting(_INTERRUPTS)
_REMOTE_PATTERN = _fitting(_REMOTE)


def hands_over(name: str) -> bool:
    """Whether the function calls whatever a task, timer, packet or system call is for."""
    return _HAND_OVER_PATTERN.fullmatch(name) is not None


def interrupts(name: str) -> bool:
    """Whether an interrupt enters here; the name may carry a compiler suffix."""
    return _INTERRUPTS_PATTERN.fullmatch(name.split(".")[0]) is not None


def waits_for_cpus(name: str) -> bool:
    """Whether the function waits until other CPUs have done something."""
    return _REMOTE_PATTERN.fullmatch(name) is not None


def only_waits(name: str) -> bool:
    """Whether the name is one of scheduling, locking or waiting."""
    return _WAITING.search(name) is not None
