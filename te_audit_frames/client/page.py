"""A page: one answer of the API, as received and decoded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pyarrow as pa

from te_audit_frames.errors import DecodeError, InvalidArgument
from te_audit_frames.periods import iso
from te_audit_frames.safe_text import LONGEST_EXCERPT, excerpt, number_of, printable
from te_audit_frames.schema import to_events

Errors = Literal["raise", "coerce"]


@dataclass(frozen=True)
class Page:
    """One answer of the API.

    Attributes
    ----------
    raw : bytes
        The body as received.
    batch : pyarrow.RecordBatch
        The events in the pinned schema, in the order sent.
    start, end : datetime or None
        The range that the API states for the answer, in UTC. None if it states none.
    next_href : str or None
        The link to the next page as sent, absolute or relative. None for the last page.
    coerced : tuple of int
        For each value that ``errors="coerce"`` moved to `extra`, the position of its event.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> from te_audit_frames.sandbox import Sandbox
    >>> with Sandbox(events=10, seed=0, page_size=4) as api:
    ...     page = taf.Client(token=api.token, base_url=api.url).get_page(window="104w", all_account_groups=True)
    >>> len(page.events), page.next_cursor is None
    (4, False)
    """

    raw: bytes
    batch: pa.RecordBatch
    start: datetime | None
    end: datetime | None
    next_href: str | None
    coerced: tuple[int, ...] = ()

    def __repr__(self) -> str:
        covered = f", {iso(self.start)} to {iso(self.end)}" if self.start and self.end else ""
        link = "no next page" if self.next_href is None else "a next page"
        return f"<Page, {number_of(self.batch.num_rows, 'event')}{covered}, {link}>"

    @property
    def events(self) -> pd.DataFrame:
        """The page's events as an audit frame, in the order sent."""
        return to_events(pa.Table.from_batches([self.batch]))

    @property
    def next_cursor(self) -> str | None:
        """The opaque cursor of the next page, from its link. None for the last page."""
        query = urlsplit(self.next_href).query if self.next_href else ""
        cursors = parse_qs(query).get("cursor")
        return cursors[0] if cursors else None


def check_errors(errors: str) -> None:
    """Raise InvalidArgument unless `errors` is "raise" or "coerce"."""
    if errors not in ("raise", "coerce"):
        raise InvalidArgument(f'errors: {errors!r} is neither "raise" nor "coerce"')


def not_the_contract(name: str, problem: str, body: bytes) -> DecodeError:
    """Return the error for an answer that breaks the API's contract as a whole. Such an answer is asked for again."""
    shown = excerpt(body[: 4 * LONGEST_EXCERPT].decode(errors="replace"))
    if not body:
        return DecodeError(
            f"page {printable(name)} is not an answer of /audit-user-events: it is empty. The connection or a proxy "
            "may have cut it short. Try again; if that does not help, check base_url and the proxy.",
            page=name,
            value=shown,
        )
    return DecodeError(
        f'page {printable(name)} is not an answer of /audit-user-events: {problem}. It begins with "{shown}". '
        "If it is a web page, something other than the API answered: check base_url and the proxy.",
        page=name,
        value=shown,
    )
