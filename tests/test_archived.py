"""Summaries and activity of an archive: the answers of the loaded frame, from the needed columns only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.frames import START, Row, rows, table
from support.world import World, many

import te_audit_frames as taf
from te_audit_frames.analysis.archived import is_archive, load_columns
from te_audit_frames.schema import to_events

BY = st.sampled_from(["user", "account_group", "event", "ip_address", ["event", "user"]])
HOURS = st.integers(0, 60).map(lambda hour: START + timedelta(hours=hour))


class Watched(taf.Archive):
    """An archive that notes which columns are loaded."""

    loaded: Sequence[str] | None = None

    def load(self, *, columns: Sequence[str] | None = None, **bounds: Any) -> pd.DataFrame:
        self.loaded = columns
        return super().load(columns=columns, **bounds)


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    archive = Watched(tmp_path_factory.mktemp("synced") / "te-audit")
    World(*many(15)).sync(archive)
    return archive


@pytest.mark.few(count=4)
@pytest.mark.parametrize("by", ["user", "account_group", "event", "ip_address", ["event", "user"]])
@pytest.mark.parametrize("top", [None, 1])
def test_a_summary_is_the_one_of_the_loaded_events(synced: Watched, by: Any, top: int | None) -> None:
    pd.testing.assert_frame_equal(taf.summarize(synced, by=by, top=top), taf.summarize(synced.load(), by=by, top=top))


@pytest.mark.few(count=3)
@pytest.mark.parametrize("freq", ["D", "h", "W", "MS"])
@pytest.mark.parametrize("by", [None, "user"])
def test_activity_covers_the_coverage_of_the_archive(synced: Watched, freq: Any, by: Any) -> None:
    counts = taf.activity(synced, freq=freq, by=by, tz="Europe/Berlin")

    pd.testing.assert_frame_equal(counts, taf.activity(synced.load(), freq=freq, by=by, tz="Europe/Berlin"))
    if freq == "D":
        days = counts.drop_duplicates("period")
        assert days["period"].iloc[0] == synced.coverage()["day"].iloc[0].tz_convert("Europe/Berlin").normalize()
        # The first day in Berlin begins before the archive, and the last one is not over.
        assert days["complete"].tolist() == [False] + [True] * (len(days) - 2) + [False]


@given(drawn=rows(HOURS).filter(bool), by=BY, top=st.none() | st.integers(1, 2))
@settings(max_examples=examples(8), deadline=None)
def test_any_archive_is_like_its_events(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Row], by: Any, top: int | None
) -> None:
    folder = tmp_path_factory.mktemp("drawn")
    taf.write_parquet(to_events(table(drawn)), folder / "events.parquet")
    archive = taf.Archive(folder / "te-audit")
    archive.import_parquet(folder / "events.parquet")
    loaded = archive.load()

    assert len(loaded) == len(drawn)
    pd.testing.assert_frame_equal(taf.summarize(archive, by=by, top=top), taf.summarize(loaded, by=by, top=top))
    pd.testing.assert_frame_equal(taf.activity(archive, by=by, top=top), taf.activity(loaded, by=by, top=top))


def test_only_the_needed_columns_are_loaded(synced: Watched) -> None:
    taf.activity(synced)
    assert synced.loaded == ["date"]
    taf.activity(synced, by=["event", "user"])
    assert synced.loaded == ["date", "event", "uid", "user"]
    taf.summarize_by_event_type(synced)
    assert synced.loaded == ["date", "aid", "account_group_name", "event", "uid", "user", "ip_address"]


@pytest.mark.full
def test_plots_draw_an_archive(synced: Watched) -> None:
    for plot in (taf.plot_activity, taf.plot_heatmap, taf.plot_top):
        frame_title, archive_title = (plot(events).get_title(loc="left") for events in (synced.load(), synced))
        assert archive_title == frame_title


def test_a_column_that_no_archive_has_is_refused_before_it_is_read(synced: Watched) -> None:
    synced.loaded = None
    with pytest.raises(taf.InvalidArgument, match="'network' is neither one of"):
        taf.summarize(synced, by="network")
    assert synced.loaded is None


def test_where_there_is_no_archive_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(taf.ArchiveError):
        taf.activity(taf.Archive(tmp_path / "nothing"))


def test_a_frame_with_columns_called_like_the_methods_is_a_frame() -> None:
    frame = pd.DataFrame({"load": [1], "coverage": [1], "files": [1]})
    assert not is_archive(frame)
    assert load_columns(frame, None) is frame
