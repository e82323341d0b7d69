"""Jira, GitLab, GitHub, Alertmanager and a plain hook, played by small real web servers.

They keep what they are given, search it, page it, and fail as they are told to.
"""

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Query = dict[str, str]


@dataclass
class Fault:
    """The next request that fits is answered so. done: what was asked for is done all the same."""

    method: str
    path: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    done: bool = False
    drop: bool = False  # no answer: the connection breaks
    times: int = 1


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: Query
    headers: dict[str, str]
    body: Any


Answer = tuple[int, Any, dict[str, str]]


class Played:
    """The state of one server. after: called when a change was made, before it is answered."""

    token = ""

    def __init__(self) -> None:
        self.tickets: list[dict[str, Any]] = []
        self.comments: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.after: Callable[[str], object] = lambda _: None
        self.base = ""
        self.page = 3

    def handle(self, asked: Asked) -> Answer:
        raise NotImplementedError

    def allows(self, headers: dict[str, str]) -> bool:
        return self.token in headers.values()

    def changes(self) -> list[Asked]:
        return [each for each in self.asked if each.method != "GET"]

    def say(self, ticket: str, **comment: Any) -> dict[str, Any]:
        self.comments.setdefault(ticket, []).append({"created_at": now(), **comment})
        self.after("comment")
        return comment

    def paged(self, asked: Asked, found: list[Any]) -> tuple[list[Any], dict[str, str]]:
        number = int(asked.query.get("page", "1"))
        part = found[(number - 1) * self.page : number * self.page]
        if number * self.page >= len(found):
            return part, {}
        rest = "&".join(f"{k}={v}" for k, v in asked.query.items() if k != "page")
        link = f"{self.base}{asked.path}?{rest}&page={number + 1}".replace(" ", "%20")
        return part, {"Link": f'<{link}>; rel="next"'}


def now() -> str:
    return datetime.now(UTC).isoformat()


class PlayedGitHub(Played):
    """github.com's API: labels at once, search with a lag that a test sets."""

    token = "Bearer gh-secret-token"
    indexed = 0  # how many tickets the search has seen
    may_label = True

    def handle(self, asked: Asked) -> Answer:
        if asked.path == "/search/issues":
            words = re.findall(r'"([^"]+)"', asked.query["q"])
            seen = [t for t in self.tickets[: self.indexed] if all(w in t["body"] for w in words)]
            part, headers = self.paged(asked, seen)
            return 200, {"total_count": len(seen), "items": part}, headers
        path = asked.path.removeprefix("/repos/o/r/issues")
        if path == "" and asked.method == "GET":
            wanted = set(filter(None, asked.query.get("labels", "").split(",")))
            fitting = [t for t in self.tickets if wanted <= {x["name"] for x in t["labels"]}]
            if asked.query.get("direction") == "desc":
                fitting.reverse()
            part, headers = self.paged(asked, fitting)
            return 200, part, headers
        if path == "":
            number = len(self.tickets) + 1
            labels = asked.body["labels"] if self.may_label else []
            ticket = {
                "number": number, "state": "open", "html_url": f"https://github/o/r/{number}",
                "title": asked.body["title"], "body": asked.body["body"],
                "labels": [{"name": each} for each in labels],
            }  # fmt: skip
            self.tickets.append(ticket)
            self.after("create")
            return 201, ticket, {}
        found = re.fullmatch(r"/(\d+)(/comments)?", path)
        if not found or int(found[1]) > len(self.tickets):
            return 404, {"message": "Not Found"}, {}
        ticket = self.tickets[int(found[1]) - 1]
        if found[2] and asked.method == "GET":
            part, headers = self.paged(asked, self.comments.get(found[1], []))
            return 200, part, headers
        if found[2]:
            return 201, self.say(found[1], body=asked.body["body"]), {}
        ticket.update(asked.body or {})
        return 200, ticket, {}


class PlayedGitLab(Played):
    """GitLab's API 4."""

    token = "glpat-secret-token"

    def handle(self, asked: Asked) -> Answer:
        path = unquote(asked.path).removeprefix("/api/v4/projects/infra/crashes/issues")
        if path == "" and asked.method == "GET":
            words = asked.query["search"].split()
            seen = [t for t in self.tickets if all(w in t["description"] for w in words)]
            part, headers = self.paged(asked, seen)
            return 200, part, headers
        if path == "":
            number = len(self.tickets) + 1
            ticket = {
                **asked.body, "iid": number, "state": "opened",
                "web_url": f"https://gitlab/-/issues/{number}",
            }  # fmt: skip
            self.tickets.append(ticket)
            self.after("create")
            return 201, ticket, {}
        found = re.fullmatch(r"/(\d+)(/notes)?", path)
        if not found or int(found[1]) > len(self.tickets):
            return 404, {"message": "404 Not found"}, {}
        ticket = self.tickets[int(found[1]) - 1]
        if found[2] and asked.method == "GET":
            latest = list(reversed(self.comments.get(found[1], [])))
            part, headers = self.paged(asked, latest)
            return 200, part, headers
        if found[2]:
            return 201, self.say(found[1], body=asked.body["body"]), {}
        if asked.method == "PUT" and asked.body == {"state_event": "reopen"}:
            ticket["state"] = "opened"
        return 200, ticket, {}


