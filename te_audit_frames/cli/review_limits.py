"""Limits of a review: what it did not look at, and filters that match nothing. They are printed even with --quiet.

Without these lines, cron could not tell "nothing was found" from "nothing was looked at".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from te_audit_frames.cli.exit_codes import in_options
from te_audit_frames.cli.filters import unmatched
from te_audit_frames.periods import iso, parse_zone, to_instant
from te_audit_frames.receipts import stored_receipt

if TYPE_CHECKING:
    import te_audit_frames as taf
    from te_audit_frames.cli.reading import Where


def check_start(where: Where, events: Any) -> None:
    """Refuse a period that begins after everything that WHERE covers.

    Parameters
    ----------
    where : Where
        The places and the period.
    events : pandas.DataFrame or Archive
        The events of the period.

    Raises
    ------
    click.UsageError
        There are no events, because ``--start`` is later than what WHERE covers. The message names what it covers.
    """
    if where.start is None or not isinstance(events, pd.DataFrame) or len(events):
        return
    zone = parse_zone(where.tz)
    covered = where.covers()
    if covered is not None and to_instant(where.start, argument="start", zone=zone) >= covered.end:
        first, last = (iso(moment.astimezone(zone)) for moment in (covered.start, covered.end))
        raise click.UsageError(
            f"--start {where.start} is later than everything in WHERE, which covers {first} to {last}. Give an earlier "
            "--start, or sync or fetch first."
        )


def list_limits(found: taf.Review) -> list[str]:
    """Return one line for each reason why a review without findings does not mean that nothing happened.

    Parameters
    ----------
    found : Review
        The review.

    Returns
    -------
    list of str
        Lines about missing events, about a period without events, and about checks, if nothing that people did could
        be assessed.
    """
    lines = [f"Incomplete: {note}" for note in found.missing]
    # The directory can be assessed without a history, but it shows nothing of what people did.
    acts = found.assessed[found.assessed["check"] != "find_dormant_users"]
    receipt = stored_receipt(found.events) if isinstance(found.events, pd.DataFrame) else None
    if not found.assessed["events"].max():
        # A complete receipt proves a quiet period; an empty file proves nothing.
        if receipt is None or not receipt.complete:
            lines.append("No events: there are none with a date in the period, so nothing was reviewed")
    elif len(acts) and (acts["status"] == "not assessed").all():
        lines.append(f"Nothing could be assessed of what people did: {acts['reason'].mode()[0]}")
    return [f"{in_options(line)}." for line in lines]


def list_unmatched(where: Where, events: Any) -> list[str]:
    """Return one line for each text of a filter that matches no event, such as a misspelt name.

    Parameters
    ----------
    where : Where
        The filters.
    events : pandas.DataFrame or Archive
        All events of the period.

    Returns
    -------
    list of str
    """
    said = {"--user": "is by", "--event": "has the text", "--account-group": "is in the account group"}
    return [f"{option}: no event of the period {said[option]} {text!r}." for option, text in unmatched(where, events)]
