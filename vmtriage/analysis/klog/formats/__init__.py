"""Every message form, in order of rank: the first that fits a line claims it.

To add a form: one `Format` in the family it belongs to, one sample
`fixtures/klog/<id>/<case>.log` with what must be found in it (`make golden`, then read it), and
its first lines, one for each literal of `has`, in `fixtures/klog/heads.txt`.
"""

from vmtriage.analysis.klog.formats.checkers import CHECKERS
from vmtriage.analysis.klog.formats.devices import HARDWARE, STORAGE
from vmtriage.analysis.klog.formats.ends import ALARM, ENDS
from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.analysis.klog.formats.memory import MEMORY, SHORTAGES
from vmtriage.analysis.klog.formats.oops import FAULTS, WARNINGS
from vmtriage.analysis.klog.formats.services import SERVICES
from vmtriage.analysis.klog.formats.stalls import STALLS

# What names the cause most exactly comes first: a report of several lines takes its best name.
FORMATS: tuple[Format, ...] = (
    *ENDS, *CHECKERS, *STALLS, *MEMORY, *FAULTS, *WARNINGS, *SHORTAGES, *HARDWARE, *STORAGE,
    *SERVICES, *ALARM,
)  # fmt: skip

__all__ = ["ALARM", "FORMATS", "Blame", "Format"]
