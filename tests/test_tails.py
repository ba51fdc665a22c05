"""The tails of the binomial distribution: exact, and the same from either side."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.analysis.tails import two_sided


def exact(hits, trials, chance):
    """Add up the binomial distribution in fractions."""
    terms = [math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(trials + 1)]
    return float(min(Fraction(1), 2 * min(sum(terms[: hits + 1]), sum(terms[hits:]))))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 99))
def test_tails_are_exact(hits, misses, percent):
    chance = Fraction(percent, 100)
    found = two_sided(hits, hits + misses, float(chance))
    assert found == pytest.approx(exact(hits, hits + misses, chance), rel=1e-12)


@pytest.mark.parametrize(
    ("hits", "trials", "chance", "value"),
    [
        (0, 0, 0.5, 1.0),
        (5, 10, 0.5, 1.0),
        (3, 10, 0.5, 0.34375),
        (9, 10, 0.5, 0.021484375),
        (0, 20, 0.5, 2.0**-19),
        # As summed in fractions.
        (520, 1_000, 0.5, 0.21744829320414094),
        (1_100, 2_000, 0.5, 8.457089535503927e-06),
        (300, 2_000, 0.125, 0.001084244384537203),
    ],
)
def test_known_tails(hits, trials, chance, value):
    assert two_sided(hits, trials, chance) == pytest.approx(value, rel=1e-9)


def test_large_counts_come_near_the_normal_distribution():
    million = 1_000_000
    for sigmas in (1, 3, 5):
        hits = million // 2 + sigmas * 500
        expected = math.erfc((sigmas * 500 - 0.5) / 500 / math.sqrt(2))
        assert two_sided(hits, million, 0.5) == pytest.approx(expected, rel=1e-3)
    assert two_sided(0, million, 0.5) == 0.0
    assert two_sided(million, million, 0.5) == 0.0


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.floats(1e-6, 1 - 1e-6))
def test_hits_and_misses_may_change_places(hits, misses, chance):
    there, back = two_sided(hits, hits + misses, chance), two_sided(misses, hits + misses, 1 - chance)
    assert 0 <= there <= 1
    assert there == pytest.approx(back, rel=1e-6, abs=1e-300)


def test_tails_of_many_terms_are_summed_to_their_end():
    trials, sigma = 10**8, 5_000
    expected = math.erfc((sigma - 0.5) / sigma / math.sqrt(2))
    assert two_sided(trials // 2 + sigma, trials, 0.5) == pytest.approx(expected, rel=1e-4)


def test_counts_further_from_what_is_expected_are_less_likely():
    found = [two_sided(hits, 2_000, 0.25) for hits in range(500, 2_001, 30)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.97
    assert found[-1] == 0.0


@pytest.mark.parametrize("trials", [1, 999, 1_000])
@pytest.mark.parametrize("chance", [5e-324, 1e-17, 1 - 2**-53, 1.0, 0.0])
def test_a_chance_next_to_none_or_all_is_no_error(trials, chance):
    expected, other = (0, trials) if chance < 0.5 else (trials, 0)
    assert two_sided(expected, trials, chance) == 1.0
    assert two_sided(other, trials, chance) == pytest.approx(0, abs=1e-15)
