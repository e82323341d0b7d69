"""GitLab's issues: REST API 4, of gitlab.com and of one's own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from vmtriage.fleet.notify.http import Http, Query
from vmtriage.fleet.notify.tracker import SKEW, Found
from vmtriage.fleet.notify.words import PROBLEM_MARK, has_mark, markdown, title
from vmtriage.models.notice import Notice


@dataclass(frozen=True)
class GitLab:
    """One project: its path ("infra/crashes") or number."""

    http: Http
    project: str
    labels: Sequence[str] = ()
    confidential: bool = False  # only members see the ticket

    def find(self, problem: str, unsure_since: datetime | None) -> Found | None:  # noqa: ARG002
        """By the mark in the description: GitLab looks in its database, not in an index."""
        query: Query = {
            "search": f"{PROBLEM_MARK}: {problem}", "in": "description", "scope": "all",
            "order_by": "created_at", "sort": "asc", "per_page": 100,
        }  # fmt: skip
        for each in self._pages(self._issues(), query):
            if has_mark(each.get("description"), PROBLEM_MARK, problem):
                return _found(each)
        return None

    def get(self, ticket: str) -> Found | None:
        """By its number in the project."""
        answer = self.http.look(f"{self._issues()}/{ticket}")
        return _found(answer.body) if answer else None

    def create(self, notice: Notice) -> Found:
        """The description carries the mark."""
        return _found(self.http.send("POST", self._issues(), self._body(notice)).body)

    def comment(self, ticket: str, notice: Notice) -> None:
        """A note on it."""
        text = markdown(notice, head=notice.brings_report)
        self.http.send("POST", f"{self._issues()}/{ticket}/notes", {"body": text})

    def comments(self, ticket: str, since: datetime) -> Sequence[str]:
        """The latest first, until one is older."""
        query: Query = {"sort": "desc", "order_by": "created_at", "per_page": 100}
        texts = []
        for each in self._pages(f"{self._issues()}/{ticket}/notes", query):
            if datetime.fromisoformat(each["created_at"]) < since - SKEW:
                break
            texts.append(each["body"])
        return texts

    def reopen(self, ticket: str) -> None:
        """Open again."""
        self.http.send("PUT", f"{self._issues()}/{ticket}", {"state_event": "reopen"})

    def preview(self, notice: Notice) -> str:
        """Method, address and body."""
        return self.http.preview(self._issues(), "PRIVATE-TOKEN", self._body(notice))

    def _body(self, notice: Notice) -> dict[str, object]:
        return {
            "title": title(notice), "description": markdown(notice),
            "labels": ",".join(self.labels), "confidential": self.confidential,
        }  # fmt: skip

    def _issues(self) -> str:
        return f"/api/v4/projects/{quote(self.project, safe='')}/issues"

    def _pages(self, path: str, query: Query) -> Iterator[Mapping[str, Any]]:
        for page in self.http.pages(path, query):
            yield from page


def _found(issue: Mapping[str, Any]) -> Found:
    text = issue.get("description") or ""
    return Found(str(issue["iid"]), issue["web_url"], text, issue["state"] == "closed")
