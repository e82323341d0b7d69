"""The site on disk: what changed and nothing else, whole after every kill, nobody's files lost."""

import os
import random
import shutil
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fleet import NOW, dump_id, fleet, make_occurrence, yarn
from tests.site_book import Shelved, not_read, tried
from tests.site_trees import Page, broken_links, texts
from vmtriage.errors import BadConfig, CannotWrite
from vmtriage.fleet.site import Written, owner
from vmtriage.fleet.site import write as write_site
from vmtriage.models.finding import CrashClass
from vmtriage.models.occurrence import Occurrence
from vmtriage.report.site import names
from vmtriage.report.site.rows import SHARDS, shard


def write(site: Path, made: Shelved, *, minutes: int = 0, anew: bool = False) -> Written:
    return write_site(site, made, store="test", now=NOW + timedelta(minutes=minutes), anew=anew)


def book(count: int = 40) -> Shelved:
    made = Shelved()
    made.put(*fleet(count))
    made.ledger = {dump: tried(each) for dump, each in made.crashes.items()}
    return made


def crash(number: int, **changes: object) -> Occurrence:
    return make_occurrence(5000 + number, **changes)  # type: ignore[arg-type]


# -- what changed ---------------------------------------------------------------------------------


def test_a_new_dump_touches_its_own_pages_and_those_about_all(tmp_path: Path) -> None:
    made = book(400)
    write(tmp_path / "s", made)
    new = crash(1, culprit=yarn())
    made.put(new)
    done = write(tmp_path / "s", made)
    assert not done.anew
    own = (names.dump(new.dump), names.problem(new.problem), names.host(new.host), "c/")
    about_all = ("index.", "feed.xml", "p/index.", "h/index.", "data/problems.js",
                 f"data/crashes-{shard(new.dump):02}.js")  # fmt: skip
    assert [path for path in done.files if not path.startswith((*own, *about_all))] == []
    assert len(done.files) < 30


def test_nothing_new_writes_nothing(tmp_path: Path) -> None:
    made = book()
    first = write(tmp_path / "s", made)
    made.asked.clear()
    assert write(tmp_path / "s", made) == Written(first.revision)
    assert not made.asked


def test_what_waits_is_told_without_any_change_in_the_store(tmp_path: Path) -> None:
    made = book()
    write(tmp_path / "s", made)
    made.waits = not_read()
    done = write(tmp_path / "s", made)
    assert {"unread/index.html", "index.html"} <= {*done.files}
    assert "4 not read" in Page((tmp_path / "s" / "index.html").read_text()).text


def test_states_do_not_stay_for_ever(tmp_path: Path) -> None:
    made = book()
    problem = next(iter(made.crashes.values())).problem
    made.states[problem] = ("new",)
    write(tmp_path / "s", made)
    page = tmp_path / "s" / names.problem(problem) / "index.html"
    assert "chip state new" in page.read_text()
    made.states[problem] = ("known",)  # by the clock: nothing happened in the store
    write(tmp_path / "s", made, minutes=61)
    assert "chip state new" not in page.read_text()
    assert "Look at these first" not in (tmp_path / "s" / "index.html").read_text()


def test_a_problem_falls_quiet_without_any_change_in_the_store(tmp_path: Path) -> None:
    made = book()
    problem = next(iter(made.crashes.values())).problem
    write(tmp_path / "s", made)
    made.states[problem] = ("quiet",)
    write(tmp_path / "s", made, minutes=60 * 24 * 91)
    assert (
        "chip state quiet" in (tmp_path / "s" / names.problem(problem) / "index.html").read_text()
    )


def test_the_full_triage_replaces_that_of_the_log(tmp_path: Path) -> None:
    made = book()
    log = crash(1, stage="log", crash_class=CrashClass.PANIC, frames=("panic",))
    made.put(log)
    write(tmp_path / "s", made)
    made.put(crash(1, culprit=yarn()))
    write(tmp_path / "s", made)
    told = Page((tmp_path / "s" / names.dump(log.dump) / "index.html").read_text()).text
    assert "Of the kernel log alone" not in told
    moved = (tmp_path / "s" / names.problem(log.problem) / "index.html").read_text()
    assert f"../../{names.problem(crash(1).problem)}/index.html" in Page(moved).links
    assert 'http-equiv="refresh"' in moved
    feed = (tmp_path / "s" / names.problem(log.problem) / "feed.xml").read_text()
    assert log.dump in feed  # who follows the old problem hears of the new one


