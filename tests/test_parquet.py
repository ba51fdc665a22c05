"""One Parquet file: identical both ways, read by every engine, safe from crashes, clear about what is not ours."""

import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import fsspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import fs
from support.examples import examples

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, COLUMNS, to_arrow, to_events
from te_audit_frames.storage.parquet import read_parquet, write_parquet
from te_audit_frames.storage.writer import parquet_writer

DATE = ARROW_SCHEMA.field("date").type
FROM_INT64 = st.integers(-(2**63) + 1, 2**63 - 1)  # the least of all is pandas' NaT
IN_2026 = st.integers(0, 365 * 86_400).map(lambda second: 1_767_225_600_000_000 + second * 1_000_000)

quick = settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def maybe(strategy):
    return st.none() | strategy


def rows(dates=FROM_INT64):
    text = maybe(st.text(max_size=8))
    resource = maybe(st.fixed_dictionaries({"type": text, "name": text}))
    columns = {"date": maybe(dates), "resources": maybe(st.lists(resource, max_size=3))}
    columns |= {name: text for name in COLUMNS if name not in columns}
    return st.lists(st.fixed_dictionaries(columns), max_size=20).map(table_of)


def table_of(events):
    columns = {name: [event.get(name) for event in events] for name in COLUMNS}
    return pa.Table.from_arrays(
        [
            pa.array(columns[name], pa.int64()).cast(DATE) if name == "date" else pa.array(columns[name], field.type)
            for name, field in zip(COLUMNS, ARROW_SCHEMA, strict=True)
        ],
        schema=ARROW_SCHEMA,
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def events():
    """What an analyst has: two months of the practice organisation, fetched, with its receipt."""
    with Sandbox(events=12_000, seed=7, page_size=1_000) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        return client.fetch_events(window="60d", all_account_groups=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.parquet"


def names_in(folder):
    return sorted(found.name for found in folder.iterdir())


def assert_identical(left, right):
    pd.testing.assert_frame_equal(left, right, check_exact=True, check_flags=True)
    assert left.attrs == right.attrs


# Both ways


@quick
@given(table=rows(), attrs=st.dictionaries(st.text(), JSON, max_size=3), codec=st.sampled_from(["zstd", "none", None]))
def test_what_is_read_is_what_was_written(tmp_path, table, attrs, codec):
    ordered = to_events(table.take(pc.sort_indices(table["date"])))
    ordered.attrs = attrs
    write_parquet(ordered, tmp_path / "events.parquet", compression=codec)
    assert_identical(read_parquet(tmp_path / "events.parquet"), ordered)


@quick
@given(table=rows(IN_2026))
def test_any_order_is_kept_ascending_stable_with_undated_events_last(tmp_path, table):
    write_parquet(to_events(table), tmp_path / "events.parquet")
    expected = sorted(table.to_pylist(), key=lambda event: (event["date"] is None, event["date"] or datetime.max))
    stored = pq.ParquetFile(tmp_path / "events.parquet").read()  # by Arrow, not by us
    assert stored.cast(ARROW_SCHEMA).to_pylist() == expected


@quick
@given(table=rows(IN_2026), bounds=st.tuples(maybe(IN_2026), maybe(IN_2026)), size=st.integers(1, 5))
def test_start_and_end_filter_like_pandas_does(tmp_path, table, bounds, size):
    ordered = table.take(pc.sort_indices(table["date"]))
    pq.write_table(ordered, tmp_path / "events.parquet", row_group_size=size)
    start, end = (None if bound is None else pd.Timestamp(bound, unit="us", tz="UTC") for bound in bounds)
    if start is not None and end is not None and end <= start:
        with pytest.raises(taf.InvalidArgument, match="not after start"):
            read_parquet(tmp_path / "events.parquet", start=start, end=end)
        return
    frame = to_events(ordered)
    wanted = pd.Series(True, index=frame.index)
    if start is not None:
        wanted &= frame["date"] >= start
    if end is not None:
        wanted &= frame["date"] < end
    found = read_parquet(tmp_path / "events.parquet", start=start, end=end)
    pd.testing.assert_frame_equal(found, frame[wanted].reset_index(drop=True))


def test_a_fetched_frame_and_its_receipt_survive(events, path):
    write_parquet(events, path)
    found = read_parquet(path)
    assert_identical(found, events)
    assert taf.receipt(found) == taf.receipt(events)
    write_parquet(found, path)  # over the file that it came from
    assert_identical(read_parquet(path), events)


def test_a_filtered_frame_is_kept_without_its_row_labels(events, path):
    some = events[events["event"] == events["event"].iloc[0]]
    write_parquet(some, path)
    assert_identical(read_parquet(path), some.reset_index(drop=True))


@pytest.mark.parametrize("columns", [["uid"], ["user", "date"], ["resources", "aid"], "event"])
def test_columns_come_as_they_were_asked_for(events, path, columns):
    write_parquet(events, path)
    names = [columns] if isinstance(columns, str) else columns
    assert_identical(read_parquet(path, columns=columns), events[names])
    some = read_parquet(path, columns=columns, start=events["date"].iloc[100])
    assert list(some.columns) == names
    assert len(some) == (events["date"] >= events["date"].iloc[100]).sum()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (["price"], "'price' is not a column of events; the columns are date, aid"),
        (["aid", "aid"], "'aid' is given twice"),
    ],
)
def test_wrong_columns_are_named(path, columns, said):
    with pytest.raises(taf.InvalidArgument, match=said):
        read_parquet(path, columns=columns)


