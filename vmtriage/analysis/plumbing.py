"""Frames that carry a crash but never cause it, as data.

Sources: the kernel's own sources by name (kernel/panic.c, arch/x86/kernel/traps.c,
kernel/watchdog.c, mm/oom_kill.c ...), checked against the lab's stacks.
"""

import re

# Ways down to the dump: from panic() to the crash kernel.
_DUMPING = """machine_kexec __crash_kexec crash_kexec panic vpanic do_panic_on_target_cpu nmi_panic
oops_end die die_addr __die __die_body die_kernel_fault no_context oops_begin __bad_area
__bad_area_nosemaphore bad_area bad_area_nosemaphore page_fault_oops kernelmode_fixup_or_oops
__do_kernel_fault show_regs show_stack dump_stack dump_stack_lvl __warn report_bug fixup_bug
handle_bug warn_slowpath_common warn_slowpath_fmt warn_slowpath_null do_trap do_error_trap
do_invalid_op check_panic_on_warn __stack_chk_fail bust_spinlocks machine_restart
emergency_restart crash_nmi_callback crash_ipi_callback crash_save_cpu
default_machine_crash_shutdown native_machine_crash_shutdown"""
_EXCEPTION = """do_page_fault __do_page_fault do_user_addr_fault do_kern_addr_fault
exc_page_fault asm_exc_page_fault page_fault async_page_fault do_async_page_fault
do_general_protection exc_general_protection asm_exc_general_protection general_protection
exc_invalid_op asm_exc_invalid_op invalid_op do_divide_error exc_divide_error
asm_exc_divide_error divide_error exc_int3 asm_exc_int3 int3 do_int3 exc_double_fault
asm_exc_double_fault double_fault do_double_fault error_entry error_exit ret_from_intr
do_mem_abort do_bad_area do_translation_fault do_sp_pc_abort el1_sync el1h_64_sync
el1h_64_sync_handler el1_abort el1h_64_irq el1h_64_irq_handler el1_irq el1_error_invalid
__bad_stack handle_bad_stack do_page_fault_segv tlb_do_page_fault_1 handle_page_fault
data_access_common_virt pgm_check_handler __do_pgm_check do_dat_exception exc_stack_segment
asm_exc_stack_segment exc_machine_check asm_exc_machine_check mce_panic do_machine_check
machine_check"""
_WATCHDOG = """watchdog_overflow_callback watchdog_timer_fn watchdog_hardlockup_check
watchdog_buddy_check_hardlockup softlockup_fn is_softlockup __perf_event_overflow
perf_event_overflow handle_pmi_common intel_pmu_handle_irq intel_pmu_handle_irq_v4
x86_pmu_handle_irq amd_pmu_handle_irq perf_event_nmi_handler nmi_handle do_nmi default_do_nmi
exc_nmi asm_exc_nmi end_repeat_nmi nmi unknown_nmi_error mem_parity_error io_check_error
pci_serr_error hpwdt_pretimeout nmi_cpu_backtrace nmi_cpu_backtrace_handler
nmi_trigger_cpumask_backtrace rcu_sched_clock_irq print_cpu_stall check_cpu_stall
print_other_cpu_stall panic_on_rcu_stall rcu_check_callbacks rcu_pending ghes_notify_nmi"""
_INTERRUPT = """apic_timer_interrupt smp_apic_timer_interrupt sysvec_apic_timer_interrupt
__sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt local_apic_timer_interrupt
hrtimer_interrupt __hrtimer_run_queues __run_hrtimer hrtimer_run_queues do_IRQ common_interrupt
asm_common_interrupt irq_exit irq_exit_rcu __irq_exit_rcu handle_irq_event_percpu
handle_irq_event __handle_irq_event_percpu handle_edge_irq handle_fasteoi_irq __do_softirq
do_softirq do_softirq_own_stack __softirqentry_text_start handle_softirqs call_softirq
call_function_interrupt smp_call_function_interrupt sysvec_call_function
asm_sysvec_call_function sysvec_call_function_single asm_sysvec_call_function_single
__sysvec_call_function_single __sysvec_call_function generic_smp_call_function_single_interrupt
__flush_smp_call_function_queue flush_smp_call_function_queue reschedule_interrupt
xen_evtchn_do_upcall invoke_softirq run_ksoftirqd smpboot_thread_fn tick_sched_timer
tick_nohz_handler update_process_times tick_sched_handle gic_handle_irq call_on_irq_stack
do_interrupt_handler run_timer_softirq __run_timers run_timer_base call_timer_fn expire_timers"""
_IDLE = """native_safe_halt safe_halt default_idle amd_e400_idle mwait_idle
mwait_idle_with_hints intel_idle intel_idle_irq acpi_idle_enter acpi_idle_do_entry
acpi_safe_halt acpi_processor_ffh_cstate_enter cpuidle_enter cpuidle_enter_state
cpuidle_idle_call default_idle_call arch_cpu_idle cpu_startup_entry cpu_idle do_idle
start_secondary common_startup_64 secondary_startup_64 secondary_startup_64_no_verify rest_init
start_kernel x86_64_start_kernel x86_64_start_reservations pv_native_safe_halt
secondary_start_kernel __secondary_switched cpu_do_idle arch_call_rest_init"""
_THREAD = """system_call_fastpath system_call sysenter_entry do_syscall_64
entry_SYSCALL_64_after_hwframe entry_SYSCALL_64 x64_sys_call syscall_return_slowpath
do_syscall_32_irqs_on return_from_SYSCALL_64 tracesys ret_from_fork ret_from_fork_asm
ret_from_kernel_thread kthread child_rip kernel_thread_helper worker_thread process_one_work
process_scheduled_works schedule __schedule schedule_timeout io_schedule io_schedule_timeout
schedule_preempt_disabled preempt_schedule_irq preempt_schedule_common exit_to_user_mode_loop
exit_to_user_mode_prepare syscall_exit_to_user_mode irqentry_exit irqentry_exit_to_user_mode
el0_svc el0t_64_sync el0t_64_sync_handler ret_to_user do_el0_svc el0_svc_common invoke_syscall
context_switch __switch_to schedule_idle schedule_timeout_uninterruptible"""
_LOCKING = """mutex_trylock down_read_trylock down_write_trylock down_trylock
native_queued_spin_lock_slowpath queued_spin_lock_slowpath _raw_spin_lock _raw_spin_lock_irqsave
_raw_spin_lock_bh _raw_spin_lock_irq _spin_lock _spin_lock_irqsave _spin_lock_irq _spin_lock_bh
__ticket_spin_lock rwsem_down_read_failed rwsem_down_write_failed rwsem_down_read_slowpath
rwsem_down_write_slowpath call_rwsem_down_read_failed call_rwsem_down_write_failed
__mutex_lock_slowpath __mutex_lock mutex_lock mutex_lock_interruptible mutex_lock_killable
mutex_lock_io __mutex_lock_common down_read down_write __down_read __down_write down
down_killable down_timeout __down __down_common down_interruptible __down_interruptible
__down_timeout __down_killable smp_call_function_many smp_call_function_many_cond on_each_cpu
smp_call_function smp_call_function_single on_each_cpu_cond_mask csd_lock_wait __csd_lock_wait
raw_spin_rq_lock_nested osq_lock mutex_spin_on_owner rwsem_optimistic_spin rwsem_spin_on_owner
wait_for_completion __wait_for_common wait_for_common do_wait_for_common
wait_for_completion_timeout wait_for_completion_killable wait_for_completion_interruptible
wait_for_completion_state __wait_on_bit wait_on_bit out_of_line_wait_on_bit bit_wait bit_wait_io
__wait_on_bit_lock pv_wait kvm_wait __pv_queued_spin_lock_slowpath queued_write_lock_slowpath
queued_read_lock_slowpath _raw_write_lock _raw_read_lock folio_wait_bit_common __lock_page
wait_on_page_bit wait_on_page_bit_common io_wait_event"""
# Helpers whose caller is at fault: the bad pointer or the broken list was handed to them.
_LEAF = """__kmem_cache_free free_to_partial_list slab_free_freelist_hook __list_add_valid
__list_del_entry_valid __list_add __list_del_entry list_del list_add __list_add_valid_or_report
__list_del_entry_valid_or_report refcount_warn_saturate __slab_free kfree kmem_cache_free memcpy
memset strlen strcmp strncmp strcpy strncpy memmove __memcpy __memset memcmp memcpy_erms
memset_erms memcpy_orig copy_user_generic_unrolled copy_user_enhanced_fast_string
__list_lru_walk_one kfree_skb_reason slab_free cache_free do_raw_spin_lock"""
# A kprobe runs on behalf of the function it sits on: everything above these is the probe.
_PROBE = """kprobe_ftrace_handler kprobe_int3_handler aggr_pre_handler opt_pre_handler
optimized_callback ftrace_ops_list_func ftrace_ops_assist_func ftrace_regs_caller ftrace_call"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


DUMPING = _names(_DUMPING)
EXCEPTION = _names(_EXCEPTION)
WATCHDOG = _names(_WATCHDOG)
INTERRUPT = _names(_INTERRUPT)
IDLE = _names(_IDLE)
THREAD = _names(_THREAD)
LOCKING = _names(_LOCKING)
LEAF = _names(_LEAF)
PROBE = _names(_PROBE)

# Never guilty, whatever the crash.
CARRIERS = DUMPING | EXCEPTION | WATCHDOG | INTERRUPT | IDLE | THREAD
# Not guilty either, but their caller is wanted.
PASS_THROUGH = LOCKING | LEAF

# The function to name when a lockup or stall has it on its stack: the loop's own frame, not the
# leaf the watchdog happened to hit. Source: the scheduler's bandwidth code, kernel/sched/fair.c.
LOCKUP_ANCHORS = (
    "unthrottle_cfs_rq",
    "distribute_cfs_runtime",
    "sched_cfs_period_timer",
    "update_blocked_averages",
    "load_balance",
)
# The code that runs CFS bandwidth control, its periods and its throttling.
BANDWIDTH = _names("""unthrottle_cfs_rq distribute_cfs_runtime sched_cfs_period_timer
do_sched_cfs_period_timer tg_unthrottle_up tg_throttle_down throttle_cfs_rq sched_cfs_slack_timer
do_sched_cfs_slack_timer __cfsb_csd_unthrottle __unthrottle_cfs_rq_async unthrottle_cfs_rq_async
tg_set_cfs_bandwidth""")

_SUFFIX = re.compile(r"(?:\.(?:isra|part|constprop|cold|llvm|lto_priv)(?:\.?\d+)*)+$")


def base_name(function: str) -> str:
    """The function as the source names it: compiler suffixes (.isra.0, .cold) are gone."""
    return _SUFFIX.sub("", function)


_SYSCALL = re.compile(
    r"^(?:__(?:x64|ia32|arm64|s390x?|riscv)_(?:compat_)?sys_|__se_sys_|SyS_)(.+)$"
)


def other_names(function: str) -> tuple[str, ...]:
    """Names the same fault may carry elsewhere: with its suffix, or the plain system call."""
    base = base_name(function)
    names = [] if base == function else [function]
    if found := _SYSCALL.match(base):
        names.append(f"sys_{found[1]}")
    return tuple(names)