def test_a_log_whose_vmcore_came_later_leads_to_it(tmp_path: Path) -> None:
    made = book()
    log, full = crash(1, stage="log"), crash(2)
    made.put(log)
    write(tmp_path / "s", made)
    del made.crashes[log.dump]
    made.led_dumps[log.dump] = full.dump
    made.crashes[full.dump] = full
    made.changed(dumps=(log.dump, full.dump))
    write(tmp_path / "s", made)
    old = tmp_path / "s" / names.dump(log.dump) / "index.html"
    assert f"../../{names.dump(full.dump)}/index.html" in Page(old.read_text()).links
    write(tmp_path / "s", made, anew=True)
    assert f"../../{names.dump(full.dump)}/index.html" in Page(old.read_text()).links


def test_a_link_to_what_is_gone_still_says_so(tmp_path: Path) -> None:
    made = book()
    wrong = crash(1, host="10.0.0.7")
    made.put(wrong)
    write(tmp_path / "s", made)
    made.put(crash(1, host="db-7.example.com"))
    write(tmp_path / "s", made)
    told = Page((tmp_path / "s" / names.host("10.0.0.7") / "index.html").read_text()).text
    assert "No crash belongs to this host any more" in told
    assert "10.0.0.7" not in Page((tmp_path / "s/h/index.html").read_text()).text


# -- however it came about, the site is the same --------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.integers(0, 11),
        st.sampled_from(["a", "b", "B", "<c>", ""]),
        st.sampled_from([(CrashClass.BUG, ("f", "g")), (CrashClass.HARD_LOCKUP, ("h",))]),
        st.sampled_from(["log", "full"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


BUG, LOCKUP = (CrashClass.BUG, ("f", "g")), (CrashClass.HARD_LOCKUP, ("h",))


@settings(max_examples=25)
@given(STEPS)
@example([(0, "a", BUG, "log", True), (0, "a", LOCKUP, "log", False), (0, "a", BUG, "log", False)])
def test_step_by_step_is_the_same_as_at_once(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, str, tuple[CrashClass, tuple[str, ...]], str, bool]],
) -> None:
    root = tmp_path_factory.mktemp("steps")
    made = Shelved()
    for number, host, (kind, frames), stage, now in steps:
        made.put(crash(number, host=host, crash_class=kind, frames=frames, stage=stage,
                       culprit=yarn(f"application_{len(host)}")))  # fmt: skip
        if now:
            write(root / "steps", made)
    write(root / "steps", made)
    write(root / "once", made)
    once, stepwise = texts(root / "once"), texts(root / "steps")
    assert {path: stepwise.get(path) for path in once} == once
    assert broken_links(root / "steps") == []
    shutil.rmtree(root)


def test_a_kill_at_any_instant_is_made_good_by_the_next_run(tmp_path: Path) -> None:
    """Also one while the site is made for the first time."""
    draw = random.Random(7)
    made = book(60)
    site, killed = tmp_path / "s", 0
    for number in range(12):
        if child := os.fork():
            threading.Event().wait(draw.uniform(0.0, 0.25))
            os.kill(child, signal.SIGKILL)
            killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
            for path in site.rglob("index.json"):
                assert path.read_bytes().endswith(b"}\n")
            made.put(crash(number, host=f"killed-{number}"))
        else:
            write(site, made)
            os._exit(0)
    write(site, made)
    write(tmp_path / "fresh", made)
    assert killed > 2
    fresh, told = texts(tmp_path / "fresh"), texts(site)
    assert {path: told.get(path) for path in fresh} == fresh
    write(site, made, anew=True)
    assert texts(site).keys() == fresh.keys()  # nor does anything half written stay


def test_a_damaged_file_of_the_data_is_made_good(tmp_path: Path) -> None:
    made = book()
    write(tmp_path / "s", made)
    whole = texts(tmp_path / "s")
    for damage in ("", "vmtriageCrashes([\n[1]\n])\n", "vmtriageCrashes([\n", "\udcff"):
        path = tmp_path / "s" / "data" / "crashes-03.js"
        path.write_text(damage, errors="surrogateescape")
        assert write(tmp_path / "s", made).anew
        assert texts(tmp_path / "s") == whole
    (tmp_path / "s" / "data" / "problems.js").unlink()
    assert write(tmp_path / "s", made).anew
    assert texts(tmp_path / "s") == whole