@pytest.mark.parametrize(
    "start",
    [
        "2026-01-02",
        "2026-01-02T00:00:00Z",
        "2026-01-02T01:00:00+01:00",
        date(2026, 1, 2),
        datetime(2026, 1, 2, tzinfo=UTC),
        pd.Timestamp("2026-01-02T09:00", tz="Asia/Tokyo"),
    ],
    ids=str,
)
def test_a_start_may_be_said_in_many_ways(path, start):
    days = [{"date": 1_767_225_600_000_000 + day * 86_400_000_000, "aid": str(day)} for day in range(3)]
    write_parquet(to_events(table_of(days)), path)
    assert read_parquet(path, start=start)["aid"].tolist() == ["1", "2"]
    assert read_parquet(path, end=start)["aid"].tolist() == ["0"]


@pytest.mark.parametrize("argument", ["start", "end"])
@pytest.mark.parametrize("moment", [datetime(2026, 1, 2), "2026-01-02T00:00:00", "yesterday", 5])
def test_a_moment_that_could_mean_several_is_refused(path, argument, moment):
    with pytest.raises(taf.InvalidArgument, match=argument):
        read_parquet(path, **{argument: moment})


def test_row_groups_outside_the_period_are_not_read(path):
    days = [{"date": 1_767_225_600_000_000 + day * 86_400_000_000, "aid": f"account {day}"} for day in range(4)]
    pq.write_table(table_of(days), path, row_group_size=1, compression="none", write_page_checksum=True)
    content = path.read_bytes()
    assert content.count(b"account 0") >= 1
    path.write_bytes(content.replace(b"account 0", b"ACCOUNT 0", 1))
    with pytest.raises(taf.DamagedFile, match="damaged"):
        read_parquet(path)
    assert read_parquet(path, start="2026-01-03")["aid"].tolist() == ["account 2", "account 3"]


# Other engines


def test_duckdb_reads_the_right_types(events, path):
    write_parquet(events, path)
    found = duckdb.sql(f"select * from '{path}'")
    assert dict(zip(found.columns, map(str, found.types), strict=True)) == dict.fromkeys(COLUMNS, "VARCHAR") | {
        "date": "TIMESTAMP WITH TIME ZONE",
        "resources": 'STRUCT("type" VARCHAR, "name" VARCHAR)[]',
    }
    assert found.to_arrow_table().cast(ARROW_SCHEMA).to_pylist() == to_arrow(events).to_pylist()
    stamp = duckdb.sql(f"select value from parquet_kv_metadata('{path}') where key = 'te_audit_frames'").fetchall()
    assert json.loads(stamp[0][0]) == {"schema_version": 1, "receipt": events.attrs["te_audit_frames"]}


