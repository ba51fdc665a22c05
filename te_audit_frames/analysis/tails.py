"""Exact tails of the binomial distribution, for counts of any size."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

_NEGLIGIBLE = 1e-18  # the sum ends at a term below this share of it
_STEP = 4_096


@lru_cache(maxsize=65_536)
def two_sided(hits: int, trials: int, chance: float) -> float:
    """Return the two-sided p-value of a count: twice the smaller tail.

    Parameters
    ----------
    hits, trials : int
        The number of hits, and out of how many trials.
    chance : float
        The probability of a hit, above 0 and below 1.

    Returns
    -------
    float
        At most 1.

    Examples
    --------
    >>> from te_audit_frames.analysis.tails import two_sided
    >>> two_sided(9, 10, 0.5)
    0.021484375
    """
    if not trials:
        return 1.0
    if hits < trials * chance:
        hits, chance = trials - hits, 1 - chance
    if not 0 < chance < 1:  # it is so near to one of them that it was rounded
        return float(hits == trials * chance)
    return min(1.0, 2 * _upper(hits, trials, chance))


def _upper(hits: int, trials: int, chance: float) -> float:
    """Return the probability of at least `hits`. They must be no fewer than expected, so that the terms only fall."""
    total = float(1)
    odds, term = chance / (1 - chance), float(1)
    for start in range(hits, trials, _STEP):
        at = np.arange(start, min(start + _STEP, trials), dtype="float64")
        terms = term * np.cumprod((trials - at) / (at + 1) * odds)
        total += float(terms.sum())
        term = float(terms[-1])
        if term < _NEGLIGIBLE * total:
            break
    return _probability(hits, trials, chance) * total


def _probability(hits: int, trials: int, chance: float) -> float:
    if trials < 1_000:
        return math.comb(trials, hits) * chance**hits * (1 - chance) ** (trials - hits)
    ways = math.lgamma(trials + 1) - math.lgamma(hits + 1) - math.lgamma(trials - hits + 1)
    return math.exp(ways + hits * math.log(chance) + (trials - hits) * math.log1p(-chance))