# -- all anew -------------------------------------------------------------------------------------


def test_anew_removes_what_is_stale_and_nothing_of_others(tmp_path: Path) -> None:
    made = book()
    new = crash(1, host="gone.example.com")
    made.put(new)
    site = tmp_path / "s"
    write(site, made)
    (site / "robots.txt").write_text("mine")
    (site / "d" / new.dump / "note.txt").write_text("mine")
    del made.crashes[new.dump]
    made.changed(dumps=(new.dump,))
    done = write(site, made, anew=True)
    assert f"d/{new.dump}/index.html" in done.removed
    assert not (site / "h" / "gone.example.com").exists()
    assert (site / "robots.txt").read_text() == "mine"
    assert (site / "d" / new.dump / "note.txt").read_text() == "mine"


def test_the_list_of_our_files_removes_nothing_outside(tmp_path: Path) -> None:
    made = book(3)
    site, outside = tmp_path / "s", tmp_path / "mine.txt"
    write(site, made)
    outside.write_text("mine")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    (site / "link").symlink_to(tmp_path / "other")
    with (site / ".vmtriage-site.files").open("a") as manifest:
        manifest.write(f"../mine.txt\n{outside}\nd/../../mine.txt\nlink/file\n")
    write(site, made, anew=True)
    assert outside.read_text() == (tmp_path / "other" / "file").read_text() == "mine"


def test_another_version_writes_all_anew(tmp_path: Path) -> None:
    made = book(3)
    write(tmp_path / "s", made)
    told = owner.marked(tmp_path / "s")
    assert told
    owner.mark(tmp_path / "s", owner.Mark(told.store, "of long ago", told.revision))
    assert write(tmp_path / "s", made).anew


def test_a_store_that_was_put_back_from_a_backup(tmp_path: Path) -> None:
    made = book(3)
    made.put(crash(1))
    write(tmp_path / "s", made)
    assert write(tmp_path / "s", book(3)).anew
    assert not (tmp_path / "s" / names.dump(crash(1).dump)).exists()


# -- reports --------------------------------------------------------------------------------------


def test_reports_stand_beside_the_page_and_are_replaced(tmp_path: Path) -> None:
    made = book(3)
    dump = dump_id(1)
    first, second = tmp_path / "log", tmp_path / "full"
    for directory, text in ((first, "of the log"), (second, "of the dump")):
        directory.mkdir()
        for name in ("report.html", "report.md", "report.json"):
            (directory / name).write_text(f"{name} {text}")
    made.files[dump] = first
    there = tmp_path / "s" / "d" / dump
    write(tmp_path / "s", made)
    assert (there / "report.html").read_text() == "report.html of the log"
    made.files[dump] = second
    made.changed(dumps=(dump,))
    write(tmp_path / "s", made)
    assert (there / "report.html").read_text() == "report.html of the dump"
    assert not [each for each in there.iterdir() if each.name.endswith(".tmp")]


def test_reports_may_be_written_into_the_site_itself(tmp_path: Path) -> None:
    made = book(3)
    there = tmp_path / "s" / "d" / dump_id(2)
    write(tmp_path / "s", made)
    (there / "report.html").write_text("made here")
    made.files[dump_id(2)] = there
    made.changed(dumps=(dump_id(2),))
    write(tmp_path / "s", made)
    write(tmp_path / "s", made, anew=True)
    assert (there / "report.html").read_text() == "made here"
    assert "report.html" in Page((there / "index.html").read_text()).links


# -- whose site it is -----------------------------------------------------------------------------


def test_another_stores_site_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "s", book(3))
    before = texts(tmp_path / "s")
    with pytest.raises(BadConfig, match="the site of another store: test, not other") as told:
        write_site(tmp_path / "s", book(3), store="other", now=NOW)
    assert "--out" in told.value.next_step
    assert texts(tmp_path / "s") == before


