"""Findings: one answer worth a look, with a severity and one sentence that says why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from te_audit_frames.checks.judging.rarity import Rarity
from te_audit_frames.checks.judging.severity import RULES, Check, Severity
from te_audit_frames.safe_text import number_of

_IRREGULAR = {
    "cancel": "cancelled",
    "login": "logged in to",
    "logout": "logged out of",
    "run": "ran",
    "send": "sent",
    "stop": "stopped",
    "verify": "verified",
}
_ACRONYM = re.compile(r"\b(?:api|mfa|sso)\b")
_UNCOUNTED = frozenset({"authentication", "billing", "data", "mfa", "sso"})


@dataclass(frozen=True)
class Finding:
    """One answer worth a look.

    Attributes
    ----------
    check : str
        The function that found it.
    severity : str
        As the rules of its check give it, or raised by one step.
    row : dict
        What `evidence` needs to return the events.
    why : str
        One sentence.
    chance : float
        How likely the person is to do something as rare in an active week; NaN if there is no baseline.
    technique : str
        The technique of MITRE ATT&CK.
    account_groups : tuple of str
        Their names, or `aid`.
    person : dict or None
        `uid` and `user` of the person whom it is about, if they are not in `row`.
    """

    check: Check
    severity: Severity
    row: Mapping[str, Any]
    why: str
    chance: float = float("nan")
    technique: str = ""
    account_groups: tuple[str, ...] = ()
    person: Mapping[str, Any] | None = None

    @property
    def who(self) -> tuple[str | None, str | None]:
        """The `uid` and the `user` of the person whom it is about, None if there is none."""
        uid, user = ((self.person or self.row).get(name) for name in ("uid", "user"))
        return (None if pd.isna(uid) else str(uid), None if pd.isna(user) else str(user))

    @property
    def first_event(self) -> pd.Timestamp:
        """The date of the first event; NaT if it is about somebody who did nothing."""
        return pd.Timestamp(self.row["first_event"])

    @property
    def last_event(self) -> pd.Timestamp:
        """The date of the last event; NaT if it is about somebody who did nothing."""
        return pd.Timestamp(self.row["last_event"])


def make_finding(
    check: Check,
    severity: Severity,
    row: pd.Series | Mapping[Any, Any],
    why: str,
    chance: float,
    *,
    technique: str = "",
    groups: Iterable[Any] = (),
) -> Finding:
    """Make a finding from a row of a check's result. `why` has no full stop yet."""
    named = tuple(str(group) for group in groups)
    plain = {str(name): value for name, value in row.items()}
    return Finding(check, severity, plain, f"{why}.", float(chance), technique or RULES[check].technique, named)


def compared(rarity: Rarity, what: str) -> str:
    """Write in how many of the person's weeks, and of the others', something happened."""
    if np.isnan(rarity.chance):
        return "whether that is unusual is not assessed, since there is too little history"
    others = f"in {rarity.others:,} of {number_of(rarity.other_weeks, 'active week')} of {rarity.among}"
    if not rarity.own_weeks:
        return f"{what} happened {others}, and the person has no earlier active week"
    own = f"{what} happened in {rarity.own:,} of the person's {number_of(rarity.own_weeks, 'earlier active week')}"
    return f"{own}, and {others}" if rarity.other_weeks else own


def past(action: str) -> str:
    """Return the past tense of an action."""
    return _IRREGULAR.get(action, action + ("d" if action.endswith("e") else "ed"))


def deed(did: str, thing: str, events: int, *, things: int = 1) -> str:
    """Write what was done to what, such as "Assigned a role" or "Deleted API tokens, 3 events"."""
    name = _ACRONYM.sub(lambda found: found[0].upper(), thing.replace("_", " "))
    if thing not in _UNCOUNTED and max(events, things) == 1:
        name = f"{'an' if name[0] in 'aeioA' else 'a'} {name}"
    elif thing not in _UNCOUNTED:
        name = name[:-1] + "ies" if re.search("[^aeiou]y$", name) else name + ("es" if name[-1] in "sx" else "s")
    return f"{capital(did)} {name}" + ("" if events == 1 else f", {times(events)}")


def moment(date: datetime) -> str:
    """Write a date to the minute."""
    return f"{date:%Y-%m-%d %H:%M} UTC"


def times(events: int) -> str:
    """Write a number of events."""
    return number_of(events, "event")


def minutes(number: int) -> str:
    """Write a number of minutes."""
    return "a minute" if number == 1 else f"{number:,} minutes"


def some_of(names: Iterable[Any]) -> str:
    """Write the first three of some names."""
    texts = [str(name) for name in names]
    return ", ".join(texts[:3]) + (f" and {len(texts) - 3:,} more" if len(texts) > 3 else "")


def capital(text: str) -> str:
    """Return a text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
