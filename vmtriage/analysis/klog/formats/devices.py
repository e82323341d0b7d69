"""Hardware in the middle of the machine, and at its edges.

Sources: arch/x86/kernel/cpu/mce/, drivers/edac/, drivers/acpi/apei/ghes.c, drivers/pci/pcie/,
arch/x86/kernel/nmi.c, drivers/watchdog/, block/blk-core.c, fs/buffer.c, drivers/scsi/,
drivers/message/fusion/, drivers/ata/libata-eh.c, drivers/nvme/host/.
"""

from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.models.finding import CrashClass as C

HARDWARE: tuple[Format, ...] = (
    Format(
        "machine-check", C.MCE, "machine check exception",
        ("Machine Check", "achine check", "MACHINE CHECK", "ardware error"),
        r"CPU ?(?P<cpu>\d+): Machine Check(?: Exception)?:|Fatal [Mm]achine check"
        r"|Machine Check Exception|Uncorrected hardware memory error|[Uu]ncorrected hardware error"
        r"|Processor context corrupt",
        "panic", Blame.NOBODY, 30,
    ),
    Format(
        "machine-check-logged", C.MCE, "machine check events were logged",
        ("events logged", "Hardware Error]: Machine"),
        r"[Mm]achine check events logged|\[Hardware Error\]: Machine check:",
        "notable",
    ),
    Format(
        "apei", C.MCE, "hardware error told by the firmware",
        ("[Hardware Error]: Hardware error from APEI", "Hardware Error]: event severity"),
        r"\[Hardware Error\]: (?:Hardware error from APEI|event severity: (?P<what>\w+))",
        "serious", Blame.NOBODY, 40,
    ),
    Format(
        "edac-uncorrected", C.MCE, "uncorrected memory error",
        ("EDAC",), r"EDAC .*(?:\d+ UE |UE (?:row|memory)|[Uu]ncorrect|UE read|HANDLING MCE)",
        "serious",
    ),
    Format(
        "edac-corrected", C.MCE, "corrected memory error",
        ("EDAC",), r"EDAC .*(?:\d+ CE |CE (?:row|memory|page)|[Cc]orrected|CE read)",
        "notable",
    ),
    Format(
        "hardware-decoded", C.MCE, "hardware error record",
        ("Generic CACHE", "Generic Error", "Corrected error, no action"),
        r"Generic \w+ Level-\d.*Error|\[Hardware Error\]: Corrected error", "notable",
    ),
    Format(
        "cmci-storm", C.MCE, "storm of corrected machine checks",
        ("CMCI storm",), r"CMCI storm detected", "notable",
    ),
    Format(
        "thermal", C.MCE, "CPU too hot, slowed down",
        ("temperature above threshold", "critical temperature", "hermal"),
        r"temperature above threshold|[Cc]ritical temperature reached|thermal .*shutting down",
        "notable",
    ),
    Format(
        "aer", C.MCE, "PCI Express error",
        ("AER: ", "PCIe Bus Error", "DPC: "),
        r"AER: (?P<what>(?:Multiple )?(?:Corrected|Uncorrected|Fatal|Correctable|Uncorrectable)[^:]*)"
        r"|PCIe Bus Error: severity=(?P<what2>[\w -]+)|DPC: (?:containment event|unmasked uncorrectable)",
        "notable", Blame.NOBODY, 12,
    ),
    Format(
        "nmi", C.NMI, "NMI",
        ("NMI: ", "NMI received", "NMI occurred", "nrecovered NMI"),
        r"NMI: (?:Not continuing|PCI system error|memory parity|IOCK error)|Uhhuh\. NMI received"
        r"|NMI occurred|[Uu]nrecovered NMI",
        "serious", Blame.NOBODY, 60,
    ),
    Format(
        "watchdog-device", C.WATCHDOG, "hardware watchdog",
        ("retimeout", "hpwdt", "did not stop!", "Watchdog timer", "softdog: "),
        r"[Ww]atchdog.*(?:pretimeout|hard reset)|hpwdt: .*NMI|watchdog\d*: watchdog did not stop!"
        r"|IPMI Watchdog: .*(?:pretimeout|timed out|expired)|softdog: Initiating",
        "serious",
    ),
)  # fmt: skip

STORAGE: tuple[Format, ...] = (
    Format(
        "virtual-cdrom", C.IO_ERROR, "read error of a CD-ROM drive (often a virtual one)",
        ("dev sr", "dev fd", "device sr", "device fd"),
        r"I/O error,? (?:on )?dev(?:ice)? (?P<device>sr\d+|fd\d+)", "noise",
    ),
    Format(
        "block-io", C.IO_ERROR, "I/O error on {device}",
        ("I/O error", "medium error", "target error", "async page write", "rejecting I/O"),
        r"(?:Buffer )?I/O error[, ]+(?:on )?dev(?:ice)? ?(?P<device>[\w!/-]*)"
        r"|critical (?:medium|target|nexus|space allocation) error, dev (?P<device2>\S+?),"
        r"|\[(?P<device3>\w+)\] [Ss]ynchronize Cache.* failed|rejecting I/O to (?:offline|dead) device"
        r"|blk_update_request: .*error, dev (?P<device4>\w+)",
        "serious",
    ),
    Format(
        "scsi-offline", C.IO_ERROR, "disk taken offline",
        ("evice offlined",), r"[Dd]evice offlined", "serious",
    ),
    Format(
        "task-abort", C.IO_ERROR, "storage command aborted",
        ("task abort", "Code={Abort}", "attempting task abort", "target reset", "host reset",
         "device reset"),
        r"attempting (?:task abort|(?:device|target|bus|host) reset)|task abort: (?:SUCCESS|FAILED)"
        r"|Code=\{ ?Abort ?\}",
        "serious",
    ),
    Format(
        "ata", C.IO_ERROR, "ATA link error on {device}",
        ("exception Emask", "hard resetting link", "failed command: ", "SError: {"),
        r"^(?P<device>ata\d+(?:\.\d+)?): (?:exception Emask|failed command)", "notable",
        Blame.NOBODY, 8,
    ),
    Format(
        "nvme", C.IO_ERROR, "NVMe controller trouble on {device}",
        ("nvme",),
        r"nvme (?P<device>nvme\d+): (?:I/O (?:tag )?\d+ .*timeout|controller is down|Device not ready"
        r"|Abort status|Removing after probe failure|Disabling device)",
        "serious",
    ),
    Format(
        "hba-fault", C.IO_ERROR, "storage controller fault",
        ("fault_state", "megaraid_sas", "megasas:", "aacraid: Host adapter", "hpsa "),
        r"fault_state\(0x|megaraid_sas .*(?:[Rr]esetting|firmware fault|FW in FAULT)"
        r"|megasas: .*(?:Reset|FW fault)|aacraid: Host adapter (?:abort|reset)"
        r"|hpsa .*(?:lockup|controller is not)",
        "serious",
    ),
)  # fmt: skip
