"""Hardware in the middle of the machine, and at its edges.

Sources: arch/x86/kernel/cpu/mce/, drivers/edac/, drivers/acpi/apei/ghes.c, drivers/pci/pcie/,
drivers/pci/hotplug/, arch/x86/kernel/nmi.c, arch/x86/kernel/cpu/{intel,bus_lock}.c,
drivers/watchdog/, block/blk-core.c, fs/buffer.c, drivers/scsi/, drivers/message/fusion/,
drivers/ata/libata-eh.c, drivers/nvme/host/.
"""

from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.models.finding import CrashClass as C

HARDWARE: tuple[Format, ...] = (
    Format(
        "machine-check", C.MCE, "machine check exception",
        ("Machine Check Exception", "Hardware Error]: Machine check: ", "Machine check interrupt"),
        r"CPU ?(?P<cpu>\d+): Machine Check Exception:|Machine Check Exception: +[0-9a-f]"
        r"|\[Hardware Error\]: Machine check: |Machine check interrupt \[Not recovered",
        "panic", Blame.NOBODY, 30,
    ),
    Format(
        "machine-check-record", C.MCE, "uncorrected machine check, survived",
        ("Machine Check: ", "Uncorrected hardware memory error", "Error]: Uncorrected, software"),
        r"CPU ?(?P<cpu>\d+): Machine Check: \d+ Bank|Uncorrected hardware memory error in user"
        r"|\[Hardware Error\]: Uncorrected, software",
        "serious", Blame.NOBODY, 30,
    ),
    Format(
        "memory-failure", C.MCE, "a page of bad memory was taken away",
        ("Memory failure: 0x", "MCE 0x", "oft offline: 0x"),
        r"Memory failure: 0x[0-9a-f]+: |^MCE 0x[0-9a-f]+: |[Ss]oft offline: 0x[0-9a-f]+: .*fail",
        "serious",
    ),
    Format(
        "machine-check-logged", C.MCE, "machine check events were logged",
        ("achine check events logged",), r"[Mm]achine check events logged", "notable",
    ),
    Format(
        "apei-corrected", C.MCE, "corrected hardware error told by the firmware",
        ("Hardware Error]: event severity: corrected", "Hardware Error]: event severity: info"),
        r"\[Hardware Error\]: event severity: (?:corrected|info)", "notable", Blame.NOBODY, 40,
    ),
    Format(
        "apei", C.MCE, "hardware error told by the firmware",
        ("[Hardware Error]: Hardware error from APEI", "Hardware Error]: event severity"),
        r"\[Hardware Error\]: (?:Hardware error from APEI|event severity: (?P<what>\w+))",
        "serious", Blame.NOBODY, 40,
    ),
    Format(
        "edac-uncorrected", C.MCE, "uncorrected memory error",
        ("EDAC",), r"EDAC (?:\S+ )?(?:MC|PCI|DEVICE)\S*: .*(?:\d+ UE |UE (?:row|memory|page)"
        r"|[Uu]ncorrect|UE read|HANDLING MCE)",
        "serious",
    ),
    Format(
        "edac-corrected", C.MCE, "corrected memory error",
        ("EDAC",), r"EDAC (?:\S+ )?(?:MC|PCI|DEVICE)\S*: .*(?:\d+ CE |CE (?:row|memory|page)"
        r"|[Cc]orrected|CE read)",
        "notable",
    ),
    Format(
        "hardware-decoded", C.MCE, "hardware error record",
        ("Corrected error, no action", "Deferred error, no action", "Northbridge Error (node",
         "Hardware Error]: cache level: ", " CACHE Level-"),
        r"(?:Corrected|Deferred) error, no action required|Northbridge Error \(node \d"
        r"|\[Hardware Error\]: cache level: "
        r"|(?:Generic|Instruction|Data) CACHE Level-\w+ \S+ Error",
        "notable", Blame.NOBODY, 12,
    ),
    Format(
        "cmci-storm", C.MCE, "storm of corrected machine checks",
        ("CMCI storm",), r"CMCI storm detected", "notable",
    ),
    Format(
        "thermal", C.MCE, "CPU too hot, slowed down",
        ("temperature above threshold", "temperature is above threshold",
         "Temperature above threshold"),
        r"CPU(?P<cpu>\d+): (?:(?:Core|Package) t|T)emperature (?:is )?above threshold", "notable",
    ),
    Format(
        "thermal-shutdown", C.MCE, "too hot, the machine turns itself off",
        ("ritical temperature reached",), r"[Cc]ritical temperature reached", "serious",
    ),
    Format(
        "aer-uncorrected", C.MCE, "PCI Express error: {what}",
        ("AER: ", "PCIe Bus Error", "DPC: "),
        r"^(?:\S+ (?P<device>[0-9a-f]{4,}:[0-9a-f:.]+): )?(?:AER: (?:Multiple )?"
        r"(?P<what>(?:Uncorrect|Fatal)"
        r"(?:ed|able)?[^:]*?)(?: error.*)?:|.*severity=(?P<what2>(?:Uncorrect|Fatal)[\w() -]+),"
        r"|DPC: (?P<what3>containment event|unmasked uncorrectable))"
        r"|AER: (?:Multiple )?(?P<what4>(?:Uncorrect|Fatal)[\w]* ?\([\w-]+\))"
        r"|severity=(?P<what5>Uncorrect[\w() -]+),",
        "serious", Blame.NOBODY, 12,
    ),
    Format(
        "aer", C.MCE, "corrected PCI Express error",
        ("AER: ", "PCIe Bus Error"),
        r"^(?:\S+ (?P<device>[0-9a-f]{4,}:[0-9a-f:.]+): )?(?:AER: (?:Multiple )?(?:Corrected"
        r"|Correctable)"
        r"|PCIe Bus Error: severity=)|AER: (?:Multiple )?Correct(?:ed|able)"
        r"|PCIe Bus Error: severity=",
        "notable", Blame.NOBODY, 12,
    ),
    Format(
        "pcie-link", C.IO_ERROR, "PCI Express device in {what} is gone",
        ("): Link Down", "Card not present"),
        r"pciehp\b.*: (?P<what>Slot ?\([^)]*\)): (?:Link Down|Card not present)", "notable",
    ),
    Format(
        "split-lock", C.UNKNOWN, "{comm} takes locks across cache lines, and is slowed down",
        ("split_lock trap", "bus_lock trap"),
        r"(?:^|: )(?P<comm>[^:]+)/(?P<pid>\d+) took a (?:split_lock|bus_lock) trap", "notable",
    ),
    Format(
        "nmi", C.NMI, "NMI",
        ("NMI: ",), r"NMI: (?:Not continuing|PCI system error|memory parity|IOCK error)",
        "serious", Blame.NOBODY, 60,
    ),
    Format(
        "nmi-unknown", C.NMI, "NMI of unknown reason",
        ("NMI received for unknown",),
        r"NMI received for unknown reason (?P<what>[0-9a-f]{2})(?: on CPU (?P<cpu>\d+))?",
        "notable",
    ),
    Format(
        "watchdog-device", C.WATCHDOG, "hardware watchdog",
        ("retimeout", "hpwdt: ", "did not stop!", "softdog: ",
         "not stopping watchdog"),
        r"[Ww]atchdog.*(?:pretimeout|hard reset)|hpwdt: .*NMI|watchdog\d*: watchdog did not stop!"
        r"|IPMI Watchdog: .*(?:pretimeout|timed out|expired)|softdog: Initiating"
        r"|Unexpected close, not stopping watchdog",
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
        "loop-io", C.IO_ERROR, "I/O error on {device}, a file mounted as a disk",
        ("dev loop", "device loop"), r"I/O error,? (?:on )?dev(?:ice)? (?P<device>loop\d+)",
         "noise",
    ),
    Format(
        "block-io", C.IO_ERROR, "I/O error on {device}",
        ("I/O error", "medium error", "target error", "nexus error", "space allocation error",
         "rejecting I/O", "ynchronize Cache", "device offline error"),
        r"(?:Buffer )?I/O error[, ]+(?:on )?dev(?:ice)? ?(?P<device>[\w!/-]*)"
        r"|lost page write due to I/O error on (?P<device5>\S+)"
        r"|critical (?:medium|target|nexus|space allocation) error, dev (?P<device2>\S+?),"
        r"|\[(?P<device3>\w+)\] [Ss]ynchronize Cache.* failed|rejecting I/O to (?:offline"
        r"|dead) device"
        r"|blk_update_request: .*error, dev (?P<device4>\w+)"
        r"|device offline error, dev (?P<device6>\S+?),",
        "serious",
    ),
    Format(
        "scsi-offline", C.IO_ERROR, "disk taken offline",
        ("evice offlined",), r"[Dd]evice offlined", "serious",
    ),
    Format(
        "task-abort", C.IO_ERROR, "storage command aborted",
        ("task abort", "Code={Abort}", "attempting target reset", "attempting host reset",
         "attempting device reset", "attempting bus reset"),
        r"attempting (?:task abort|(?:device|target|bus|host) reset)|task abort: (?:SUCCESS|FAILED)"
        r"|Code=\{ ?Abort ?\}",
        "serious",
    ),
    Format(
        "ata", C.IO_ERROR, "ATA link error on {device}",
        ("exception Emask", "failed command: "),
        r"^(?P<device>ata\d+(?:\.\d+)?): (?:exception Emask|failed command)", "notable",
        Blame.NOBODY, 8,
    ),
    Format(
        "nvme", C.IO_ERROR, "NVMe controller trouble on {device}",
        ("nvme",),
        r"nvme (?P<device>nvme\d+): (?:I/O (?:tag )?\d+ .*timeout|controller is down"
        r"|Device not ready"
        r"|Abort status|Removing after probe failure|Disabling device)",
        "serious",
    ),
    Format(
        "hba-fault", C.IO_ERROR, "storage controller fault",
        ("fault_state", "megaraid_sas", "megasas:", "aacraid: Host adapter", "hpsa "),
        r"fault_state\(0x|megaraid_sas .*(?:[Rr]esetting|firmware fault|FW in FAULT)"
        r"|megasas: .*(?:Reset|FW fault)|aacraid: Host adapter (?:abort|reset)"
        r"|hpsa .*(?:lockup|controller is not|resetting)",
        "serious",
    ),
)  # fmt: skip
