"""GitHub's issues: REST API, of github.com and of an Enterprise server (https://HOST/api/v3)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vmtriage.fleet.notify.http import Http, Query
from vmtriage.fleet.notify.tracker import SKEW, Found
from vmtriage.fleet.notify.words import PROBLEM_MARK, has_mark, markdown, title
from vmtriage.models.notice import Notice


@dataclass(frozen=True)
class GitHub:
    """One repository, "owner/name"."""

    http: Http
    repository: str
    labels: Sequence[str] = ()

    def find(self, problem: str, unsure_since: datetime | None) -> Found | None:
        """By its label, which is there at once; then by the text, whose index lags behind.

        After an unsure try, the latest tickets are read too: without the permission to set
        labels GitHub leaves them out in silence.
        """
        query: Query = {
            "labels": _label(problem), "state": "all", "sort": "created", "direction": "asc",
            "per_page": 100,
        }  # fmt: skip
        ways: list[tuple[str, Query]] = [(self._issues(), query)]
        if unsure_since is not None:
            since = (unsure_since - SKEW).astimezone(UTC)
            latest: Query = {
                "state": "all", "since": f"{since:%Y-%m-%dT%H:%M:%SZ}", "sort": "created",
                "direction": "desc", "per_page": 100,
            }  # fmt: skip
            ways.append((self._issues(), latest))
        words = f'repo:{self.repository} is:issue in:body "{PROBLEM_MARK}: {problem}"'
        ways.append(("/search/issues", {"q": words, "per_page": 100}))
        for path, each in ways:
            for issue in self._pages(path, each):
                mine = has_mark(issue.get("body"), PROBLEM_MARK, problem)
                if mine and "pull_request" not in issue:
                    return _found(issue)
        return None

    def get(self, ticket: str) -> Found | None:
        """By its number."""
        answer = self.http.look(f"{self._issues()}/{ticket}")
        return _found(answer.body) if answer else None

    def create(self, notice: Notice) -> Found:
        """Label and body carry the mark."""
        return _found(self.http.send("POST", self._issues(), self._body(notice)).body)

    def comment(self, ticket: str, notice: Notice) -> None:
        """A comment on it."""
        text = markdown(notice, head=notice.brings_report)
        self.http.send("POST", f"{self._issues()}/{ticket}/comments", {"body": text})

    def comments(self, ticket: str, since: datetime) -> Sequence[str]:
        """Those made or changed since then."""
        from_then = (since - SKEW).astimezone(UTC)
        query: Query = {"since": f"{from_then:%Y-%m-%dT%H:%M:%SZ}", "per_page": 100}
        path = f"{self._issues()}/{ticket}/comments"
        return [each.get("body") or "" for each in self._pages(path, query)]

    def reopen(self, ticket: str) -> None:
        """Open again."""
        self.http.send("PATCH", f"{self._issues()}/{ticket}", {"state": "open"})

    def preview(self, notice: Notice) -> str:
        """Method, address and body."""
        return self.http.preview(self._issues(), "Authorization", self._body(notice))

    def _body(self, notice: Notice) -> dict[str, object]:
        labels = [_label(notice.problem), *self.labels]
        return {"title": title(notice), "body": markdown(notice), "labels": labels}

    def _issues(self) -> str:
        return f"/repos/{self.repository}/issues"

    def _pages(self, path: str, query: Query) -> Iterator[Mapping[str, Any]]:
        for page in self.http.pages(path, query):
            yield from page["items"] if isinstance(page, dict) else page


def _found(issue: Mapping[str, Any]) -> Found:
    text = issue.get("body") or ""
    return Found(str(issue["number"]), issue["html_url"], text, issue["state"] == "closed")


def _label(problem: str) -> str:
    return f"{PROBLEM_MARK}:{problem}"
