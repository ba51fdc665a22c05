"""Places of events: how each is read, what it covers, and how several become one frame."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from support.command_line import run
from support.histories import START, archive_of, event, frame
from support.receipts import fetch_receipt, with_fetch_receipt

import te_audit_frames as taf
from te_audit_frames.cli.places import (
    bounds_of,
    bounds_of_archive,
    end_of,
    end_of_archive,
    expand,
    is_archive,
    join,
    read_file,
)
from te_audit_frames.periods import Period
from te_audit_frames.schema import COLUMNS
from te_audit_frames.storage.csv_jsonl import write_csv


@pytest.mark.few(count=1)
@pytest.mark.parametrize("name", ["e.csv", "e.jsonl"])
@pytest.mark.full
def test_an_empty_file_has_no_events_and_is_named(tmp_path, name):
    (tmp_path / name).touch()
    result = run("review", tmp_path / name, "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{name} is an empty file: it holds no events.\nNo events: " in result.stderr


def test_what_is_no_file_of_events_is_refused_with_what_is_read(tmp_path):
    (tmp_path / "x.txt").write_text("hello")
    result = run("review", tmp_path / "x.txt")
    assert result.exit_code == 5
    assert "Files that end in .parquet, .csv and .jsonl are read" in result.stderr
    assert ".." not in result.stderr.replace(str(tmp_path), "")
    (tmp_path / "dir.parquet").mkdir()
    result = run("review", tmp_path / "dir.parquet")
    assert result.exit_code == 5
    assert "dir.parquet is a folder, although its name ends as that of a file" in result.stderr


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (".", True),
        ("folder.parquet", True),
        ("events.parquet", False),
        ("nowhere", False),
        ("s3://bucket/te-audit", True),
        ("s3://bucket/te-audit/events.parquet", False),
        ("gs://bucket/events.CSV", False),
        ("s3://bucket/2026.01", True),
    ],
)
def test_a_folder_and_a_bucket_are_archives_and_files_are_not(tmp_path, monkeypatch, place, expected):
    monkeypatch.chdir(tmp_path)
    Path("folder.parquet").mkdir()
    Path("events.parquet").touch()
    assert is_archive(place) is expected


def test_globs_are_replaced_by_their_files_in_order_and_each_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.csv", "a[1].csv", "deep/er/c.csv"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    assert expand(["*.csv"]) == ["a.csv", "a[1].csv", "b.csv"]
    assert expand(["b.csv", "*.csv", "b.csv"]) == ["b.csv", "a.csv", "a[1].csv"]
    assert expand(["a[1].csv"]) == ["a[1].csv"]  # it exists, so it is no pattern
    assert expand(["**/c.csv", str(tmp_path / "a.*")]) == ["deep/er/c.csv", str(tmp_path / "a.csv")]
    assert expand(["nowhere.csv", "s3://bucket/*.parquet"]) == ["nowhere.csv", "s3://bucket/*.parquet"]
    assert expand([]) == []
    for pattern in ("*.parquet", "b[1].csv", "a.csv?"):
        with pytest.raises(taf.InvalidArgument, match="WHERE: no file matches"):
            expand([pattern])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_part_of_a_file_is_read_with_its_end_excluded(tmp_path, kind):
    path = str(tmp_path / f"events.{kind}")
    (write_csv if kind == "csv" else taf.write_parquet)(frame(*(event(minute, "x") for minute in range(4))), path)
    some = read_file(path, ["date", "uid"], (START + timedelta(minutes=1), START + timedelta(minutes=3)))
    assert list(some) == ["date", "uid"]
    assert some["date"].dt.minute.tolist() == [1, 2]
    assert some.index.tolist() == [0, 1]
    assert len(read_file(path, list(COLUMNS), (None, None))) == 4


MICROSECOND = timedelta(microseconds=1)


def test_a_file_without_a_receipt_ends_just_after_its_last_event():
    events = frame(event(0, "x"), event(5, "x"), {"event": "y"})
    assert end_of(events) == START + timedelta(minutes=5) + MICROSECOND
    assert bounds_of(events) == Period(START, START + timedelta(minutes=5) + MICROSECOND)
    for nothing in (frame(), frame({"event": "y"})):
        assert end_of(nothing) is None
        assert bounds_of(nothing) is None


def test_the_last_moment_of_the_calendar_is_an_end_too():
    events = frame(event(0, "x", date=datetime.max.replace(tzinfo=UTC)))
    assert end_of(events) == datetime.max.replace(tzinfo=UTC) - timedelta(days=2)


def test_a_fetch_ends_at_its_end_or_when_it_was_made():
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)
    for fetched, expected in ((end + timedelta(hours=1), end), (end - timedelta(hours=1), end - timedelta(hours=1))):
        events = with_fetch_receipt(frame(event(0, "x")), fetch_receipt(fetched_at=fetched.isoformat()))
        assert end_of(events) == expected
        assert bounds_of(events) == Period(start, expected)


def test_an_archive_of_imported_events_ends_with_its_last_day():
    with archive_of(frame(event(0, "x"), event(1440, "x"))) as archive:
        assert bounds_of_archive(archive) == Period(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC))
        assert end_of_archive(archive) == datetime(2026, 3, 4, tzinfo=UTC)


def test_a_folder_that_is_no_archive_is_named_with_what_to_give(tmp_path):
    taf.write_parquet(frame(event(0, "x")), tmp_path / "events.parquet")
    with pytest.raises(taf.ArchiveError) as caught:
        end_of_archive(taf.Archive(tmp_path))
    assert f"give a glob: '{tmp_path}/**/*.parquet'" in "".join(caught.value.__notes__)


def fetched(*rows):
    return with_fetch_receipt(frame(*rows), fetch_receipt())


def test_one_place_is_given_as_it_is():
    events = frame(event(0, "x"))
    assert join([events], ["a"]) is events


def test_a_place_without_a_receipt_takes_it_from_the_whole_and_events_are_in_order(capsys):
    with_receipt, without = fetched(event(1, "b"), event(3, "d")), frame(event(0, "a"), event(0, "A"))
    joined = join([with_receipt, without], ["one.parquet", "two.csv"])
    assert joined["event"].tolist() == ["a", "A", "b", "d"]
    assert joined.attrs == {}
    assert joined.index.tolist() == [0, 1, 2, 3]
    assert capsys.readouterr().err == ""
    assert with_receipt.attrs


def test_an_event_of_two_fetches_is_there_once_and_of_two_files_twice(capsys):
    once = join([fetched(event(0, "a")), fetched(event(0, "a"))], ["one", "two"])
    assert len(once) == 1
    assert taf.receipt(once).complete
    assert capsys.readouterr().err == ""
    twice = join([fetched(event(0, "a")), frame(event(0, "a"))], ["one", "two\x1b[31m"])
    assert len(twice) == 2
    note = capsys.readouterr().err
    assert "overlap, and two" in note
    assert "\x1b" not in note


def test_empty_frames_overlap_with_nothing(capsys):
    joined = join([frame(), frame(event(0, "a")), frame()], ["a", "b", "c"])
    assert joined["event"].tolist() == ["a"]
    assert joined["date"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert capsys.readouterr().err == ""
