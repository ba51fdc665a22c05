"""Pictures of a report: labels that can be read."""

import itertools
import re
from base64 import b64decode

import pandas as pd
import pytest

from te_audit_frames.report.pictures import draw_periods


@pytest.mark.parametrize(("freq", "step"), [("h", "h"), ("D", "D"), ("W", "7D"), ("MS", "MS")])
@pytest.mark.parametrize("count", [1, 2, 9, 68, 69, 100])
def test_labels_of_time_do_not_meet(freq, step, count):
    dates = pd.date_range("2026-05-12", periods=count, freq=step, tz="UTC")
    picture = draw_periods(pd.DataFrame({"period": dates, "events": 3, "complete": True}), freq, "UTC")
    for drawn in (picture.wide, picture.narrow):
        svg = b64decode(drawn.partition(",")[2]).decode()
        labels = re.findall(r'<text x="([\d.]+)" y="[\d.]+" text-anchor="middle">([^<]*\d[^<]*)</text>', svg)
        assert labels
        ends = [(float(x) - 4 * len(text), float(x) + 4 * len(text)) for x, text in labels]
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ends))
