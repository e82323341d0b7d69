"""What crashes have in common: told where it is a clue, and never by chance."""

import random
from collections import defaultdict
from fractions import Fraction
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fleet import APPLICATION, DELL, HP, fleet, make_occurrence, yarn, yarn_fleet
from vmtriage.analysis.problems import Fleet, common, problem_id
from vmtriage.analysis.problems import seen as seen_of
from vmtriage.analysis.problems.chance import at_least, tail
from vmtriage.models.finding import CrashClass
from vmtriage.models.occurrence import Blamed, Occurrence
from vmtriage.models.problem import Common

YARN = f"the same YARN application {APPLICATION} on 9 of 11 dumps (9 hosts)"


def shared(own: list[Occurrence] | tuple[Occurrence, ...], *rest: Occurrence) -> dict[str, Common]:
    return {each.what: each for each in common(own, Fleet(map(seen_of, [*own, *rest])))}


def others(count: int, **changes: Any) -> list[Occurrence]:
    """As many hosts that crashed of something else."""
    return [
        make_occurrence(
            1000 + number, crash_class=CrashClass.NULL_POINTER, frames=("tcp_ack",), **changes
        )
        for number in range(count)
    ]


# -- the first incident ------------------------------------------------------------------------


def test_the_first_incident_is_told_in_the_sentence_it_needed() -> None:
    """All of one cluster: one kernel and one model are no clue, the application is."""
    found = shared(yarn_fleet())
    assert {what: each.sentence for what, each in found.items()} == {"culprit": YARN}
    told = found["culprit"]
    assert (told.value, told.count, told.total, told.hosts) == (APPLICATION, 9, 11, 9)
    assert told.suggests.startswith("stop it")


def test_the_first_incident_within_a_larger_fleet() -> None:
    found = shared(yarn_fleet(), *fleet(300))
    assert found["culprit"].sentence.startswith(YARN)
    assert (found["culprit"].fleet_count, found["culprit"].count) == (9, 9)


def test_the_first_incident_a_month_long_ten_servers_a_day() -> None:
    days = [
        make_occurrence(
            number, host=f"hadoop-{number % 170:03}",
            culprit=yarn(APPLICATION if number % 10 else "application_1526_0007", number),
        )
        for number in range(300)
    ]  # fmt: skip
    assert set(shared(days)) == {"culprit"}


# -- each clue -----------------------------------------------------------------------------------


def test_one_host_again_and_again() -> None:
    bad = [make_occurrence(number, host="web7") for number in range(6)]
    told = shared(bad, *others(40))["host"]
    assert told.sentence == "the same host web7 on 6 of 6 dumps; on 0 of 40 others"
    assert "memory" in told.suggests


def test_one_model_and_its_firmware() -> None:
    """Elsewhere the same model has another firmware: both are worth a look."""
    bad = [make_occurrence(n, hardware=HP, firmware="P89 10/05/2016") for n in range(8)]
    rest = [*others(60), *others(20, hardware=HP, firmware="P89 05/21/2018")]
    rest = [each.model_copy(update={"host": f"n{n}"}) for n, each in enumerate(rest)]
    found = shared(bad, *rest)
    assert found["hardware"].sentence.startswith(f"the same model {HP} on 8 of 8 dumps (8 hosts)")
    assert found["firmware"].value == "P89 10/05/2016"


def test_one_kernel() -> None:
    bad = [make_occurrence(number, release="5.14.0-503.el9.x86_64") for number in range(7)]
    assert set(shared(bad, *others(30))) == {"kernel"}


def test_one_program_in_containers_that_have_other_names_on_every_host() -> None:
    """Twelve proxy hosts with one Docker container each, and half of the fleet runs others."""

    def container(number: int, comm: str) -> Blamed:
        return Blamed(
            kind="container", name=f"{number:012x}", container_id=f"{number:064x}",
            runtime="docker", comms=(comm,), confidence="medium",
        )  # fmt: skip

    bad = [make_occurrence(number, culprit=container(number, "haproxy")) for number in range(12)]
    rest = [
        each.model_copy(update={"culprit": container(n, f"app{n % 8}")})
        for n, each in enumerate(others(40))
    ]
    told = shared(bad, *rest)["culprit"]
    assert told.sentence.startswith("the same containerised program haproxy in docker on 12 of 12")


def test_one_module_on_many_hosts() -> None:
    module = Blamed(kind="module", name="acme_raid", confidence="high")
    bad = [make_occurrence(number, culprit=module) for number in range(5)]
    assert "another version" in shared(bad, *others(30, culprit=yarn()))["module"].suggests


def test_those_that_do_not_tell_are_counted() -> None:
    """The log alone names no container: it is no witness against the application either."""
    silent = [make_occurrence(20 + number, stage="log") for number in range(2)]
    found = shared([*yarn_fleet(), *silent])
    assert found["culprit"].sentence == f"{YARN}, 2 more do not tell"


