"""What the first answer would have to wait for, done while crash is still starting."""

from vmtriage.analysis import skip
from vmtriage.analysis.suspects.case import Case
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.base import Model
from vmtriage.models.container import Container
from vmtriage.models.finding import Incident
from vmtriage.models.report import Report, ReportIncident
from vmtriage.models.runqueue import TaskGroup
from vmtriage.models.signature import Signature

# those whose validators take longest to build; each is built by its first use at the latest
_MODELS: tuple[type[Model], ...] = (
    Backtrace, TaskGroup, Incident, Signature, Container, Case, ReportIncident, Report,
)  # fmt: skip


def get_ready() -> None:
    """Builds what is built once. Calling it changes nothing but the time when that is done."""
    for model in _MODELS:
        model.model_rebuild()
    skip.never("")
    skip.passes("")
    skip.carries("")
