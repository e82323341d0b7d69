"""How likely chance alone brings so many together."""

from math import exp, lgamma, log, log1p


def tail(population: int, having: int, drawn: int, found: int) -> float:
    """The probability that of `drawn` out of `population`, `having` of which have something, at
    least `found` have it: Fisher's exact test, one-sided (hypergeometric tail).

    Exact for any numbers, small ones above all; nothing is assumed of how often it occurs, for
    the rest of the population says so. 1.0 where the numbers leave no doubt or make no sense.
    """
    least, most = max(0, drawn - (population - having)), min(having, drawn)
    if found <= least or drawn > population or having > population:
        return 1.0
    if found > most:
        return 0.0
    term = exp(
        _log_choose(having, found)
        + _log_choose(population - having, drawn - found)
        - _log_choose(population, drawn)
    )
    total = 0.0
    for count in range(found, most + 1):
        total += term
        rest = population - having - drawn + count + 1
        term *= (having - count) * (drawn - count) / ((count + 1) * rest)
    return min(1.0, total)


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def at_least(found: int, tries: int, chance: float) -> float:
    """The probability that of `tries` at least `found` succeed, each with this chance (0..1)."""
    if found <= 0:
        return 1.0
    return min(1.0, sum(
        exp(_log_choose(tries, n) + n * log(chance) + (tries - n) * log1p(-chance))
        for n in range(found, tries + 1)
    ))  # fmt: skip