# -- no clue -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 10, 100, 600])
def test_a_model_that_is_nearly_the_whole_fleet_is_no_clue(count: int) -> None:
    bad = [make_occurrence(number, hardware=DELL) for number in range(count)]
    rest = others(1000, hardware=DELL)
    rest = [
        each.model_copy(update={"host": f"n{n}", "hardware": HP if n % 20 == 0 else DELL})
        for n, each in enumerate(rest)
    ]
    assert "hardware" not in shared(bad, *rest)


def test_one_host_that_crashes_all_day_is_no_witness_for_its_model() -> None:
    loop = [make_occurrence(n, host="web7", hardware=HP, release="6.9.1") for n in range(50)]
    assert set(shared(loop, *others(100))) == {"host"}


def test_that_a_machines_own_problem_is_on_one_machine_is_no_news() -> None:
    own = [
        make_occurrence(n, crash_class=CrashClass.MCE, frames=(), scope="machine web7", host="web7")
        for n in range(9)
    ]
    assert shared(own, *others(100)) == {}


@pytest.mark.parametrize("count", [1, 2])
def test_two_are_no_pattern(count: int) -> None:
    few = [make_occurrence(number, culprit=yarn()) for number in range(count)]
    assert shared(few, *others(50)) == {}


def test_a_suspicion_alone_needs_other_crashes_to_compare_with() -> None:
    lead = yarn().model_copy(update={"confidence": "low"})
    own = [make_occurrence(number, culprit=lead) for number in range(9)]
    assert shared(own) == {}
    elsewhere = others(30, culprit=yarn("application_1526_0001"))
    assert set(shared(own, *elsewhere)) >= {"culprit"}


def test_an_application_that_every_crash_names_is_no_clue() -> None:
    own = [make_occurrence(number, culprit=yarn()) for number in range(9)]
    assert "culprit" not in shared(own, *others(40, culprit=yarn()))


def test_of_random_fleets_hardly_any_problem_gets_a_sentence() -> None:
    """Where nothing has to do with anything: less than one in two hundred, of any kind."""
    problems = sentences = 0
    for seed in range(120):
        draw = random.Random(seed)
        count, hosts = draw.choice([5, 20, 60, 200, 500]), draw.choice([2, 5, 20, 100])
        by: defaultdict[str, list[Occurrence]] = defaultdict(list)
        for each in fleet(count, seed, hosts):
            by[each.problem].append(each)
        whole = Fleet(map(seen_of, [each for own in by.values() for each in own]))
        problems += len(by)
        sentences += sum(bool(common(own, whole)) for own in by.values())
    assert problems > 500
    assert sentences / problems < 0.005, f"{sentences} of {problems}"


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.integers(0, 8), st.integers(0, 1))
def test_the_numbers_agree_with_each_other(hosts: list[int], of: int, low: int) -> None:
    whole = [
        make_occurrence(
            number, host=f"h{host}", hardware=f"model {host % 3}", release=f"6.{host % 2}.1",
            frames=(f"f{min(host, of) % 2}",), culprit=yarn(f"application_1_{host % (low + 2)}"),
        )
        for number, host in enumerate(hosts)
    ]  # fmt: skip
    mine = [each for each in whole if each.problem == whole[0].problem]
    for each in common(mine, Fleet(map(seen_of, whole))):
        assert 0 < each.count <= each.total <= len(mine)
        assert each.count <= each.fleet_count <= each.fleet_total <= len(whole)
        assert 0 < each.hosts <= each.count
        assert f"{each.count} of {each.total} dump" in each.sentence
        assert each.value in each.sentence
    assert problem_id(mine[0]) == mine[0].problem


# -- the arithmetic --------------------------------------------------------------------------


@given(st.integers(0, 60), st.data())
def test_the_tail_is_fishers(population: int, data: st.DataObject) -> None:
    having, drawn = (data.draw(st.integers(0, population)) for _ in range(2))
    found = data.draw(st.integers(0, drawn))
    ways = sum(
        comb(having, n) * comb(population - having, drawn - n)
        for n in range(found, min(having, drawn) + 1)
    )
    assert tail(population, having, drawn, found) == pytest.approx(
        float(Fraction(ways, comb(population, drawn))), rel=1e-9
    )


@given(st.integers(0, 40), st.integers(0, 41))
def test_the_binomial_tail_is_the_sum_it_stands_for(tries: int, found: int) -> None:
    chance = Fraction(1, 8)
    ways = sum(
        comb(tries, n) * chance**n * (1 - chance) ** (tries - n) for n in range(found, tries + 1)
    )
    assert at_least(found, tries, 1 / 8) == pytest.approx(float(ways), rel=1e-9)


def test_ten_thousand_crashes_are_no_trouble_for_the_arithmetic() -> None:
    assert tail(10_000, 5_000, 4_000, 2_000) == pytest.approx(0.5, abs=0.02)
    assert 0 <= tail(10_000, 40, 40, 40) < 1e-90
