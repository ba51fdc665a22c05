"""Severities: the thresholds that all checks of a review share, and the question and technique of each check.

Most rules need to know how unusual an event is for its person. They use a chance: how likely the person is to do
something as rare in one active week, or, with little history of their own, how likely anybody here is. `rarity`
computes it. The two thresholds below bound what a check finds by chance: at most 5 low or medium findings in 100 active
weeks of a person, and at most 2 of them medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low", "info")

RARE = 0.05
"""The chance below which something is a low finding."""

VERY_RARE = 0.02
"""The chance below which something is a medium finding."""

MANY = 10
"""Events that a run must have to be a medium finding."""

ALARMING = 20
"""Events that make a run a low finding even if there is too little history to judge whether it is unusual."""

TOGETHER_HOURS = 24
"""Findings of one person that lie no further apart than this are judged together."""

SAME_ACT_HOURS = 2
"""Two findings about what somebody did, such as a run and a change of access, make a high one only within this time."""

SAYS_WHAT = frozenset({"find_runs", "find_access_changes", "find_monitoring_changes"})
"""Checks about what was done. The others are about when, from where, and whether it was the person at all."""

POINTS: Mapping[Severity, int] = {"high": 9, "medium": 4, "low": 2, "info": 0}
"""What the strongest finding of each check adds to a person's score, so that signs of several kinds add up."""

ATTACK_VERSION = "ATT&CK v18"

Check = Literal[
    "find_runs",
    "find_failed_logins",
    "find_off_hours",
    "find_new_addresses",
    "find_access_changes",
    "find_monitoring_changes",
    "find_dormant_users",
]


@dataclass(frozen=True)
class Rule:
    """What a check asks, and what an answer may be a sign of.

    Attributes
    ----------
    question : str
        What the check asks.
    technique : str
        The technique of MITRE ATT&CK, of the version `ATTACK_VERSION`.
    """

    question: str
    technique: str


RULES: Mapping[Check, Rule] = {
    "find_runs": Rule("Did somebody delete a lot in one go?", "T1485 Data Destruction"),
    "find_failed_logins": Rule("Did somebody guess, spray or stuff passwords, and get in?", "T1110 Brute Force"),
    "find_off_hours": Rule("Did somebody act outside their own hours?", "T1078.004 Valid Accounts: Cloud Accounts"),
    "find_new_addresses": Rule(
        "Did somebody act from a network for the first time?", "T1078.004 Valid Accounts: Cloud Accounts"
    ),
    "find_access_changes": Rule(
        "Did somebody who does not usually do so change roles, people or tokens?", "T1098 Account Manipulation"
    ),
    "find_monitoring_changes": Rule(
        "Did somebody who does not usually do so weaken monitoring?",
        "T1562.001 Impair Defenses: Disable or Modify Tools",
    ),
    "find_dormant_users": Rule(
        "Did a silent account return, and are there accounts that nobody uses?",
        "T1078.004 Valid Accounts: Cloud Accounts",
    ),
}
"""All checks, in the order in which a review reports them."""

CHECKS: tuple[Check, ...] = tuple(RULES)


def by_chance(chance: float, *, to_medium: bool = True) -> Severity:
    """Return the severity that a chance gives. NaN means that it was not assessed.

    Examples
    --------
    >>> from te_audit_frames.checks.judging.severity import by_chance
    >>> by_chance(0.001), by_chance(0.03), by_chance(0.3), by_chance(float("nan"))
    ('medium', 'low', 'info', 'info')
    """
    if chance < VERY_RARE and to_medium:
        return "medium"
    return "low" if chance < RARE else "info"


def raised(severity: Severity) -> Severity:
    """Return the severity one step up.

    Examples
    --------
    >>> from te_audit_frames.checks.judging.severity import raised
    >>> raised("low"), raised("high")
    ('medium', 'high')
    """
    return SEVERITIES[max(SEVERITIES.index(severity) - 1, 0)]