def test_a_directory_that_is_no_site_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("my home page")
    with pytest.raises(BadConfig, match=r"no site of vmtriage: it holds 'index\.html'"):
        write(tmp_path, book(3))
    assert (tmp_path / "index.html").read_text() == "my home page"


def test_an_empty_directory_becomes_a_site(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    assert write(tmp_path, book(3)).anew


def test_a_file_in_place_of_the_site_is_said(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("")
    with pytest.raises(CannotWrite, match="cannot write"):
        write(tmp_path / "s", book(3))


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    made = book(30)
    site = tmp_path / "s"
    children = []
    for _ in range(3):
        if child := os.fork():
            children.append(child)
        else:
            write(site, made)
            os._exit(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    write(tmp_path / "once", made)
    assert texts(site) == texts(tmp_path / "once")


def test_a_writer_that_hangs_does_not_hang_the_others(tmp_path: Path) -> None:
    made = book(3)
    with (
        owner.alone(tmp_path / "s", 0.0),
        pytest.raises(CannotWrite, match="another process") as told,
    ):
        write_site(tmp_path / "s", made, store="test", now=NOW, wait_s=0.0)
    assert told.value.retryable


def test_a_password_never_stands_in_the_site(tmp_path: Path) -> None:
    made = book(3)
    url = "postgresql://scan:hunter2@db.example.com/fleet"
    write_site(tmp_path / "s", made, store=url, now=NOW)
    write_site(tmp_path / "s", made, store=url, now=NOW)
    for path in (tmp_path / "s").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes()


def test_many_crashes_of_one_problem_stand_on_numbered_pages(tmp_path: Path) -> None:
    made = Shelved()
    made.put(*(make_occurrence(number, host=f"h{number % 7}") for number in range(1, 1201)))
    site = tmp_path / "s"
    write(site, made)
    at = names.problem(make_occurrence(1).problem)
    assert sorted(each.name for each in (site / at).glob("page-*")) == [
        "page-1",
        "page-2",
        "page-3",
    ]
    dumps = [link for number in (1, 2, 3)
             for link in Page((site / at / f"page-{number}/index.html").read_text()).links
             if "/d/" in link]  # fmt: skip
    assert len(dumps) == len(set(dumps)) == 1200
    assert broken_links(site) == []
    made.put(crash(1, problem=make_occurrence(1).problem, crash_time=NOW, first_seen=NOW))
    done = write(site, made)
    assert f"{at}/page-3/index.html" in done.files
    assert f"{at}/page-1/index.html" not in done.files


def test_many_hosts_stand_on_numbered_pages_that_lead_to_each_other(tmp_path: Path) -> None:
    made = Shelved()
    made.put(*(make_occurrence(number, host=f"n{number:05}") for number in range(1, 1002)))
    site = tmp_path / "s"
    write(site, made)
    pages = [site / "h" / each / "index.html" for each in ("", "page-2", "page-3")]
    told = [Page(path.read_text()) for path in pages]
    assert [len([link for link in each.links if "/h/n" in link]) for each in told] == [500, 500, 1]
    assert "page-2/index.html" in told[0].links
    assert {"../index.html", "../page-3/index.html"} <= {*told[1].links}
    assert "1,001 hosts" in told[0].text
    assert broken_links(site) == []
    made.put(make_occurrence(2000, host="n99999"))
    done = write(site, made)
    assert "h/page-3/index.html" in done.files
    assert "h/page-2/index.html" not in done.files


def test_shards_are_all_there(tmp_path: Path) -> None:
    write(tmp_path / "s", book(3))
    assert len(list((tmp_path / "s" / "data").glob("crashes-*.js"))) == SHARDS


def test_a_clock_that_was_never_set_does_not_stay_on_top(tmp_path: Path) -> None:
    made = book()
    future = crash(1, crash_time=NOW + timedelta(days=9000), first_seen=NOW - timedelta(days=200),
                   crash_class=CrashClass.BUG, frames=("future",))  # fmt: skip
    past = crash(2, crash_time=NOW.replace(year=1970), first_seen=NOW, frames=("past",))
    made.put(future, past)
    write(tmp_path / "s", made)
    text = Page((tmp_path / "s" / "index.html").read_text()).text
    assert text.index("past") < text.index("future")
    assert "1970" not in text
    assert "2042" not in text
