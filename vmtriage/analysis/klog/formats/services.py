"""File systems, networks, limits and user space: what the kernel says of those it serves.

Sources: fs/ext4/super.c, fs/xfs/, fs/btrfs/, fs/jbd2/, fs/super.c, drivers/net/, net/core/,
net/netfilter/, net/sunrpc/, fs/smb/client/, arch/x86/mm/fault.c, arch/x86/kernel/traps.c,
net/ipv4/, net/ceph/, fs/ceph/, fs/nfs/,
kernel/cgroup/pids.c, kernel/fork.c, fs/file_table.c.
"""

from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.models.finding import CrashClass as C

SERVICES: tuple[Format, ...] = (
    Format(
        "filesystem-error", C.IO_ERROR, "file system error on {device}",
        ("-fs error", "): error: ", "block allocation failed", "Aborting journal",
         "journal commit I/O error", "JBD2: ", "JBD: ", "XFS (", "XFS internal error",
         "BTRFS error", "BTRFS: error", "BTRFS critical", "BTRFS: Transaction",
         "csum failed", "BTRFS warning", "force_shutdown(",
         "F2FS-fs (", "FAT-fs (", "GFS2: ", "SQUASHFS error", "OCFS2: ERROR"),
        r"EXT[234]-fs error(?: \(device (?P<device>[^)]+)\))?|journal commit I/O error"
        r"|EXT[234]-fs \((?P<device7>[^)]+)\): (?:error: \w+:|Delayed block allocation failed)"
        r"|Filesystem \"?(?P<device8>[\w-]+)\"?: XFS internal error|XFS internal error"
        r"|(?:Aborting journal on device|JBD2?: (?:Detected IO errors.* on"
        r"|Error -?\d+ .* for)) ?(?P<device2>[\w-]*)"
        r"|XFS \((?P<device3>[^)]+)\):.*(?:[Cc]orruption|[Ii]nternal error|force_shutdown"
        r"|I/O [Ee]rror"
        r"|metadata I/O error|log I/O error|[Ss]hutting down|[Pp]lease u[nm]*ount"
        r"|Filesystem has been shut down)|^xfs_(?:do_)?force_shutdown\((?P<device9>[^,)]+),"
        r"|BTRFS:? warning ?(?:\(device (?P<device10>[^):]+)\))?:? .*(?:csum failed|checksum error"
        r"|checksum verify failed|parent transid verify failed)|^btrfs:? csum failed"
        r"|BTRFS:? (?:error|critical) ?(?:\(device (?P<device4>[^):]+))?|BTRFS: Transaction aborted"
        r"|F2FS-fs \((?P<device5>[^)]+)\): .*(?:[Ii]nconsist|corrupt)"
        r"|FAT-fs \((?P<device6>[^)]+)\): error"
        r"|SQUASHFS error|OCFS2: ERROR|GFS2: .*fatal",
        "serious",
    ),
    Format(
        "filesystem-history", C.IO_ERROR, "file system on {device} holds errors of earlier days",
        ("error count since last fsck",),
        r"EXT[234]-fs \((?P<device>[^)]+)\): error count since last fsck: [1-9]", "noise",
    ),
    Format(
        "read-only", C.IO_ERROR, "file system became read-only",
        ("emounting filesystem read-only", "forced readonly"),
        r"[Rr]emounting filesystem read-only|forced readonly", "serious",
    ),
    Format(
        "vfs-use-after-free", C.BUG, "VFS object used after it was freed",
        ("VFS: Busy inodes", "VFS: Close: file count"),
        r"VFS: (?P<what>Busy inodes after unmount|Close: file count)", "serious",
    ),
    Format(
        "tx-hang", C.WATCHDOG, "network card's transmit unit hangs",
        ("x Unit Hang", "Hardware Unit Hang", "TX driver issue detected", "tx hang ",
         "tx_timeout: "),
        r"Detected (?:T[Xx]|Hardware) Unit Hang|: tx_timeout: |TX driver issue detected"
        r"|tx hang \d+ detected",
        "serious",
    ),
    Format(
        "link-flap", C.IO_ERROR, "network link of {device} is down",
        ("ink is Down", "ink is down", ": link down", ": Link down", ": Link Down",
         "link status definitely down", "link status down", "Port module event"),
        r"(?P<device>[\w.-]+):? NIC (?:Copper |Fibre )?Link is Down\b"
        r"|(?P<device3>[\w.-]+): [Ll]ink is [Dd]own\b"
        r"|(?P<device2>[\w.-]+): (?:NIC )?[Ll]ink [Dd]own\b(?:[^:]|$)"
        r"|(?P<device4>bond[\w.-]*): (?:\(slave (?P<what>\S+)\): )?link status (?:definitely )?down"
        r"|mlx5_core (?P<device5>\S+): Port module event.*Cable (?:unplugged|error)",
        "notable",
    ),
    Format(
        "network-storage", C.IO_ERROR, "network file server does not answer",
        ("not responding", "has not responded", "session lost, hunting", "hunting for new mon",
         "ceph: mds"),
        r"nfs4?: server (?P<device>\S+) not responding|CIFS(?: VFS)?: .*has not responded"
        r"|libceph: .*session lost|\bceph: (?P<device2>mds\d+) (?:hung|reconnect (?:denied|start))",
        "serious",
    ),
    Format(
        "storage-connection", C.IO_ERROR, "connection to {device} was lost",
        ("socket closed", "wrong peer"),
        r"libceph: (?P<device>(?:osd|mds|mon)\d+) .*(?:socket closed|wrong peer)", "notable",
    ),
    Format(
        "nfs-state", C.IO_ERROR, "NFS locks or open files were lost",
        ("nfs4_reclaim_open_state", "NFS: state manager"),
        r"NFS: (?:nfs4_reclaim_open_state: |state manager: ?.*(?:fail|lost|error))", "notable",
    ),
    Format(
        "limit-reached", C.UNKNOWN, "a limit is used up: {what}",
        ("table full", "table overflow", "rejected by pids", "file-max limit",
         "out of memory -- consider", "orphaned sockets", "backlog limit exceeded"),
        r"(?P<what>nf_conntrack|ip_conntrack): table full|(?P<what2>neigh\w*): .*table overflow"
        r"|(?P<what3>cgroup: fork rejected by pids controller)|(?P<what4>VFS: file-max limit)"
        r"|(?P<what5>TCP: out of memory)|(?P<what6>TCP: too many (?:of )?orphaned sockets)"
        r"|(?P<what7>audit: backlog limit exceeded)|(?P<what8>[Nn]eighbour) table overflow",
        "notable",
    ),
    Format(
        "syn-flood", C.UNKNOWN, "more new connections than the service at port {what} takes",
        ("ossible SYN flooding",),
        r"[Pp]ossible SYN flooding on port (?P<what>[\w.:\[\]]*\w)", "noise",
    ),
    Format(
        "page-pool", C.UNKNOWN, "network pages are never given back",
        ("stalled pool shutdown",), r"page_pool_release_retry\(\) stalled pool shutdown",
        "notable",
    ),
    Format(
        "user-segfault", C.PAGE_FAULT, "user process {comm} crashed",
        ("segfault at", "segfault (", "general protection ip", "general protection fault ip",
         "unhandled ", "trap "),
        r"^(?P<comm>.+)\[(?P<pid>\d+)\]: segfault (?:at|\(\d+\) at) "
        r"|^(?P<comm2>.+)\[(?P<pid2>\d+)\]: unhandled signal"
        r"|^(?:traps: )?(?P<comm3>.+)\[(?P<pid3>\d+)\]:? (?:general protection(?: fault)?"
        r"|trap [a-z0-9 ]+) ip:"
        r"|^(?P<comm4>.+)\[(?P<pid4>\d+)\]: unhandled (?:exception:|[a-z0-9 ]*(?:fault|abort"
        r"|error) \()"
        r"|^(?P<comm5>[^ :]+): unhandled [a-z ]*(?:fault|abort) \(",
        "noise",
    ),
    Format(
        "user-runtime", C.UNKNOWN, "a program on the console crashed: {what}",
        ("fatal error: ", "panic: ", "SYZFAIL", "SYZFATAL", "panicked at", "attempt to ",
         "SIGSEGV: segmentation"),
        r"^(?P<what>SYZFAIL|SYZFATAL): |^(?P<what2>fatal error): |^(?P<what3>panic): |"
        r"(?P<what4>panicked at)|^(?P<what5>attempt to \w+ with overflow)|^(?P<what6>SIGSEGV): "
        r"|^\w+: (?P<what7>panic): |rust_kernel: (?P<what8>panic)",
        "notable", Blame.NOBODY,
    ),
)  # fmt: skip
