"""Jira, in the cloud and on premises: REST API 2, whose texts are wiki text on both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vmtriage.fleet.notify.base import Refused
from vmtriage.fleet.notify.http import Http, Query
from vmtriage.fleet.notify.tracker import Found
from vmtriage.fleet.notify.words import PROBLEM_MARK, has_mark, jira, title
from vmtriage.models.notice import Notice

_FIELDS = "status,description"
_PAGE = 100
_PAGES = 20


@dataclass(frozen=True)
class Jira:
    """One project. fields: whatever else the project wants set, in the API's words."""

    http: Http
    project: str
    issue_type: str = "Bug"
    labels: Sequence[str] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    reopen_by: str | None = None  # the transition's name; None: the first that leads out of done
    cloud: bool = False  # its search has another address

    def find(self, problem: str, unsure_since: datetime | None) -> Found | None:  # noqa: ARG002
        """By its label."""
        project = self.project.replace("\\", "\\\\").replace('"', '\\"')
        jql = f'project = "{project}" AND labels = "{_label(problem)}" ORDER BY created ASC'
        path = "/rest/api/2/search/jql" if self.cloud else "/rest/api/2/search"
        query: Query = {"jql": jql, "fields": _FIELDS, "maxResults": 20}
        for each in self.http.get(path, query).body["issues"]:
            if has_mark(each["fields"].get("description"), PROBLEM_MARK, problem):
                return self._found(each)
        return None

    def get(self, ticket: str) -> Found | None:
        """By its key."""
        answer = self.http.look(f"/rest/api/2/issue/{ticket}", {"fields": _FIELDS})
        return self._found(answer.body) if answer else None

    def create(self, notice: Notice) -> Found:
        """Label and description carry the mark."""
        body = self._body(notice)
        key = self.http.send("POST", "/rest/api/2/issue", body).body["key"]
        return Found(key, self._url(key), body["fields"]["description"], closed=False)

    def comment(self, ticket: str, notice: Notice) -> None:
        """Wiki text."""
        body = {"body": jira(notice, head=notice.brings_report)}
        self.http.send("POST", f"/rest/api/2/issue/{ticket}/comment", body)

    def comments(self, ticket: str, since: datetime) -> Sequence[str]:  # noqa: ARG002
        """All of them: not every version can sort or filter."""
        texts: list[str] = []
        for _ in range(_PAGES):
            query: Query = {"startAt": len(texts), "maxResults": _PAGE}
            answer = self.http.get(f"/rest/api/2/issue/{ticket}/comment", query).body
            texts += [each.get("body") or "" for each in answer["comments"]]
            if not answer["comments"] or len(texts) >= answer["total"]:
                break
        return texts

    def reopen(self, ticket: str) -> None:
        """By the workflow's own transition."""
        path = f"/rest/api/2/issue/{ticket}/transitions"
        offered = self.http.get(path).body["transitions"]
        for each in offered:
            leads_out = each["to"]["statusCategory"]["key"] != "done"
            if each["name"] == self.reopen_by or (self.reopen_by is None and leads_out):
                self.http.send("POST", path, {"transition": {"id": each["id"]}})
                return
        names = ", ".join(repr(each["name"]) for each in offered)
        raise Refused(
            f"{ticket} is closed and cannot be reopened; its workflow offers: {names or 'nothing'}."
            " Set reopen_transition, or give the user the permission",
            everything=False,
        )

    def preview(self, notice: Notice) -> str:
        """Method, address and body."""
        return self.http.preview("/rest/api/2/issue", "Authorization", self._body(notice))

    def _body(self, notice: Notice) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "project": {"key": self.project}, "issuetype": {"name": self.issue_type},
            "summary": title(notice), "description": jira(notice),
            "labels": [_label(notice.problem), *self.labels],
        }  # fmt: skip
        return {"fields": {**self.fields, **fields}}

    def _found(self, issue: Mapping[str, Any]) -> Found:
        told = issue["fields"]
        closed = told["status"]["statusCategory"]["key"] == "done"
        return Found(issue["key"], self._url(issue["key"]), told.get("description") or "", closed)

    def _url(self, key: str) -> str:
        return f"{self.http.base.rstrip('/')}/browse/{key}"


def _label(problem: str) -> str:
    return f"{PROBLEM_MARK}-{problem}"