def test_polars_reads_the_right_types(events, path):
    write_parquet(events, path)
    found = pl.read_parquet(path)
    assert dict(found.schema) == dict.fromkeys(COLUMNS, pl.String) | {
        "date": pl.Datetime("us", "UTC"),
        "resources": pl.List(pl.Struct({"type": pl.String, "name": pl.String})),
    }
    assert found.to_arrow().cast(ARROW_SCHEMA).to_pylist() == to_arrow(events).to_pylist()


def test_plain_pandas_reads_the_right_types_and_the_receipt(events, path):
    write_parquet(events, path)
    found = pd.read_parquet(path)
    assert_identical(found.drop(columns="resources"), events.drop(columns="resources"))
    arrow = pd.read_parquet(path, dtype_backend="pyarrow")
    assert arrow["resources"].dtype == events["resources"].dtype
    assert arrow["resources"].tolist() == events["resources"].tolist()


def test_arrow_reads_the_pinned_schema_and_no_pandas_metadata(events, path):
    write_parquet(events, path)
    schema = pq.read_schema(path)
    assert schema.equals(ARROW_SCHEMA)
    assert set(schema.metadata) == {b"te_audit_frames", b"PANDAS_ATTRS"}


@pytest.mark.parametrize("read", [read_parquet, pd.read_parquet, lambda path: pl.read_parquet(path).to_pandas()])
def test_an_empty_frame_keeps_its_columns(events, path, read):
    write_parquet(events.iloc[:0], path)
    found = read(path)
    assert (len(found), tuple(found.columns)) == (0, COLUMNS)
    assert found["date"].dtype == events["date"].dtype
    assert duckdb.sql(f"select count(*) from '{path}'").fetchall() == [(0,)]
    assert_identical(read_parquet(path), events.iloc[:0])


# Small and quick


def test_the_layout_is_what_makes_it_small(events, path, tmp_path):
    write_parquet(events, path)
    chunks = pq.ParquetFile(path).metadata.row_group(0).to_dict()["columns"]
    encodings = {chunk["path_in_schema"]: set(chunk["encodings"]) for chunk in chunks}
    assert encodings.pop("date") >= {"DELTA_BINARY_PACKED"}
    assert all("RLE_DICTIONARY" in found for found in encodings.values())
    plain = events.assign(resources=events["resources"].astype(object))
    plain.to_parquet(tmp_path / "plain.parquet")
    assert path.stat().st_size <= 0.63 * (tmp_path / "plain.parquet").stat().st_size


@pytest.mark.few(count=3)
@pytest.mark.parametrize("codec", ["zstd", "snappy", "gzip", "lz4", "brotli", "none", None])
def test_every_codec_works(events, path, codec):
    write_parquet(events, path, compression=codec)
    used = pq.ParquetFile(path).metadata.row_group(0).column(0).compression
    assert used == {None: "UNCOMPRESSED", "none": "UNCOMPRESSED"}.get(codec, str(codec).upper())
    assert_identical(read_parquet(path), events)


def test_an_unknown_codec_is_refused(events, path):
    with pytest.raises(taf.InvalidArgument, match="compression: 'zip' is not one of zstd, snappy"):
        write_parquet(events, path, compression="zip")
    assert not path.exists()


# Streams


def test_a_fetch_streams_into_a_file(path):
    with Sandbox(events=2_000, seed=3, page_size=100) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        write_parquet(client.iter_batches(window="104w", all_account_groups=True), path)
        whole = client.fetch_events(window="104w", all_account_groups=True)
    found = read_parquet(path)
    assert sorted(map(str, to_arrow(found).to_pylist())) == sorted(map(str, to_arrow(whole).to_pylist()))
    assert found["date"].is_monotonic_increasing
    assert (taf.receipt(found).complete, taf.receipt(found).events) == (True, 2_000)


