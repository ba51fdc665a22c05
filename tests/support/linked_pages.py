"""Pages of one event each, with next links that a test chooses, and the day that they are all in."""

from datetime import UTC, datetime

import te_audit_frames as taf
from support.rawserver import page, whole

PATH = "/v7/audit-user-events"
ONE_DAY = {"start": "2026-01-01", "end": "2026-01-02", "all_account_groups": False}
WHOLE_DAY = [taf.Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))]


def numbered(number):
    """Return an event of the day; the higher its number, the older it is."""
    return {"date": f"2026-01-01T{23 - number:02}:00:00Z", "uid": str(number)}


def linked_pages(*following):
    """Return answers of one event each, each with its next link; the last has none."""
    bodies = [page(numbered(number), following=link) for number, link in enumerate([*following, None])]
    return [whole(body) for body in bodies]
