"""Aligned tables."""

import re

import pandas as pd
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

import te_audit_frames as taf
from te_audit_frames.cli.terminal import table
from te_audit_frames.safe_text import width


def test_a_table_is_aligned_in_every_script():
    frame = pd.DataFrame(
        {
            "user": ["Ada", "日本 Ｔａｒｏ", "Zoe\u0308", None, "x" * 300, "e" + "\u0301" * 5_000],
            "events": [1_234_567, 89, 7, 6, 5, 4],
            "share": [0.5, 0.25, 0.125, 0.1, 0.02, 0.005],
            "first_event": pd.to_datetime(["2026-01-05T09:00:00Z"] * 5 + [None]).as_unit("us"),
            "complete": [True] * 5 + [False],
        }
    )
    lines = table(frame).splitlines()
    assert lines[1].split() == ["Ada", "1,234,567", "50.0%", "2026-01-05T09:00:00Z", "yes"]
    assert lines[4].split()[0] == "(none)"
    assert lines[6].split()[-2:] == ["(none)", "no"]
    assert lines[5].split()[0] == "x" * 59 + "…"
    ends = {width(line[: re.search(r"%|share", line).end()]) for line in lines}
    assert len(ends) == 1
    assert max(map(len, lines)) < 500


def test_an_empty_table_says_so():
    assert table(taf.summarize_by_user(taf.read_pages([]))).splitlines()[-1] == "(no events)"


FRAME = pd.DataFrame(
    {
        "user": ["Ada Lovelace of London", "日本 太郎 " * 9],
        "events": [1_234_567, 5],
        "first_event": pd.to_datetime(["2026-01-05T09:00:00Z", None]).as_unit("us"),
        "event": ["User login failed because of a wrong password.", None],
    }
)


@given(room=st.integers(1, 140))
@example(room=80)
@example(room=57)
def test_a_table_fits_and_cuts_only_text(room):
    lines = table(FRAME, room=room).splitlines()
    assert max(map(width, lines)) <= room
    header = lines[0].split()
    assert [name for name in FRAME if name in header] == header or room < len("user")
    if "events" in header:
        assert "1,234,567" in lines[1]
    if "first_event" in header:
        assert "2026-01-05T09:00:00Z" in lines[1]
    missing = [name for name in FRAME if name not in header]
    if room >= 40:
        assert lines[3:] == ([f"(not shown: {', '.join(missing)})"] if missing else [])
    if room >= 80:
        assert header == list(FRAME)


def test_a_table_uses_the_room_that_it_has():
    assert width(table(FRAME, room=100).splitlines()[2].rstrip()) <= 100
    assert max(map(width, table(FRAME, room=100).splitlines())) >= 98
    assert table(FRAME, room=500) == table(FRAME)


def test_lists_lengths_and_numbers_are_shown_as_text():
    frame = pd.DataFrame(
        {
            "objects": pd.Series([["test", "alert_rule"], []], dtype=pd.ArrowDtype(pa.list_(pa.large_string()))),
            "resources": [[{"type": "testName", "name": "a\x1b[2J"}, {"type": "t", "name": None}], None],
            "duration": pd.to_timedelta([90, 3600], unit="s"),
            "ratio": [12.345, 1e6],
            "clock": [0.5, None],
        }
    )
    first, second = (re.split(r" {2,}", line) for line in table(frame).splitlines()[1:])
    assert first == ["test, alert_rule", "a[2J, t", "0 days 00:01:30", "12.3", "50.0%"]
    assert second == ["(none)", "(none)", "0 days 01:00:00", "1,000,000.0", "(none)"]
    assert table(frame[:0], empty="(nothing found)").splitlines()[-1] == "(nothing found)"