def test_a_long_stream_out_of_order_is_cut_into_full_row_groups(path):
    numbers = np.random.default_rng(0).permutation(600_000)
    columns = [pa.nulls(len(numbers), field.type) for field in ARROW_SCHEMA]
    columns[:2] = [pa.array(numbers).cast(DATE), pa.array(numbers).cast(pa.large_string())]
    table = pa.Table.from_arrays(columns, schema=ARROW_SCHEMA)
    write_parquet(iter(table.to_batches(max_chunksize=50_000)), path)
    metadata = pq.ParquetFile(path).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2**18, 2**18, 600_000 - 2**19]
    found = read_parquet(path, columns=["date", "aid"])
    assert (found["date"].astype("int64") == np.arange(600_000)).all()
    assert (found["aid"].astype("int64") == np.arange(600_000)).all()


def test_a_stream_of_something_else_is_refused(events, path):
    with pytest.raises(taf.InvalidArgument, match="not Series"):
        write_parquet(pl.DataFrame({"date": [1]}), path)
    with pytest.raises(taf.NotAnAuditFrame, match="schema of events"):
        write_parquet(pa.table({"date": [1]}).to_batches(), path)
    assert not path.exists()


def test_a_stream_that_breaks_leaves_the_old_file_and_nothing_else(events, path):
    def broken():
        yield from to_arrow(events).to_batches()
        raise ConnectionResetError("gone")

    write_parquet(events, path)
    with pytest.raises(ConnectionResetError):
        write_parquet(broken(), path)
    assert_identical(read_parquet(path), events)
    assert names_in(path.parent) == [path.name]


def test_a_writer_takes_what_a_frame_would_hold(events, path):
    with parquet_writer(path) as writer:
        for batch in to_arrow(events).to_batches(max_chunksize=700):
            writer.write(batch)
        writer.attrs.update(events.attrs)
    assert_identical(read_parquet(path), events)


# Crashes


