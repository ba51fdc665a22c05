"""The receipt of a frame: stored as plain JSON, read back unchanged, and shown as text and HTML."""

import json
from dataclasses import fields
from datetime import UTC, datetime

import pandas as pd
import pytest

import te_audit_frames as taf
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.receipts import Receipt, attach_receipt, receipt
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ATTRS_KEY


def sample(**changed):
    return Receipt(
        **{
            "source": "api",
            "requested": {"window": None, "start": "2026-01-01T00:00:00Z", "end": None, "default": False},
            "resolved": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T12:00:00Z"},
            "scope": {"aid": None, "all_account_groups": True},
            "complete": True,
            "events": 3,
            "pages": 1,
            "requests": 2,
            "account_groups": {"1234": 2, "": 1},
            "fetched_at": "2026-01-02T12:00:00Z",
            **changed,
        }
    )


def frame(rows=3, **changed):
    return attach_receipt(pd.DataFrame({"date": range(rows)}), sample(**changed))


def test_attrs_hold_the_receipt_as_plain_json():
    events = frame()
    stored = events.attrs[ATTRS_KEY]
    assert json.loads(json.dumps(stored)) == stored
    assert "rows" not in stored
    assert receipt(events).to_dict() == sample().to_dict() == stored
    assert receipt(events).rows == 3


def test_every_field_of_the_receipt_is_stored():
    assert sample().to_dict().keys() == {field.name for field in fields(Receipt)} - {"rows"}


def test_fields_of_a_later_version_are_ignored():
    events = frame()
    events.attrs[ATTRS_KEY] = events.attrs[ATTRS_KEY] | {"mood": "good"}
    assert receipt(events).events == 3


def test_a_receipt_shows_that_its_frame_was_filtered():
    events = frame()
    assert "rows now" not in repr(receipt(events))
    some = receipt(events[events["date"] > 1])
    assert (some.rows, some.events) == (1, 3)
    assert "rows now" in repr(some)
    assert "rows now" in some._repr_html_()


def test_the_message_about_a_missing_receipt_says_where_receipts_come_from():
    both = pd.concat([frame(), frame(events=4)])
    for events in (pd.DataFrame({"date": []}), both, None):
        with pytest.raises(InvalidArgument, match=r"carries no receipt.*fetch_events\(\)"):
            receipt(events)


def test_the_period_has_aware_bounds():
    period = sample().period
    assert period.days == 1.5
    assert period.start.utcoffset().total_seconds() == 0
    assert sample(resolved=None).period is None


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"complete": False}, "complete +no"),
        ({}, "complete +yes"),
        ({}, "every account group of the token"),
        ({"scope": {"aid": None, "all_account_groups": False}}, "the token's login account group"),
        ({"scope": {"aid": "77", "all_account_groups": False}}, "account group 77"),
        ({}, "3 on 1 page,"),
        ({"pages": 2_000}, "on 2,000 pages,"),
        ({}, "2026-01-01T00:00:00Z to 2026-01-02T12:00:00Z, the end excluded"),
        ({"requests": 5, "retries": 2, "throttled": 1}, "5, of these 2 retries and 1 throttled"),
        ({"waited_seconds": 12.34}, "12.3 s for the rate limit"),
        ({"undated": 4}, "without date +4"),
        ({"coerced": 5}, "5 values, in `extra`"),
        ({}, r"1234: 2, \(none\): 1"),
        ({"account_groups": {str(n): n for n in range(1, 9)}}, "8: 8, 7: 7, 6: 6, 5: 5, 4: 4 and 3 more"),
        ({"notes": ["look here"]}, "note +look here"),
    ],
    ids=str,
)
def test_the_repr_shows(changed, shown):
    assert pd.Series([repr(sample(**changed))]).str.contains(shown, regex=True).all()


def test_the_repr_escapes_what_would_act_on_a_terminal():
    shown = repr(sample(account_groups={"1\x1b[2J\u202e\n": 3}))
    assert r"1\x1b[2J\u202e\n: 3" in shown
    assert shown.replace("\n", "").isprintable()


def test_the_notebook_shows_the_same_lines_and_escapes_them():
    hostile = sample(notes=["<script>alert(1)</script>"])
    shown = hostile._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert shown.count("<tr>") == len(hostile.lines())


def test_the_receipt_of_a_fetch_adds_up():
    # At a fixed time, because the number of page boundaries between equal dates, which are checked, depends on it.
    with Sandbox(events=300, seed=3, page_size=40, now=datetime(2026, 3, 1, 12, tzinfo=UTC)) as api:
        client = taf.Client(token=api.token, base_url=api.url, workers=1, progress=False)
        events = client.fetch_events(window="100d", all_account_groups=True)
        found = taf.receipt(events)
        assert found.requests == found.pages == len(api.requests) == 8 + 1  # the last minute is asked for separately
    assert (found.complete, found.events, found.rows, found.retries, found.throttled) == (True, 300, 300, 0, 0)
    assert found.account_groups == events["aid"].value_counts().sort_index().to_dict()
    assert found.period.days == 100
    assert found.order == "newest first"
    assert found.requested == {"window": "100d", "start": None, "end": None, "default": False}
    assert found.scope == {"aid": None, "all_account_groups": True}
    assert {"te-audit-frames", "pandas", "pyarrow", "requests"} == found.versions.keys()


def test_the_receipt_of_a_part_of_a_file_covers_only_that_part(tmp_path):
    with Sandbox(events=500, seed=0, days=30) as api:
        events = taf.Client(token=api.token, base_url=api.url).fetch_events(window="30d", all_account_groups=True)
    taf.write_parquet(events, tmp_path / "events.parquet")
    start = events["date"].iloc[-1].floor("D")
    part = taf.read_parquet(tmp_path / "events.parquet", start=start)
    assert taf.receipt(part).period == taf.Period(start.to_pydatetime(), taf.receipt(events).period.end)
    assert "the fetch was of" in repr(taf.receipt(part))
    assert len(taf.activity(part, freq="D")) <= 2
