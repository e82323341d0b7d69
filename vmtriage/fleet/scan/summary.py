"""What a scan did, in one line and in an exit code."""

from dataclasses import dataclass, field

OK, BAD_DATA, TRY_AGAIN = 0, 65, 75


@dataclass
class Summary:
    """Counts of one run. troubles: what to say to whoever looks after vmtriage, once each;
    untold_why: the same of notifiers."""

    crashes: int = 0  # found on the shares
    new: int = 0
    by_log: int = 0
    full: int = 0
    lacking: int = 0  # of the full ones: no namelist, the log told alone
    again: int = 0  # reports made anew from recordings
    retry: int = 0  # failed now, tried again later
    quarantined: int = 0  # given up now
    waiting: int = 0  # still being written
    elsewhere: int = 0  # another scan works on them
    problems: int = 0  # that are new
    told: int = 0
    untold: int = 0
    busy: str = ""  # another scan is running, and what it does
    stopped: str = ""  # why the run ended early
    troubles: list[str] = field(default_factory=list)
    untold_why: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0; 75 what failed may pass and is tried again; 65 a dump was given up in this run."""
        if self.retry or self.troubles or self.untold or self.stopped:
            return TRY_AGAIN
        return BAD_DATA if self.quarantined else OK

    @property
    def eventful(self) -> bool:
        """Whether anything happened that is worth a line from cron."""
        return bool(
            self.new or self.by_log or self.full or self.again or self.retry or self.quarantined
            or self.stopped
        )  # fmt: skip

    @property
    def failed(self) -> bool:
        """Whether anything happened that somebody should look at."""
        return bool(self.retry or self.quarantined or self.stopped)

    def line(self) -> str:
        """ "3 new crashes of 120: 3 by their logs, 2 in full, 1 new problem; 1 to be retried"."""
        done = [f"{self.new} new of {_many(self.crashes, 'crash', 'crashes')}"]
        counted = (
            (self.by_log, "by log"), (self.full, "in full"),
            (self.lacking, "of these without a namelist"), (self.again, "from recordings"),
            (self.problems, "new problem" + "s" * (self.problems != 1)), (self.told, "told"),
        )  # fmt: skip
        left = (
            (self.retry, "to be retried"), (self.quarantined, "quarantined"),
            (self.waiting, "still being written"), (self.elsewhere, "done by another scan"),
            (self.untold, "not told yet"),
        )  # fmt: skip
        done += [f"{number} {words}" for number, words in counted if number]
        open_ = [f"{number} {words}" for number, words in left if number]
        notes = [self.busy] if self.busy else []
        notes += [self.stopped] if self.stopped else []
        return "; ".join([", ".join(done), *([", ".join(open_)] if open_ else []), *notes])


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