def run(script, *arguments, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


FULL_DISK = """
import resource, sys
from te_audit_frames.storage.parquet import read_parquet, write_parquet
events = read_parquet(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    write_parquet(events, sys.argv[2], compression=None)
except OSError as error:
    print(error.strerror)
"""

STUCK = """
import sys, time
from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.parquet import read_parquet, write_parquet
import pyarrow as pa
def stuck():
    columns = [pa.nulls(2**18, field.type) for field in ARROW_SCHEMA]
    columns[1] = pa.array(range(2**18)).cast(ARROW_SCHEMA.field("aid").type)
    yield pa.RecordBatch.from_arrays(columns, schema=ARROW_SCHEMA)
    print("half", flush=True)
    time.sleep(60)
write_parquet(stuck(), sys.argv[1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(events, path, tmp_path):
    (tmp_path / "more").mkdir()
    write_parquet(events, tmp_path / "more" / "source.parquet")
    write_parquet(events[:5], path)
    program = run(FULL_DISK, tmp_path / "more" / "source.parquet", path)
    assert program.communicate(timeout=60) == ("File too large\n", "")
    assert_identical(read_parquet(path), events[:5])
    assert names_in(tmp_path) == ["events.parquet", "more"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_writer_leaves_the_old_file(events, path):
    write_parquet(events, path)
    program = run(STUCK, path)
    try:
        assert program.stdout.readline() == "half\n"
        staged = [name for name in names_in(path.parent) if name != path.name]
        assert len(staged) == 1
        assert (path.parent / staged[0]).stat().st_size > 100_000
        assert list(path.parent.glob("*.parquet")) == [path]
    finally:
        program.send_signal(signal.SIGKILL)
        program.communicate()
    assert_identical(read_parquet(path), events)


def test_the_file_and_then_its_folder_are_flushed_around_the_rename(events, path, monkeypatch):
    flushed = []
    flush = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append((os.fstat(handle), path.exists())), flush(handle)))
    write_parquet(events, path)
    (file, before), (folder, after) = flushed
    assert (stat.S_ISREG(file.st_mode), before) == (True, False)
    assert file.st_size == path.stat().st_size
    assert (stat.S_ISDIR(folder.st_mode), after) == (True, True)


# Places


def test_only_the_owner_may_read_the_file(events, path):
    path.touch(0o644)
    write_parquet(events, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_symbolic_link_is_followed(events, path, tmp_path):
    (tmp_path / "disk").mkdir()
    path.symlink_to(tmp_path / "disk" / "real.parquet")
    write_parquet(events, path)
    assert path.is_symlink()
    assert_identical(read_parquet(tmp_path / "disk" / "real.parquet"), events)


def test_home_and_long_names(events, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_parquet(events, "~/events.parquet")
    assert_identical(read_parquet(tmp_path / "events.parquet"), events)
    longest = tmp_path / ("x" * 247 + ".parquet")
    write_parquet(events, longest)
    assert_identical(read_parquet(longest), events)


def test_a_pipe_gets_the_whole(events, path):
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: path.write_bytes(pipe.read_bytes()))
    reader.start()
    write_parquet(events, pipe)
    reader.join(10)
    assert_identical(read_parquet(path), events)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_folders_are_not_files(events, tmp_path):
    with pytest.raises(taf.FileError, match="Is a directory"):
        write_parquet(events, tmp_path)
    with pytest.raises(taf.MissingFile, match="nowhere"):
        write_parquet(events, tmp_path / "nowhere" / "events.parquet")


@pytest.mark.parametrize("path", ["", None, 5, b"events.parquet"])
def test_what_is_not_a_path_is_refused(events, path):
    with pytest.raises(taf.InvalidArgument, match="path"):
        write_parquet(events, path)


def filesystems(folder):
    memory = fsspec.filesystem("memory", skip_instance_cache=True)
    memory.makedirs("/bucket", exist_ok=True)
    return {
        "fsspec": (memory, "/bucket/events.parquet"),
        "fsspec local": (fsspec.filesystem("file"), str(folder / "events.parquet")),
        "arrow": (fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem()), "events.parquet"),
        "arrow local": (fs.LocalFileSystem(), str(folder / "events.parquet")),
    }


@pytest.mark.parametrize("kind", ["fsspec", "fsspec local", "arrow", "arrow local"])
def test_other_filesystems_replace_in_one_step_too(events, tmp_path, kind):
    filesystem, path = filesystems(tmp_path)[kind]

    def broken():
        yield from to_arrow(events).to_batches()
        raise ConnectionResetError("gone")

    def names():
        arrow = filesystem if isinstance(filesystem, fs.FileSystem) else fs.PyFileSystem(fs.FSSpecHandler(filesystem))
        folder = path.rpartition("/")[0]
        return [found.base_name for found in arrow.get_file_info(fs.FileSelector(folder))]

    write_parquet(events[:3], path, filesystem=filesystem)
    write_parquet(events, path, filesystem=filesystem)
    with pytest.raises(ConnectionResetError):
        write_parquet(broken(), path, filesystem=filesystem)
    assert_identical(read_parquet(path, filesystem=filesystem), events)
    assert names() == ["events.parquet"]
    if "local" in kind:
        assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    with pytest.raises(taf.MissingFile):
        read_parquet(path + ".gone", filesystem=filesystem)


def test_uris_name_their_filesystem(events, tmp_path):
    for uri in (f"file://{tmp_path}/events.parquet", "memory://events-by-uri.parquet"):
        write_parquet(events, uri)
        assert_identical(read_parquet(uri), events)
    assert stat.S_IMODE((tmp_path / "events.parquet").stat().st_mode) == 0o600
    with pytest.raises(taf.InvalidArgument, match="nothing installed opens gopher://"):
        write_parquet(events, "gopher://events.parquet")


@pytest.mark.parametrize("filesystem", ["s3", object(), Path()])
def test_what_is_not_a_filesystem_is_refused(events, filesystem):
    with pytest.raises(taf.InvalidArgument, match="filesystem"):
        write_parquet(events, "events.parquet", filesystem=filesystem)


# Frames that a file would not hold


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda frame: frame.assign(weekday=1, hour=2), taf.InvalidArgument, "would lose column 'weekday', 'hour'"),
        (lambda frame: frame.rename_axis("row"), taf.InvalidArgument, "'row'"),
        (lambda frame: frame.set_index("date", drop=False), taf.InvalidArgument, "'date'"),
        (lambda frame: pd.concat([frame, frame[["aid"]]], axis=1), taf.InvalidArgument, "'aid'"),
        (lambda frame: frame.drop(columns=["uid", "extra"]), taf.NotAnAuditFrame, "'uid', 'extra'"),
        (lambda frame: frame.assign(date=frame["date"].dt.tz_localize(None)), taf.NotAnAuditFrame, "tz_localize"),
        (lambda frame: frame.assign(date="soon"), taf.NotAnAuditFrame, "'date'"),
        (lambda frame: frame.assign(aid=1.5), taf.NotAnAuditFrame, "'aid'"),
        (
            lambda frame: frame.assign(user=pd.Series(["\ud800"] * len(frame), dtype=object)),
            taf.NotAnAuditFrame,
            "'user'",
        ),
    ],
)
def test_nothing_is_lost_silently(events, path, change, error, said):
    with pytest.raises(error, match=said):
        write_parquet(change(events), path)
    assert not path.exists()


@pytest.mark.parametrize("attrs", [{"at": datetime(2026, 1, 1)}, {"share": float("nan")}, {("a", "b"): 1}, {"s": {1}}])
def test_attrs_that_are_not_json_are_refused(events, path, attrs):
    marked = events.copy()
    marked.attrs = attrs
    with pytest.raises(taf.InvalidArgument, match="attrs"):
        write_parquet(marked, path)
    assert names_in(path.parent) == []


def test_dates_of_another_zone_or_unit_are_the_same_instants(events, path):
    berlin = events.assign(date=events["date"].dt.tz_convert("Europe/Berlin").dt.as_unit("ns"))
    write_parquet(berlin, path)
    assert_identical(read_parquet(path), events)


def test_nothing_of_the_frame_is_changed(events, path):
    shuffled = events.sample(frac=1, random_state=1)
    before = shuffled.copy()
    write_parquet(shuffled, path)
    assert_identical(shuffled, before)


# Files that are not ours


def foreign(path, **columns):
    """A file with the columns of events in other types and another order, as some other tool writes it."""
    table = table_of([{"date": 1_767_225_600_000_000, "aid": "1234", "user": "Ana"}, {"date": None}])
    for name, column in columns.items():
        table = table.set_column(COLUMNS.index(name), name, column)
    pq.write_table(table.select(table.column_names[::-1]).append_column("more", pa.array([1, 2])), path)
    return path


ELEMENT = pa.struct([("name", pa.string()), ("type", pa.string()), ("id", pa.int64())])


@pytest.mark.parametrize(
    ("name", "column", "found"),
    [
        ("aid", pa.array(["1", None], pa.string()), ["1", None]),
        ("aid", pa.array([1234, None]), ["1234", None]),
        ("aid", pa.array(["b", "b"]).dictionary_encode(), ["b", "b"]),
        ("aid", pa.array([b"b", None]), ["b", None]),
        ("aid", pa.nulls(2), [None, None]),
        ("date", pa.array([86_400_000_000_000, None], pa.timestamp("ns", "UTC")), [86_400_000_000, None]),
        ("date", pa.array([86_400, None], pa.timestamp("s", "Europe/Berlin")), [86_400_000_000, None]),
        ("date", pa.array(["1970-01-02T01:00:00+01:00", None]), [86_400_000_000, None]),
        (
            "resources",
            pa.array([[{"type": "t", "name": "n", "id": 1}], None], pa.large_list(ELEMENT)),
            [[{"type": "t", "name": "n"}], None],
        ),
        ("resources", pa.nulls(2), [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_types_that_mean_the_same_are_read(path, name, column, found):
    frame = read_parquet(foreign(path, **{name: column}))
    assert to_arrow(frame).schema == ARROW_SCHEMA
    stored = to_arrow(frame)[name]
    assert (stored.cast(pa.int64()) if name == "date" else stored).to_pylist() == found
    assert frame.attrs == {}
    if name == "date":
        assert len(read_parquet(path, start="1970-01-02", end="1970-01-03")) == 1


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("aid", pa.array([1234.0, None])),
        ("aid", pa.array([b"\xff", None])),
        ("date", pa.array([1, None], pa.timestamp("us"))),
        ("date", pa.array([1, None], pa.timestamp("ns", "UTC"))),
        ("date", pa.array([1, None])),
        ("date", pa.array(["2026-01-01T00:00:00", None])),
        ("date", pa.array([{"day": 1}, None])),
        ("resources", pa.array(["[]", None])),
        ("resources", pa.array([["testName"], None])),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else None,
)
def test_types_that_do_not_mean_the_same_are_refused(path, name, column):
    with pytest.raises(taf.NotAnAuditFrame, match=rf"events\.parquet: column '{name}' cannot be read as"):
        read_parquet(foreign(path, **{name: column}))


def test_what_spark_and_pandas_and_polars_write_is_read(events, path):
    pq.write_table(to_arrow(events), path, use_deprecated_int96_timestamps=True)
    assert pq.ParquetFile(path).schema.column(0).physical_type == "INT96"
    day = events["date"].iloc[0].floor("D") + pd.Timedelta(days=3)
    pd.testing.assert_frame_equal(read_parquet(path), events)
    pd.testing.assert_frame_equal(read_parquet(path, end=day), events[events["date"] < day].reset_index(drop=True))
    pl.from_arrow(to_arrow(events)).write_parquet(path)
    pd.testing.assert_frame_equal(read_parquet(path), events)
    events.to_parquet(path)
    assert_identical(read_parquet(path), events)
    duckdb.from_arrow(to_arrow(events)).write_parquet(str(path))
    pd.testing.assert_frame_equal(read_parquet(path), events)


def test_rows_out_of_order_come_in_order(events, path):
    pq.write_table(to_arrow(events.iloc[::-1]), path)
    found = read_parquet(path, columns=["date"])
    pd.testing.assert_frame_equal(found, events[["date"]])


def test_missing_columns_are_named_with_the_file(path):
    pq.write_table(pa.table({"date": [1], "price": [2]}), path)
    for columns in (None, ["date"]):
        with pytest.raises(taf.NotAnAuditFrame, match=r"events\.parquet.*'aid'.*'extra'") as caught:
            read_parquet(path, columns=columns)
        assert caught.value.missing == list(COLUMNS[1:])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"date,aid\n", b"PAR1" + b"\0" * 40 + b"PAR1"])
def test_what_is_not_parquet_is_said_so(path, content):
    path.write_bytes(content)
    with pytest.raises(taf.DamagedFile, match=r"events\.parquet is not a Parquet file"):
        read_parquet(path)


def test_a_missing_file_is_a_missing_file(path):
    with pytest.raises(taf.MissingFile, match=r"events\.parquet: No such file or directory\. Check the path\."):
        read_parquet(path)


@pytest.mark.parametrize(
    ("stamp", "error", "said"),
    [
        (
            {"te_audit_frames": '{"schema_version": 2}'},
            taf.NotAnAuditFrame,
            r"events\.parquet was written by a newer .*version 2.*upgrade",
        ),
        ({"te_audit_frames": '{"schema_version": "x"}'}, taf.NotAnAuditFrame, "newer"),
        ({"te_audit_frames": "{"}, taf.DamagedFile, "damaged"),
        ({"PANDAS_ATTRS": "[]"}, taf.DamagedFile, "damaged"),
    ],
)
def test_a_footer_that_this_version_does_not_know(events, path, stamp, error, said):
    pq.write_table(to_arrow(events).replace_schema_metadata(stamp), path)
    with pytest.raises(error, match=said):
        read_parquet(path)


def test_a_file_cut_short_anywhere_is_an_error_of_ours(events, path):
    write_parquet(events[:50], path)
    whole = path.read_bytes()
    for length in random.Random(0).sample(range(len(whole)), 200):
        path.write_bytes(whole[:length])
        with pytest.raises(taf.DamagedFile, match=r"events\.parquet"):
            read_parquet(path)


def test_flipped_bits_never_raise_anything_else(events, path):
    write_parquet(events[:50], path)
    whole = path.read_bytes()
    dice, noticed = random.Random(0), 0
    for trial in range(300):
        broken = bytearray(whole)
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        path.write_bytes(broken)
        try:
            read_parquet(path, start=None if trial % 2 else "2020-01-01")
        except (taf.DamagedFile, taf.NotAnAuditFrame):  # the name of a column may be hit, too
            noticed += 1
    assert noticed > 150


def test_fsspec_is_not_needed_and_not_loaded():
    script = "import sys, te_audit_frames.storage.parquet; print('fsspec' in sys.modules)"
    assert run(script).communicate(timeout=60)[0] == "False\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_utf_8_is_a_name(events, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.parquet")
    write_parquet(events[:5], path)
    pd.testing.assert_frame_equal(read_parquet(path), events[:5].reset_index(drop=True))


def test_a_long_period_ago_is_a_period(path):
    long_ago = timedelta(days=365 * 200)
    write_parquet(to_events(table_of([{"date": 0}, {"date": None}])), path)
    assert len(read_parquet(path, start=datetime(1970, 1, 1, tzinfo=UTC) - long_ago)) == 1


# ---- receipts that nobody of ours wrote ----------------------------------------------------------------------------

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 10**7)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "api", "2026-01-05T00:00:00Z", "2026-01-05", "2026-01-05T00:00:00", "9999-12-31T23:59:59Z"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["start", "end", "aid", "x"]), inner),
    max_leaves=6,
)


@given(
    changed=st.dictionaries(st.sampled_from(sorted(field.name for field in fields(taf.Receipt))), _VALUES, max_size=4),
    removed=st.sets(st.sampled_from(sorted(field.name for field in fields(taf.Receipt))), max_size=3),
    instead=st.none() | _VALUES,
)
@settings(deadline=None, max_examples=examples(300))
def test_a_receipt_in_a_footer_is_sound_or_the_file_is_named(tmp_path_factory, changed, removed, instead):
    folder = tmp_path_factory.mktemp("receipts")
    events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
    period = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-06T00:00:00Z"}
    proof = {"source": "api", "resolved": period, "scope": {"aid": None, "all_account_groups": True}}
    plain = {**taf.receipt(events).to_dict(), **proof, "complete": True, **changed}
    plain = {name: value for name, value in plain.items() if name not in removed}
    events.attrs[ATTRS_KEY] = plain if instead is None else instead
    path = folder / "events.parquet"
    taf.write_parquet(events, path)

    def show(start=None):
        read = taf.read_parquet(path, start=start)
        if read.attrs[ATTRS_KEY] is not None:
            repr(taf.receipt(read)), taf.receipt(read).period

    for act in (show, lambda: show("2026-01-05T12:00:00Z"), lambda: taf.Archive(folder / "a").import_parquet(path)):
        try:
            act()
        except taf.DamagedFile as error:
            assert "events.parquet is damaged: the receipt in its footer" in str(error)
            assert "Take it from a backup" in str(error)


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff", b'"x"', b"[" * 100_000, b'{"te_audit_frames": []}'])
def test_garbage_in_the_place_of_a_receipt_is_named(tmp_path, text):
    rows = pa.table({name: pa.nulls(0, ARROW_SCHEMA.field(name).type) for name in COLUMNS})
    pq.write_table(rows.replace_schema_metadata({b"PANDAS_ATTRS": text}), tmp_path / "events.parquet")
    for act in (taf.read_parquet, taf.Archive(tmp_path / "a").import_parquet):
        with pytest.raises(taf.DamagedFile, match=r"events.parquet is damaged: .* Take it from a backup"):
            act(tmp_path / "events.parquet")
