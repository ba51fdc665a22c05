"""Severities: the thresholds, one step up, and a rule for every check."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

import te_audit_frames as taf
from te_audit_frames.checks.judging.severity import CHECKS, POINTS, RULES, SEVERITIES, by_chance, raised


@pytest.mark.parametrize(
    ("chance", "severity", "at_most_low"),
    [(0.0199, "medium", "low"), (0.02, "low", "low"), (0.0499, "low", "low"), (0.05, "info", "info")],
)
def test_thresholds_of_chance(chance, severity, at_most_low):
    assert by_chance(chance) == severity
    assert by_chance(chance, to_medium=False) == at_most_low


def test_nothing_is_rarer_than_medium_and_what_is_not_assessed_is_info():
    assert by_chance(0.0) == "medium"
    assert by_chance(float("nan")) == by_chance(float("nan"), to_medium=False) == "info"


def test_each_severity_is_raised_to_the_next_and_the_highest_stays():
    assert [raised(severity) for severity in SEVERITIES] == ["high", "high", "medium", "low"]


def test_a_finding_is_worth_at_least_two_of_the_severity_below():
    points = [POINTS[severity] for severity in SEVERITIES]
    assert all(more >= 2 * less for more, less in pairwise(points))
    assert points[-1] == 0


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_a_public_function_with_a_question_and_a_technique(check):
    rule = RULES[check]
    assert callable(getattr(taf, check))
    assert rule.question.endswith("?")
    assert re.match(r"T\d{4}(\.\d{3})? \w", rule.technique)
