"""Functions that are never the cause, only on the way to it: patterns beside plumbing's names.

Each row says what the functions do and where they live; a pattern must fit the whole name
without its compiler suffix. Names, not paths: the lists hold for kernels 2.6.32 to 6.17.
"""

import re
from functools import cache

from vmtriage.analysis import plumbing

# kernel/printk, lib/dump_stack.c, mm/{kasan,kmsan,kfence}, kernel/kcsan, lib/ubsan.c: reporters
_REPORTERS = r"""
dump_\w+ show_(?:stack|trace|regs|regs_\w+|backtrace) _?_?(?:v?printk\w*|warn\w*|WARN\w*) _printk
vprintk\w* console_\w+ __down_trylock_console\w* printk_\w+ __printk\w*
print_(?:address_description|report|trailer|shadow_\w+|\w+_bug|usage_bug\w*|circular_bug\w*
|lock_\w+|deadlock_bug|irq_\w+|unlock_\w+|bad_\w+|freed_lock\w*|memory\w*|track\w*|page_\w+
|req_\w+) \w*kasan\w* \w*kmsan\w* \w*kcsan\w* \w*kfence\w* __[hamt]w?san\w* __asan\w* __msan\w*
__tsan\w* __sanitizer\w* check_memory_region\w* __hwasan\w* describe_\w+ end_report start_report
ubsan_\w+ __ubsan\w* handle_overflow val_to_string unwind_\w+ stack_trace_\w* save_stack\w*
set_track\w* get_stack_info\w* walk_stack\w* arch_stack_walk\w* object_err slab_err slab_bug
slab_fix check_slab check_object on_freelist alloc_debug_processing free_debug_processing
check_bytes_and_report slab_pad_check debug_(?:print_object|check_no_obj\w*|object_\w+)
__debug_check_no_obj\w* __debug_object\w* lookup_object\w* bad_page free_page_is_bad\w*
free_pages_prepare check_new_page\w* bad_range check_bad_\w+ nmi_\w+ trigger_\w*backtrace\w*
arch_trigger\w* rcu_(?:dump|check|sched_clock)\w* lockdep\w* __lockdep\w* stackdepot\w*
stack_depot\w* __stack_depot\w* fail_dump should_fail\w* __should_fail\w* should_failslab
usercopy_\w+ __check_object_size check_object_size __check_heap_object check_heap_object
fortify_panic __fortify_panic __fortify_report __warn_printk report_cfi_failure handle_cfi_failure
debug_lockdep_rcu_enabled rust_begin_unwind _RN\w*(?:panic|core9panicking)\w* rust_helper_BUG
panic_\w+ kvasprintf\w* debug_smp_processor_id check_preemption_disabled __this_cpu_preempt_check
context_tracking\w* ftrace_\w+ trace_\w+ __traceiter\w* perf_trace\w* trace_event_\w+
__bpf_trace\w* __sched_show_task sched_show_task show_state_filter _*sched_show_task
__schedule_bug refcount_warn_saturate __list_\w+_valid\w* kmemleak\w* print_tainted
__x86_indirect\w* retpoline\w* _?dev_(?:v?printk|info|warn|err|notice|emerg|alert|crit|dbg)\w*
__dev_printk\w* __dynamic_\w+ __netdev_printk
netdev_(?:printk|info|warn|err|notice|emerg|alert|crit|dbg)\w* log_(?:store|output)\w* __warn_\w+
warn_alloc\w* kcov_\w+ __sanitizer_cov\w* __fentry__ mcount\w* __mcount\w* bpf_trace_run\w*
bpf_dispatcher_\w+ hw_breakpoint\w* notify_die
print_(?:usage\w*|chain\w*|worker_info\w*|modules|collision) c_backtrace
"""
# mm/: who asks for memory or gives it back is wanted, not the allocator
_ALLOCATORS = r"""
_{0,3}kv?(?:m|z|c)?m?alloc\w* _{0,3}kv?(?:free|realloc)\w* kmem_cache_\w+ __kmem_cache\w*
kmemdup\w* kstrdup\w* kstrndup kvmalloc\w* kvfree\w* __kvmalloc\w* _{0,2}v[mz]alloc\w*
__vmalloc\w* vfree __vfree ___slab_alloc __slab_alloc slab_\w+ __slab_free new_slab allocate_slab
alloc_slab\w* get_partial\w* _*alloc_\w*pages\w* __get_free_pages\w* get_zeroed_page
__free_pages\w* free_pages\w* __free_page\w* free_unref\w* free_pcppages\w* get_page_from_freelist
prep_new_page post_alloc_hook __folio_alloc\w* folio_alloc\w* vma_alloc_folio\w* _*filemap_\w+
\w*page_owner\w* pagecache_get_page __page_cache_alloc find_or_create_page __put_page put_page
folio_put\w* __folio_put\w* free_large_kmalloc alloc_percpu\w* __alloc_percpu\w* pcpu_alloc\w*
free_percpu __page_pool_alloc\w* page_pool_alloc\w*
cache_\w+ ____cache_alloc\w* __cache_free\w* create_object\w* __create_object\w* alloc_inode
krealloc\w* devm_k\w+ mempool_alloc\w* mempool_free\w* alloc_large_kmalloc qlist_\w+
quarantine_\w+ memcg_slab\w* __memcg\w* do_kmalloc\w* create_kmalloc\w* idr_\w+ __radix_tree\w*
radix_tree\w* slob_\w+ rmqueue\w* __rmqueue\w* folio_\w*lru\w*
kfree_(?:const|sensitive|rcu\w*|call_rcu\w*|link) kzfree kmemdup_\w+ memdup_\w+ vmemdup_\w+
strndup_user __?alloc_skb\w* __(?:netdev|napi)_alloc_\w+ netdev_alloc_\w+ napi_alloc_\w+
dma_(?:pool_)?(?:alloc|free)\w* dmam_\w+ gen_pool_\w+ __get_vm_area\w* get_vm_area\w*
alloc_vmap_area percpu_ref_init free_one_page __free_one_page __free_pages_ok free_the_page
free_frozen\w* alloc_frozen\w* __alloc_frozen\w* alloc_bulk\w* kernel_init_pages
clear_(?:huge_)?page\w* clear_highpage\w* copy_page copy_user_highpage\w* copy_highpage
"""
# kernel/locking, include/linux/spinlock.h: the lock is only where two others met
_LOCKS = r"""
lock_(?:acquire|acquired|release|is_held\w*|downgrade|set_class\w*|release_\w+|contended)
__lock_\w+ mark_lock\w* mark_held_locks mark_usage validate_chain check_prev\w* check_noncircular
check_path check_deadlock\w* check_usage\w* check_irq_usage check_wait_context check_chain_key
add_chain_cache valid_state register_lock_class assign_lock_key look_up_lock_class __?lock_release
reacquire_held\w* find_held_lock match_held_lock save_trace do_raw_(?:spin|read|write)_\w+
_?_?_?raw_(?:spin|read|write)_\w+ _?_?(?:spin|read|write)_(?:un)?(?:try)?lock\w* __raw_\w*lock\w*
arch_(?:spin|read|write)_\w+ queued_\w*lock\w* native_queued\w* pv_queued\w* __pv_queued\w*
raw_spin_rq\w* _?_?_?mutex_\w+ __ww_mutex\w* ww_mutex_\w+ rt_mutex\w* __rt_mutex\w* rtlock_\w+
rt_spin\w* __rt_spin\w* rwlock_\w+ down(?:_\w+)? __down(?:_\w+)? up(?:_\w+)? __up(?:_\w+)?
rwsem_\w+ percpu_(?:down|up|rwsem)\w* __percpu_\w+ osq_\w+ owner_on_cpu rwbase_\w+
trace_hardirqs\w* trace_softirqs\w* debug_check_no_locks\w* debug_spin_\w+ spin_bug spin_dump
rwlock_bug lock_release_\w+ seqcount_\w+ read_seq\w* might_sleep\w* __might_\w+ ___might_\w+
might_\w+ __local_bh_enable\w* _?local_bh_\w+ preempt_\w+ __preempt\w* call_rwsem\w* local_lock\w*
bit_spin_\w+ lockref_\w+ _*task_rq_lock lock_sock\w* lock_timer_base
\w+_(?:read|write)_(?:un)?lock\w* ct_irq\w* rcu_irq\w* rcu_lock\w* rcu_nmi\w* rcu_read_\w+
__rcu_read\w* rcu_is_watching rt_(?:read|write|rw)_\w+ double_\w*lock\w* task_rq_(?:un)?lock\w*
__?srcu_read_(?:un)?lock\w*
"""
# lib/, include/: the bad pointer, count or list was handed to them
_HELPERS = r"""
_?_?_?(?:mem(?:cpy|set|move|cmp|chr|scan|dup)\w*)
_?_?str(?:len|n?cmp|n?cpy|l?cpy|l?cat|n?casecmp|chr|rchr|str|sep|nlen|pbrk|scpy)\w*
(?:raw_|arch_)?atomic\w*_\w+ __atomic\w* instrument_\w+ refcount_\w+ __refcount_\w+ kref_\w+
(?:arch_|__)?(?:test|set|clear|change|test_and_\w+)_bit\w* find_\w*bit\w* _find_\w*bit\w*
bitmap_\w+ __bitmap\w* _?_?_?copy_(?:to|from)_(?:user|iter)\w* _?copy_user_\w+ copyin copyout
_?_?(?:get|put)_user\w* raw_copy_\w+ csum_\w+
_?_?list_(?:add|del|move|splice|replace|sort|rotate|empty|first|last|is|head)\w* __list_\w+
hlist_\w+ rb_\w+ __rb_\w+ timerqueue_(?:add|del_init) plist_\w+ klist_\w+ xas_\w+ xa_\w+ __xa_\w+
rhashtable_\w+ __rhashtable\w* rht_\w+ llist_\w+
skb_(?:over_panic|under_panic|panic|push|put|pull|pull_\w+|put_\w+) __skb_(?:put|push|pull)\w*
___pskb_trim pskb_\w+ read(?:b|w|l|q) write(?:b|w|l|q) ioread\w+ iowrite\w+ iput ihold dput
fast_dput lockref_get\w* kthread_stop crc\w+ hex_dump\w* print_hex_dump\w* number vsnprintf
vscnprintf snprintf sprintf string\w* pointer __sw_hweight\w* hweight\w+ __x86_return\w* add_taint
kobject_\w+ skb_\w*panic \w+fs_panic call_rcu\w* __call_rcu\w* init_timer\w* hrtimer_init\w*
__init_work\w* read_word_at_a_time read_pnet write_pnet
\w+_is_static_object percpu_ref_\w+ lock_page unlock_page get_page array_index_\w+
__?mod_\w*state dma_map_\w+ dma_unmap_\w+ get_net put_net
 \w*_atomic_dec_and_\w+ get_device\w* put_device
rollback_registered\w* unregister_netdev\w* dpm_sysfs\w+ device_(?:destroy|unregister|create)\w*
add_uevent_var usb_kill_\w+ usb_poison\w* flush_workqueue\w* drain_workqueue\w*
tty_unregister_device va_format hex_string ip\d\w*_string mac_address_string escaped_string
(?:__raw_)?(?:read|write)[bwlq] logic_(?:in|out)\w+ ref_tracker_\w+ count_memcg_\w+ ida_\w+
cleanup_srcu\w* folio_\w+ folios_\w+ mark_buffer_dirty\w* page_frag_\w+ aes\w*_(?:en|de)crypt
crypto_\w+ skcipher_\w+ shash_\w+ do_read_cache\w* __const_udelay __delay delay_\w+ udelay
__udelay cpu_relax rep_nop rmap_get\w* rcu_sync\w* complete complete_all __wake_up\w*
wake_up_\w*common\w* try_to_wake_up default_wake_function autoremove_wake_function
iov_iter_\w*copy\w* copy_page_(?:to|from)_iter\w* __bpf_\w*_run device_(?:add|del|initialize)
queue_work_on __queue_work queue_delayed_work\w* __queue_delayed_work insert_work
mod_delayed_work\w* add_timer\w* mod_timer\w* __mod_timer del_timer\w* __try_to_del\w*
timer_delete\w* try_to_del\w* debug_timer\w* flush_work __flush_work\w* cancel_\w*work\w*
__cancel_\w*work\w* start_flush_work usb_submit_urb usb_\w*hcd_submit\w* usb_start_wait_urb
usb_control_msg usb_internal_control\w* usb_bulk_msg sysfs_\w+ internal_create_group sync_page\w*
wait_on_page\w* wait_on_buffer __wait_on_buffer sleep_on_\w+ bcmp memzero\w* memparse memweight
_?_?(?:sized_)?str(?:sc?py|spn|cspn|pcpy|reverse|im|starts)\w* _?kstrto\w+ simple_strto\w+ sscanf
vsscanf seq_(?:printf|puts|putc|write|vprintf|put_\w+|escape\w*) scnprintf vsprintf sysfs_emit\w*
kasprintf devm_kasprintf bin2hex hex2bin hex_to_bin sort sort_r bsearch lcm gcd int_sqrt
div(?:64|_s64|_u64)\w* __div\w+ __udivti3 __umodti3 get_random_\w+ prandom_\w+ siphash_\w+
__siphash\w+ jhash\w* xxh(?:32|64)\w* sha\d+_\w+ blake2\w+ chacha\w* poly1305\w* gf128\w+
aes\w*_(?:en|de)crypt\w*
(?:xts|cbc|ecb|ctr|lrw|gcm|ccm|cts|pcbc|essiv|adiantum)_(?:en|de)?crypt\w* cipher_crypt_\w+
(?:ahash|aead|akcipher|acomp)_\w+ __xas_\w+ __idr\w* kfifo_\w+ __kfifo\w* hashlen_string
full_name_hash kthread_stop_put kthread_create\w* __kthread_create\w*
wake_up_(?:process|state|q|bit|var) hrtimer_(?:start\w*|cancel|try_to_cancel|setup\w*)
__hrtimer_(?:start\w*|init\w*) timer_(?:shutdown|setup)\w* __timer_delete\w* queue_work\w*
queue_rcu_work schedule_work\w* schedule_delayed_work\w* tasklet_(?:kill|schedule|init|setup)\w*
__tasklet_schedule\w* irq_work_queue\w* kset_\w+ device_register memcpy_(?:from|to)io
__memcpy_\w+io\w* outs?[bwl] ins?[bwl] ext4_(?:error\w*|handle_error|warning\w*|msg)
__ext4_(?:error|warning|msg|std_error|abort)\w* btrfs_(?:handle_fs_error|printk|warn\w*)
__btrfs_(?:handle_fs_error|panic) f2fs_(?:printk|handle_error|stop_checkpoint) jbd2_journal_abort
__jbd2_journal_abort\w*
xfs_(?:alert\w*|warn|err|printk|error_report|corruption_error|force_shutdown|do_force_shutdown
|buf_\w*error\w*|hex_dump|verifier_error) nilfs_(?:error|msg|printk)\w* __nilfs_(?:error|msg)\w*
ocfs2_error\w* __ocfs2_(?:error|abort)
"""
# kernel/sched/core.c: how a task gives up its CPU
_SCHEDULING = r"""
__schedule\w* schedule\w* _{0,3}preempt_schedule\w* io_schedule\w* preempt_count\w*
"""
# arch/: how a fault comes to the code that reports it
_ENTRIES = r"""
(?:asm_|__)?exc_\w+ (?:__|asm_)?sysvec_\w+
do_(?:kernel|translation|page|alignment|PrefetchAbort|DataAbort)_?\w*fault\w*
__do_(?:kernel|user)_fault
do_(?:DataAbort|PrefetchAbort|undefinstr|undef\w*|bad_area\w*|mem_abort\w*|sp_pc_abort|tag_\w+)
el[01]\w* __dabt_\w+ __pabt_\w+ __und_\w+ __irq_\w+ ret_\w+ret\w*
handle_(?:exception|page_fault|mm_fault_retry) do_trap\w* do_error\w* error_(?:code|entry|exit)
trap_c fixup_\w+ bug_handler call_break_hook brk_handler do_debug_exception debug_exception\w*
die\w* __die\w* arm_notify_die aarch64_\w+ arm64_\w+die\w* handle_\w*bug general_protection\w*
invalid_op page_fault \w+_page_fault unknown_\w*bugaddr data_access\w* __do_page_fault report_bug
rust_\w*unwind
do_(?:nmi|int3|debug|IRQ|device_not_available|invalid_op|general_protection|divide_error)
debug_smp\w* stub_\w+ paranoid_\w+ retint_\w+ irq_\w+exit\w* irqentry_\w+ kernel_text_address
__kernel_text_address reschedule_\w+ (?:smp_)?apic_timer\w* smp_\w*interrupt\w*
\w+_timer_interrupt\w* __handle_domain_irq handle_\w*irq\w* generic_handle\w* gic_\w+
arch_timer_handler\w* irq_exit\w* do_softirq\w* do_\w*soft_?irq\w* call_on_\w*stack\w* do_serror
arm64_serror\w* entry_SYSENTER\w* entry_INT80\w* do_(?:fast|int80)_syscall\w* __do_fast_syscall\w*
dump_backtrace\w* __show_regs ____?bad_area\w* asm_common_interrupt reschedule_retuser
do_entUna\w* do_(?:bti|gcs|fpsimd_\w+|cp15instr) ret_fast_syscall __sys_trace\w* vector_\w+
do_el[01]_\w+ (?:system_call|syscall)_(?:exception|common|vectored_common|trace\w*)\w*
__do_syscall do_syscall_trace\w*
(?:hardware|decrementer|performance_monitor|machine_check|data_storage|instruction_storage
|program_check|alignment)_\w*(?:common|exception|interrupt)\w* program_check_exception
___do_page_fault bad_page_fault __bad_page_fault hash__do_page_fault do_hash_fault
interrupt_(?:return|exit|enter)\w* \w+_common_virt pgm_check\w* __do_pgm_check illegal_op
monitor_event_exception do_(?:protection|dat|secure_storage)_exception do_report_trap
do_fault_error io_int_handler ext_int_handler do_(?:io|ext)_irq _save_context
handle_(?:kernel_page_fault|syscall|sys\w*|int|adel?|ades?|tlb\w*|bp|ri\w*|cpu|fpe\w*|ov)
tlb_do_page_fault_\d do_(?:bp|ri|tr|ov|cpu|ade|ale|bce|vint|lasx|lsx) except_vec\w*
rollback_handle_int break_handler
"""


@cache
def _pattern(*rows: str) -> re.Pattern[str]:
    names = (name for row in rows for name in row.replace("\n|", "|").split())
    return re.compile("|".join(f"(?:{name})" for name in names))


def carries(name: str) -> bool:
    """Whether the function only reports, or brought the fault to those who report."""
    pattern = _pattern(_REPORTERS, _ENTRIES, _SCHEDULING)
    return name in plumbing.CARRIERS or pattern.fullmatch(name) is not None


def never(name: str) -> bool:
    """Whether not even a report that shows nothing else may name the function."""
    return (
        name in plumbing.DUMPING
        or name in plumbing.EXCEPTION
        or name in plumbing.IDLE
        or _pattern(_REPORTERS, _SCHEDULING).fullmatch(name) is not None
    )


def passes(name: str) -> bool:
    """Whether the function was handed what is wrong: its caller is wanted."""
    return (
        name in plumbing.PASS_THROUGH
        or _pattern(_ALLOCATORS, _LOCKS, _HELPERS).fullmatch(name) is not None
    )
