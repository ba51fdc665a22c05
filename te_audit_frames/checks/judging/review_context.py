"""What the checks of one review share: the events, the history, and what everybody did in each week."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.checks.assessed import Assessed
from te_audit_frames.checks.baseline import Baseline
from te_audit_frames.checks.judging.findings import Finding
from te_audit_frames.checks.judging.rarity import MIN_SPAN, UNKNOWN, Rarity, Weeks, week_of_date
from te_audit_frames.checks.selection import Selection
from te_audit_frames.checks.text.reading import FAILURE, UNCLASSIFIED
from te_audit_frames.checks.vocabulary import classify_events
from te_audit_frames.checks.zones import Zones

FEW_WEEKS = 8
"""People with fewer active weeks of history are compared mostly with the others, and counted in `without_baseline`."""

Found = tuple[list[Finding], Assessed]
"""What a judge returns: the findings of a check, and what was assessed."""


@dataclass(frozen=True, eq=False)
class ReviewContext:
    """What all checks of one review share.

    Attributes
    ----------
    events : frame or Archive
        The period under review.
    past, now : Baseline
        The history, and the period, as counts.
    weeks : Weeks
        What everybody did in each week of both.
    selection : Selection
        The events of the period, with account groups and addresses.
    users, tz, vocabulary
        As `review` has them.
    has_history : bool
        Whether a history was given.
    """

    events: Any
    past: Baseline
    now: Baseline
    weeks: Weeks
    selection: Selection
    users: pd.DataFrame | None
    tz: Zones
    vocabulary: str | PathLike[str] | None
    has_history: bool

    @cached_property
    def kinds(self) -> pd.DataFrame:
        """One row per different event text, with its classes."""
        texts = pd.DataFrame({"event": pd.unique(self.weeks.texts["event"])}, dtype="str")
        kinds: pd.DataFrame = classify_events(texts, vocabulary=self.vocabulary).drop(columns="rule")
        return kinds

    @cached_property
    def failed_log_ins(self) -> frozenset[str]:
        """The event texts that report a failed log-in, which need not be by the person it names."""
        is_failed = (self.kinds["action"] == "login") & (self.kinds["outcome"] == FAILURE)
        return frozenset(self.kinds.loc[is_failed, "event"])

    @cached_property
    def done(self) -> pd.DataFrame:
        """What each person did in each week, with its classes."""
        done: pd.DataFrame = self.weeks.texts.merge(self.kinds, on="event", how="left")
        return done

    @cached_property
    def knows_history(self) -> bool:
        """Whether the vocabulary knows any event of the history, so that acts can be compared with it."""
        before = self.done.loc[self.done["week"] % 2 == 0, "action"]
        return bool((before != UNCLASSIFIED).any())

    def rarity_of_acts(self, person: int, week: int, done: pd.DataFrame) -> Rarity:
        """Return how rare an act is, given in which weeks it was done; unknown if the history cannot tell."""
        return self.weeks.rarity(person, week, done) if self.knows_history else UNKNOWN

    def week_of(self, rows: pd.DataFrame) -> npt.NDArray[np.int64]:
        """Return the week of each row's first event, as `Weeks` numbers those under review."""
        return np.asarray(2 * week_of_date(rows["first_event"]) + 1)

    def with_baseline(self, record: Assessed) -> Assessed:
        """Complete a record with the history that rarity was judged by."""
        acting = np.unique(self.selection.rows["person"].to_numpy(dtype="int64"))
        without = int((self.weeks.active_in_history()[acting] < FEW_WEEKS).sum())
        notes, reason = list(record.notes), ""
        if not self.has_history:
            reason = "no history was given"
        elif not self.weeks.is_assessed:
            reason = f"the history is shorter than {MIN_SPAN:.0f} days"
        elif not self.knows_history:
            reason = "the vocabulary knows no event of the history"
        elif without:
            people, are = ("person has", "is") if without == 1 else ("people have", "are")
            notes.append(
                f"{without:,} {people} fewer than {FEW_WEEKS} active weeks of history, and {are} compared mostly with "
                "the others"
            )
        if reason and record.concerned:
            notes.append("what was found is listed, but not whether it is unusual for its person")
        return replace(
            record,
            not_assessed=record.not_assessed or reason,
            baseline_days=self.weeks.span or 0.0,
            without_baseline=without,
            notes=tuple(notes),
        )
