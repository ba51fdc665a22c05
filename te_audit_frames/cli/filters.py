"""Filters of events by their texts: which texts match a pattern, and which patterns match nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

import te_audit_frames as taf
from te_audit_frames.checks.people import matches_text, names_of
from te_audit_frames.schema import COLUMNS

if TYPE_CHECKING:
    from te_audit_frames.cli.reading import Where


def _itself(text: str) -> Iterable[str]:
    return (text,)


def keep(events: pd.DataFrame, mask: pd.Series, option: str, values: Sequence[str]) -> pd.DataFrame:
    """Keep the marked events; their receipt names the option."""
    return taf.where(events, mask, label=f"{option} {', '.join(values)}").reset_index(drop=True)


def matching(
    texts: pd.Series, patterns: Sequence[str], names_of: Callable[[str], Iterable[str]] = _itself
) -> pd.Series:
    """Mark the texts with a name that matches a pattern. Case is ignored."""
    different = texts.dropna().unique()
    found = [text for text in different if any(matches_text(name, patterns) for name in names_of(text))]
    return texts.isin(found)


def unmatched(where: Where, events: Any) -> list[tuple[str, str]]:
    """Return the option and the text of each filter that, on its own, matches no event.

    Parameters
    ----------
    where : Where
        The filters. An action has no pattern, so it is never in the result.
    events : pandas.DataFrame or Archive
        All events of the period.

    Returns
    -------
    list of tuple of str
    """
    found = []
    for option, by, texts in (
        ("--user", "user", where.user),
        ("--event", "event", where.event),
        ("--account-group", "account_group", where.account_group),
    ):
        if not texts:
            continue
        groups = taf.summarize(events, by=by)
        names = groups[[name for name in COLUMNS if name in groups]]
        split = names_of if by == "user" else _itself
        found += [
            (option, text) for text in texts if not any(matching(names[name], (text,), split).any() for name in names)
        ]
    return found
