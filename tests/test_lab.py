"""The lab itself, as far as it can be tested without starting a guest."""

import pytest

from fixtures.lab import dumps
from fixtures.lab.errors import Accident


@pytest.mark.parametrize(("accidents", "made"), [(0, 1), (2, 3)])
def test_a_guest_lost_to_an_accident_is_started_again(accidents: int, made: int) -> None:
    tries: list[int] = []

    def make() -> None:
        tries.append(len(tries))
        if len(tries) <= accidents:
            raise Accident("the guest died before its scene was set")

    dumps.insist(make, "null")
    assert len(tries) == made


def test_a_guest_that_never_lives_is_an_error() -> None:
    def make() -> None:
        raise Accident("the guest was not done in 150 s")

    with pytest.raises(Accident, match="not done"):
        dumps.insist(make, "null")
