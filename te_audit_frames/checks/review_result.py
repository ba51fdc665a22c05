"""The result of a review: findings, people, what was assessed, and how they are shown."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from te_audit_frames.checks.evidence import evidence
from te_audit_frames.checks.judging.severity import ATTACK_VERSION, SEVERITIES
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import Period
from te_audit_frames.safe_text import visible

_SHOWN = 10


@dataclass(frozen=True)
class Extent:
    """How many events there were at the time of a review, and from when.

    Attributes
    ----------
    events, undated : int
        How many events had a date, and how many had none.
    first_event, last_event : datetime or None
        The first and the last date, in UTC.
    """

    events: int = 0
    undated: int = 0
    first_event: datetime | None = None
    last_event: datetime | None = None

    def __str__(self) -> str:
        count = self.events + self.undated
        text = f"{count:,} event{'s' * (count != 1)}"
        if self.first_event is None or self.last_event is None:
            return text
        return f"{text} from {self.first_event:%Y-%m-%d %H:%M:%S} to {self.last_event:%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, eq=False, repr=False)
class Review:
    """What deserves a look in a period, and what could not be seen.

    Attributes
    ----------
    findings : pandas.DataFrame
        One row per finding, the most severe first. The index is the number that `evidence` takes.

        - `severity` (str): ``"high"``, ``"medium"``, ``"low"`` or ``"info"``;
        - `check` (str), the function that found it;
        - `uid`, `user` (str), null if it is about an address;
        - `account_groups` (list of str), names, or `aid` if there is none;
        - `first_event`, `last_event` (``datetime64[us, UTC]``), `events` (int64), `event_texts` (list of str);
        - `why` (str), one sentence;
        - `technique` (str), of MITRE ATT&CK, in the version `attack_version`;
        - `chance` (float64), how likely the person is to do something as rare in an active week; null if there is no
          baseline.
    people : pandas.DataFrame
        One row per person with a finding above info, the highest `score` first: `uid`, `user`, `score` (int64),
        `severity` (the highest), `findings` and the number of each severity (int64), `checks` (list of str),
        `first_event`, `last_event`, and `why` of the strongest finding.
    assessed : pandas.DataFrame
        One row per check: `check`, `status` (``"assessed"``, ``"in part"`` or ``"not assessed"``), `reason`, `events`,
        `concerned` and `people` (int64), `baseline_days` (float64), `without_baseline`, `unclassified` (int64),
        `unclassified_texts`, `absent` (list of str) and `notes`.
    reviewed : pandas.DataFrame
        Findings that a disposition covers, as `findings`, with `by`, `reviewed_why` and `until`.
    period : Period or None
        The half-open period under review; None if there is no dated event.
    notes : tuple of str
        What else a reader should know: where the period is from, gaps, what was cut.
    events : frame of any supported library, or Archive
        The events that were reviewed. A pandas or Polars frame is kept as a copy that shares its memory; later changes
        in place do not reach the copy.
    attack_version : str
        The version of MITRE ATT&CK.
    extent : Extent or None
        How many events the review has read, and from when.
    missing : tuple of str
        The `notes` about events of the period that are missing; empty if none are known to be.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=300, seed=0, days=20) as api:
    ...     events = taf.Client(token=api.token, base_url=api.url).fetch_events(window="20d")
    >>> review = taf.review(events)
    >>> review.findings.columns[:3].tolist()
    ['severity', 'check', 'uid']
    """

    findings: pd.DataFrame
    people: pd.DataFrame
    assessed: pd.DataFrame
    reviewed: pd.DataFrame
    period: Period | None
    notes: tuple[str, ...]
    events: Any
    rows: Sequence[Any]
    vocabulary: str | PathLike[str] | None = None
    attack_version: str = ATTACK_VERSION
    extent: Extent | None = None
    missing: tuple[str, ...] = ()

    def evidence(self, number: int) -> Any:
        """Return the events behind a finding, in the library of the events.

        Parameters
        ----------
        number : int
            The index of a row of `findings` or of `reviewed`.

        Raises
        ------
        InvalidArgument
            There is no such finding.
        """
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or not 0 <= number < len(self.rows):
            last = f"the numbers are 0 to {len(self.rows) - 1}" if len(self.rows) else "there are no findings"
            raise InvalidArgument(f"number: {number!r} is not a finding; {last}. It is the index of a row of findings.")
        return evidence(self.events, self.rows[int(number)], vocabulary=self.vocabulary)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return everything but the events as JSON; dates are ISO 8601 in UTC."""
        plain = {
            "period": self.period and {"start": self.period.start.isoformat(), "end": self.period.end.isoformat()},
            "attack_version": self.attack_version,
            "notes": list(self.notes),
            **{name: _records(getattr(self, name)) for name in ("findings", "people", "assessed", "reviewed")},
        }
        return json.dumps(plain, ensure_ascii=False, indent=indent, allow_nan=False)

    def _headline(self) -> str:
        counts = self.findings["severity"].value_counts()
        found = ", ".join(f"{counts.get(name, 0):,} {name}" for name in SEVERITIES)
        period = "no dated events" if self.period is None else str(self.period)
        reviewed = f", {len(self.reviewed):,} reviewed before" if len(self.reviewed) else ""
        return f"Review of {period}: {found}{reviewed}"

    def _not_assessed(self) -> list[str]:
        rows = self.assessed[self.assessed["status"] == "not assessed"]
        return [f"not assessed: {row.check}: {row.reason}" for row in rows.itertuples()]

    def _shown(self) -> list[tuple[str, str, str, str, str]]:
        """Return the first findings above info: number, severity, user, first event, why."""
        shown = self.findings[self.findings["severity"] != "info"].head(_SHOWN)
        who = shown["user"].fillna(shown["uid"]).fillna("-").tolist()
        first = ["" if pd.isna(date) else f"{date:%Y-%m-%d %H:%M}" for date in shown["first_event"]]
        numbers = [str(number) for number in shown.index]
        return list(zip(numbers, shown["severity"].tolist(), who, first, shown["why"].tolist(), strict=True))

    def __repr__(self) -> str:
        lines = [self._headline()]
        shown = self._shown()
        lines += [f"  {number:>3} {severity:<6} {user}: {why}" for number, severity, user, _, why in shown]
        rest = int((self.findings["severity"] != "info").sum()) - len(shown)
        if rest > 0:
            lines.append(f"      and {rest:,} more in .findings")
        lines += [f"  {text}" for text in [*self._not_assessed(), *self.notes]]
        return "\n".join(visible_line(line) for line in lines)

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr>{''.join(f'<td>{_cell(text)}</td>' for text in row)}</tr>" for row in self._shown())
        notes = "".join(f"<li>{_cell(text)}</li>" for text in [*self._not_assessed(), *self.notes])
        head = "<tr><th></th><th>severity</th><th>user</th><th>first event (UTC)</th><th>why</th></tr>"
        return f"<p>{_cell(self._headline())}</p><table>{head}{rows}</table><ul>{notes}</ul>"


def _cell(text: str) -> str:
    return html.escape(visible(text))


def visible_line(text: str) -> str:
    """Return a line with its indent, without characters that act on a terminal."""
    indent = len(text) - len(text.lstrip(" "))
    return " " * indent + visible(text[indent:])


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    numbered = frame.reset_index(names="number") if "chance" in frame else frame
    return [{str(name): _plain(value) for name, value in row.items()} for row in numbered.to_dict("records")]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(one) for one in value]
    if pd.isna(value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value
