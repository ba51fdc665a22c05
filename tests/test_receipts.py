"""The receipt: plain JSON in attrs, read back as it was, and honest about a frame that changed since."""

import json
from dataclasses import fields
from datetime import UTC, datetime

import pandas as pd
import pytest

import te_audit_frames as taf
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.receipt_json import fault_of
from te_audit_frames.receipts import Receipt, attach_receipt, receipt
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ATTRS_KEY


def paid(**what):
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
            **what,
        }
    )


def frame(rows=3, **what):
    return attach_receipt(pd.DataFrame({"date": range(rows)}), paid(**what))


def test_attrs_hold_plain_json_and_give_the_receipt_back():
    events = frame()
    stored = events.attrs[ATTRS_KEY]
    assert json.loads(json.dumps(stored)) == stored
    assert "rows" not in stored
    assert receipt(events).to_dict() == paid().to_dict() == stored
    assert receipt(events).rows == 3


def test_every_field_of_the_receipt_is_stored():
    assert paid().to_dict().keys() == {field.name for field in fields(Receipt)} - {"rows"}


def test_fields_of_a_later_version_do_not_hinder_reading():
    events = frame()
    events.attrs[ATTRS_KEY] = events.attrs[ATTRS_KEY] | {"mood": "good"}
    assert receipt(events).events == 3


def test_a_filtered_frame_is_told_from_what_was_fetched():
    events = frame()
    assert "rows now" not in repr(receipt(events))
    some = receipt(events[events["date"] > 1])
    assert (some.rows, some.events) == (1, 3)
    assert "rows now" in repr(some)
    assert "rows now" in some._repr_html_()


def test_a_frame_without_a_receipt_says_where_they_come_from():
    both = pd.concat([frame(), frame(events=4)])
    for events in (pd.DataFrame({"date": []}), both, None):
        with pytest.raises(InvalidArgument, match=r"carries no receipt.*fetch_events\(\)"):
            receipt(events)


def test_the_period_is_read_as_aware_moments():
    period = paid().period
    assert period.days == 1.5
    assert period.start.utcoffset().total_seconds() == 0
    assert paid(resolved=None).period is None


@pytest.mark.parametrize(
    ("what", "shown"),
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
def test_the_repr_says_it(what, shown):
    assert pd.Series([repr(paid(**what))]).str.contains(shown, regex=True).all()


def test_the_repr_shows_what_would_act_on_a_terminal():
    shown = repr(paid(account_groups={"1\x1b[2J\u202e\n": 3}))
    assert r"1\x1b[2J\u202e\n: 3" in shown
    assert shown.replace("\n", "").isprintable()


def test_the_notebook_shows_the_same_lines_and_escapes_them():
    hostile = paid(notes=["<script>alert(1)</script>"])
    shown = hostile._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert shown.count("<tr>") == len(hostile.lines())


def test_the_receipt_of_a_fetch_adds_up():
    # At a moment of its own: how many page boundaries lie between equal dates, and are checked, depends on it.
    with Sandbox(events=300, seed=3, page_size=40, now=datetime(2026, 3, 1, 12, tzinfo=UTC)) as api:
        client = taf.Client(token=api.token, base_url=api.url, workers=1, progress=False)
        events = client.fetch_events(window="100d", all_account_groups=True)
        said = taf.receipt(events)
        assert said.requests == said.pages == len(api.requests) == 8 + 1  # the last minute is a question of its own
    assert (said.complete, said.events, said.rows, said.retries, said.throttled) == (True, 300, 300, 0, 0)
    assert said.account_groups == events["aid"].value_counts().sort_index().to_dict()
    assert said.period.days == 100
    assert said.order == "newest first"
    assert said.requested == {"window": "100d", "start": None, "end": None, "default": False}
    assert said.scope == {"aid": None, "all_account_groups": True}
    assert {"te-audit-frames", "pandas", "pyarrow", "requests"} == said.versions.keys()


def test_a_part_of_a_file_does_not_speak_for_the_rest(tmp_path):
    with Sandbox(events=500, seed=0, days=30) as api:
        events = taf.Client(token=api.token, base_url=api.url).fetch_events(window="30d", all_account_groups=True)
    taf.write_parquet(events, tmp_path / "events.parquet")
    start = events["date"].iloc[-1].floor("D")
    part = taf.read_parquet(tmp_path / "events.parquet", start=start)
    assert taf.receipt(part).period == taf.Period(start.to_pydatetime(), taf.receipt(events).period.end)
    assert "the fetch was of" in repr(taf.receipt(part))
    assert len(taf.activity(part, freq="D")) <= 2


@pytest.mark.parametrize(
    "changed",
    [
        {"filters": None},
        {"filters": [{"label": None, "digest": "x", "kept": 1}]},
        {"parts": "2"},
        {"checked": {"seams": None}},
        {"checked": {"differences": [1]}},
        {"account_groups": {"1": True}},
        {"resolved": {"start": "2026-01-05"}},
    ],
    ids=str,
)
def test_a_damaged_receipt_is_named_by_its_field(changed):
    events = taf.read_pages([b'{"auditEvents": []}'])
    sound = taf.receipt(events).to_dict()
    assert fault_of(sound) is None
    assert fault_of(sound | {"of a later version": object()}) is None
    events.attrs["te_audit_frames"] = sound | changed
    field = next(iter(changed.get("checked", changed)))
    with pytest.raises(taf.InvalidArgument, match=rf"is damaged: its '{field}'.* Fetch or load the events again"):
        taf.receipt(events)