class PlayedJira(Played):
    """Jira's API 2, on premises."""

    token = "Bearer jira-secret-token"

    def handle(self, asked: Asked) -> Answer:
        path = asked.path.removeprefix("/rest/api/2")
        if path == "/search":
            label = re.search(r'labels = "([^"]+)"', asked.query["jql"])
            assert label, "a search without a label"
            assert 'project = "CRASH"' in asked.query["jql"]
            seen = [t for t in self.tickets if label[1] in t["fields"]["labels"]]
            return 200, {"issues": seen, "total": len(seen)}, {}
        if path == "/issue":
            if "\n" in asked.body["fields"]["summary"]:
                return 400, {"errors": {"summary": "must not contain newlines"}}, {}
            key = f"CRASH-{len(self.tickets) + 1}"
            status = {"name": "To Do", "statusCategory": {"key": "new"}}
            ticket: dict[str, Any] = {
                "key": key,
                "fields": {**asked.body["fields"], "status": status},
            }
            self.tickets.append(ticket)
            self.after("create")
            return 201, {"id": "1", "key": key}, {}
        found = re.fullmatch(r"/issue/(CRASH-(\d+))(/\w+)?", path)
        if not found or int(found[2]) > len(self.tickets):
            return 404, {"errorMessages": ["Issue does not exist"], "errors": {}}, {}
        ticket = self.tickets[int(found[2]) - 1]
        if found[3] == "/comment" and asked.method == "GET":
            told = self.comments.get(found[1], [])
            start = int(asked.query["startAt"])
            part = told[start : start + self.page]
            return 200, {"comments": part, "total": len(told), "startAt": start}, {}
        if found[3] == "/comment":
            return 201, self.say(found[1], body=asked.body["body"]), {}
        if found[3] == "/transitions" and asked.method == "GET":
            ways = [("11", "Archive", "done"), ("21", "Reopen", "new")]
            offered = [
                {"id": id, "name": name, "to": {"statusCategory": {"key": key}}}
                for id, name, key in ways
            ]
            return 200, {"transitions": offered}, {}
        if found[3] == "/transitions":
            assert asked.body == {"transition": {"id": "21"}}
            ticket["fields"]["status"] = {"name": "To Do", "statusCategory": {"key": "new"}}
            return 204, None, {}
        return 200, ticket, {}


class PlayedAlertmanager(Played):
    """Alertmanager's API 2: what was posted, by its labels."""

    def handle(self, asked: Asked) -> Answer:
        if asked.path != "/api/v2/alerts":
            return 404, None, {}
        for alert in asked.body:
            if not alert["labels"] or not all(alert["labels"].values()):
                return 400, {"code": 602, "message": "empty label"}, {}
            same = [each for each in self.tickets if each["labels"] == alert["labels"]]
            for each in same:
                self.tickets.remove(each)
            self.tickets.append(alert)
        return 200, None, {}


class PlayedHook(Played):
    """Takes whatever comes."""

    def handle(self, asked: Asked) -> Answer:
        self.tickets.append(asked.body)
        self.after("create")
        return 200, {"ok": True}, {}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    played: Played

    def _do(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        asked = Asked(self.command, parts.path, query, dict(self.headers.items()), body)
        self.played.asked.append(asked)
        status, told, headers = self._answer(asked)
        if status == 0:
            self.close_connection = True
            return
        data = b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _answer(self, asked: Asked) -> Answer:
        for fault in self.played.faults:
            if fault.method == asked.method and re.search(fault.path, asked.path):
                fault.times -= 1
                if fault.times == 0:
                    self.played.faults.remove(fault)
                if fault.done:
                    self.played.handle(asked)
                return 0 if fault.drop else fault.status, fault.body, fault.headers
        if not self.played.allows(asked.headers):
            return 401, {"message": "Bad credentials"}, {}
        return self.played.handle(asked)

    do_GET = do_POST = do_PUT = do_PATCH = _do

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def playing(played: Played) -> Iterator[Played]:
    """Its server runs; `played.base` is its address."""
    if not played.token:
        played.allows = lambda headers: True  # type: ignore[method-assign]  # noqa: ARG005
    handler = type("Handler", (_Handler,), {"played": played})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
        thread.start()
        played.base = f"http://127.0.0.1:{server.server_port}"
        yield played
        server.shutdown()
