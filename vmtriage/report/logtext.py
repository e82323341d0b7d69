"""A log's report for the terminal: what brought the kernel down first, then everything else."""

from vmtriage.models.logreport import LogIncident, LogReport
from vmtriage.report import human, safe
from vmtriage.report.terminal import WIDTH, clip, entry, known_bug

MAX_ROWS = 30


def render(report: LogReport) -> str:
    """One screen: the primary incident, the known bug, then one line for every incident."""
    out = [*_head(report), "", *_incidents(report)]
    for problem in report.problems:
        out += entry("Not known", problem.message, 2)
    return "".join(line.rstrip() + "\n" for line in out)


def _head(report: LogReport) -> list[str]:
    size = f"{report.lines:,} lines, {human.size(report.size)}"
    out = entry("LOG", f"{report.file} ({size})", 2)
    kernels = list(dict.fromkeys(boot.release for boot in report.boots if boot.release))
    if kernels:
        out += entry("Kernel", ", ".join(kernels), 2)
    if report.primary is None:
        checked = "checked, clean: no crash, oops, lockup or hardware error in it"
        seen = "only noise in it, nothing to act on" if report.incidents else checked
        return out + entry("VERDICT", seen if report.lines else "not checked: the log is empty", 1)
    return out + _primary(report, report.primary)


def _primary(report: LogReport, primary: LogIncident) -> list[str]:
    out = entry("VERDICT", _sentence(primary), 3)
    out.append(clip(f"line {primary.first_line}: {primary.text}"))
    if primary.corrupted and primary.corrupted_reason:
        out += entry("CAUTION", f"the report is damaged: {primary.corrupted_reason}", 2)
    where = [
        f"function {primary.function}" if primary.function else None,
        f"module {primary.module}" if primary.module else None,
        f"CPU {primary.cpu}" if primary.cpu is not None else None,
        f"task {primary.comm} ({primary.pid})" if primary.comm else None,
        primary.where,
        primary.device,
    ]
    if told := ", ".join(each for each in where if each):
        out += entry("Where", told, 2)
    out += _says(report, primary)
    out += known_bug(report.signatures)
    for best in report.signatures[:1]:
        out += entry("Do now", best.do_now, 3) + entry("For good", best.do_for_good, 2)
    return [*out, *entry("Same bug as", f"fingerprint {primary.fingerprint.exact}", 1)]


def _says(report: LogReport, primary: LogIncident) -> list[str]:
    """What the report's own figures say: the OOM killer's tables, a fault's address, leaks."""
    out: list[str] = []
    if primary.oom is not None and primary.oom.conclusion:
        out += entry("Says", primary.oom.conclusion, 4)
    if primary.fault is not None and primary.fault.address is not None:
        fault = primary.fault
        says = [
            each.meaning if each.where == "address" else f"{each.where} holds {each.meaning}"
            for each in fault.poisons[:3]
        ]
        out += entry("Address", f"{fault.address}: {'; '.join(says) or 'no known poison'}", 3)
    for number, leak in enumerate(report.leaks[:3]):
        told = f"{human.count(leak.objects, 'object')}, {human.size(leak.size)}, by {leak.function}"
        out += entry("" if number else "Leaked", told, 1)
    return out


def _sentence(primary: LogIncident) -> str:
    release = f" on {primary.release}" if primary.release else ""
    return f"{primary.title}{release}; severity {primary.severity}"


def _incidents(report: LogReport) -> list[str]:
    if not report.incidents:
        return []
    total = sum(each.count for each in report.incidents) + report.left_out
    out = [f"{human.count(total, 'incident')} in the log (line, time, severity, what)"]
    for each in report.incidents[:MAX_ROWS]:
        when = f"{each.time_s:14.6f}" if each.time_s is not None else " " * 14
        times = f"  x{each.count:,}" if each.count > 1 else ""
        known = f"  [{each.signatures[0]}]" if each.signatures else ""
        row = f"{each.first_line:>9} {when} {each.severity:<8} {each.title}{known}{times}"
        out.append(safe.plain(row)[:WIDTH])
    if (left := len(report.incidents) - MAX_ROWS) > 0:
        out.append(f"{left:>9} more: --format json tells all of them")
    return out
