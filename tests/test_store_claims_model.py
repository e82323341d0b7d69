"""Claims against a model: any order of workers, deaths, clocks; never two holders."""

import tempfile
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection

from tests.test_store_claims import living
from vmtriage.store.claims import Claims
from vmtriage.store.database import Database
from vmtriage.store.engine import make_engine
from vmtriage.store.location import url_of
from vmtriage.store.opening import open_store
from vmtriage.store.rows import Claim, Worker
from vmtriage.store.workers import this_worker

_SUBJECTS = ("d1", "d2")
_LEASE = 60.0


class Machine(RuleBasedStateMachine):
    """Workers here (dead or alive), in another container, and (PostgreSQL) on another machine."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 1e6
        self.home = tempfile.TemporaryDirectory()
        url = self.url()
        open_store(url).close()
        self.database = _Clocked(self, url)
        self.claims = Claims(self.database)
        me = this_worker()
        self.process = living()
        mortal, self.kill = self.process.__enter__()
        self.alive = {"me": True, "mortal": True, "container": None, "far": None}
        self.workers = {
            "me": me,
            "mortal": mortal,
            "container": Worker(me.host, 1, 5, me.boot_id, "pid:[7]"),
            "far": Worker("far", 1, 5, "elsewhere", me.pid_namespace),
        }
        self.names = list(self.workers)
        if self.database.is_sqlite:
            self.names.remove("far")  # nobody elsewhere can open a local file
        self.given: list[tuple[str, Claim]] = []
        self.holder: dict[str, tuple[str, Claim, float] | None] = dict.fromkeys(_SUBJECTS)

    def url(self) -> str:
        return f"sqlite:///{self.home.name}/s.sqlite"

    def free(self, subject: str) -> bool:
        holder = self.holder[subject]
        if holder is None:
            return True
        alive = self.alive[holder[0]]
        return self.seconds >= holder[2] if alive is None else not alive

    @rule(name=st.sampled_from(["me", "mortal", "container", "far"]), to=st.sampled_from(_SUBJECTS))
    def claim(self, name: str, to: str) -> None:
        if name not in self.names or self.alive[name] is False:
            return
        free = self.free(to)
        claim = self.claims.claim(to, "full", self.workers[name], _LEASE)
        assert (claim is not None) == free
        if claim is not None:
            assert all(claim.token > old.token for _, old in self.given)
            self.holder[to] = (name, claim, self.seconds + _LEASE)
            self.given.append((name, claim))

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def extend(self, data: Any) -> None:
        name, claim = data.draw(st.sampled_from(self.given))
        holder = self.holder[claim.subject]
        mine = holder is not None and holder[1] == claim
        assert self.claims.extend(claim, _LEASE) == mine
        if mine:
            self.holder[claim.subject] = (name, claim, self.seconds + _LEASE)

    @precondition(lambda self: self.given)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        _, claim = data.draw(st.sampled_from(self.given))
        self.claims.release(claim)
        holder = self.holder[claim.subject]
        if holder is not None and holder[1] == claim:
            self.holder[claim.subject] = None

    @rule()
    def die(self) -> None:
        self.kill()
        self.alive["mortal"] = False

    @rule(by=st.sampled_from([1.0, 59.0, 60.0, 1e6, -30.0, -1e5]))
    def time_passes(self, by: float) -> None:
        self.seconds += by

    @invariant()
    def one_holder(self) -> None:
        held = [claim for _, claim in self.given if self.claims.holds(claim)]
        known = [holder[1] for holder in self.holder.values() if holder is not None]
        assert sorted(held, key=lambda each: each.token) == sorted(
            known, key=lambda each: each.token
        )

    def teardown(self) -> None:
        self.process.__exit__(None, None, None)
        self.database.close()
        self.home.cleanup()


class _Clocked(Database):
    def __init__(self, machine: Machine, url: str) -> None:
        super().__init__(make_engine(url_of(url), read_only=False), "test")
        self._machine = machine

    def clock(self, connection: Connection) -> float:  # noqa: ARG002
        return self._machine.seconds


class OnPostgresql(Machine):
    """One database for all runs; each begins with none of the claims of the one before."""

    _url = ""

    def url(self) -> str:
        from sqlalchemy import create_engine, text

        from tests.postgresql import database_url

        cls = type(self)
        if not cls._url:
            cls._url = database_url()
            open_store(cls._url).close()
        engine = create_engine(url_of(cls._url))
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM claims"))
        engine.dispose()
        return cls._url


TestSqlite = Machine.TestCase
TestSqlite.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestPostgresql = OnPostgresql.TestCase
TestPostgresql.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
