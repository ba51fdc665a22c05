"""The rows of the latest pages, and which of them a page repeats."""

from collections import Counter

import pytest
from support.checked import NOW, SECOND, event
from support.rawserver import page as body_of

from te_audit_frames.client import recent_rows
from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import FetchChecks
from te_audit_frames.client.recent_rows import RecentRows


def batch(text):
    """Return a page of events such as "1a": of the user a, one second before now."""
    events = [event(NOW - int(word[0]) * SECOND, word[1]) for word in text.split()]
    return decode_page(body_of(*events), name="1").batch


NOW_DATE = batch("0a")["date"][0].as_py()


def last_repeated(*pages, checks=None):
    """Return what the last page repeats of those before it: for each date, the users there."""
    recent = RecentRows(checks or FetchChecks())
    for page in pages[:-1]:
        recent.repeated(batch(page))
        recent.remember(batch(page))
    users = {repr(row): row["uid"] for page in pages for row in batch(page).to_pylist()}
    return {
        (NOW_DATE - date).seconds: Counter({users[row]: count for row, count in rows.items()})
        for date, rows in recent.repeated(batch(pages[-1])).items()
    }


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (["1a 1b"], {}),
        (["1a 1b", ""], {}),
        (["1a 1b", "2a 2b"], {}),
        (["1a 1b", "1c 2a"], {}),  # the same date, but no equal row
        (["1a 1b", "1b 2a"], {1: "ab"}),
        (["1a 1a 1b", "1a 2a"], {1: "aab"}),
        (["1a 2a", "1a 2a"], {1: "a", 2: "a"}),
        (["1a", "2a", "", "1a"], {1: "a"}),  # three pages are remembered
        (["1a", "2a", "2b", "2c", "1a"], {}),  # and no more
        (["1a 2a", "2b", "2c", "2d", "2e", "2a"], {2: "abcde"}),  # unless all pages since then have the date
        (["1a 2a", "2b", "3a", "3b", "3c", "2a"], {}),
    ],
)
def test_the_rows_of_each_date_that_a_page_repeats(pages, expected):
    assert last_repeated(*pages) == {date: Counter(users) for date, users in expected.items()}


def test_a_date_with_too_many_rows_is_compared_on_neighbouring_pages_only(monkeypatch):
    pages = ["2a", "2b", "2c", "2d", "2e", "2a"]
    monkeypatch.setattr(recent_rows, "_MOST_ROWS", 5)
    checks = FetchChecks()
    assert last_repeated(*pages, checks=checks) == {2: Counter("abcde")}
    assert not checks.notes
    monkeypatch.setattr(recent_rows, "_MOST_ROWS", 2)
    assert last_repeated(*pages, checks=checks) == {}
    (note,) = checks.notes
    assert "only those on neighbouring pages were compared" in note


def test_rows_without_a_date_are_compared_too():
    undated = decode_page(body_of({"aid": "1", "event": "Test changed.", "uid": "a"}), name="1").batch
    recent = RecentRows(FetchChecks())
    recent.repeated(undated)
    recent.remember(undated)
    assert recent.repeated(undated) == {None: Counter([repr(undated.to_pylist()[0])])}
