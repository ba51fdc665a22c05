"""Aligned tables."""

import re

import pandas as pd

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
