"""One Parquet file: the same after reading, readable by every engine, and safe in crashes."""

import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import examples

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, to_arrow, to_events
from te_audit_frames.storage.parquet import read_parquet, write_parquet

DATE = ARROW_SCHEMA.field("date").type
FROM_INT64 = st.integers(-(2**63) + 1, 2**63 - 1)  # the lowest number is pandas' NaT
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
    """Two months of the practice organisation, fetched, with a receipt."""
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
def test_rows_are_sorted_stably_with_undated_events_last(tmp_path, table):
    write_parquet(to_events(table), tmp_path / "events.parquet")
    expected = sorted(table.to_pylist(), key=lambda event: (event["date"] is None, event["date"] or datetime.max))
    stored = pq.ParquetFile(tmp_path / "events.parquet").read()  # with Arrow itself
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
def test_columns_come_in_the_requested_order(events, path, columns):
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
def test_a_start_may_have_many_types(path, start):
    days = [{"date": 1_767_225_600_000_000 + day * 86_400_000_000, "aid": str(day)} for day in range(3)]
    write_parquet(to_events(table_of(days)), path)
    assert read_parquet(path, start=start)["aid"].tolist() == ["1", "2"]
    assert read_parquet(path, end=start)["aid"].tolist() == ["0"]


@pytest.mark.parametrize("argument", ["start", "end"])
@pytest.mark.parametrize("moment", [datetime(2026, 1, 2), "2026-01-02T00:00:00", "yesterday", 5])
def test_an_ambiguous_moment_is_refused(path, argument, moment):
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


# Streams


@pytest.mark.full
def test_a_fetch_streams_into_a_file(path):
    with Sandbox(events=2_000, seed=3, page_size=100) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        write_parquet(client.iter_batches(window="104w", all_account_groups=True), path)
        whole = client.fetch_events(window="104w", all_account_groups=True)
    found = read_parquet(path)
    assert sorted(map(str, to_arrow(found).to_pylist())) == sorted(map(str, to_arrow(whole).to_pylist()))
    assert found["date"].is_monotonic_increasing
    assert (taf.receipt(found).complete, taf.receipt(found).events) == (True, 2_000)


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


# Crashes


def run(script, *arguments, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


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


@pytest.mark.full  # it starts Python; faults/test_crashes.py kills one at every line
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


# Unusual frames


def test_dates_of_another_zone_or_unit_are_the_same_instants(events, path):
    berlin = events.assign(date=events["date"].dt.tz_convert("Europe/Berlin").dt.as_unit("ns"))
    write_parquet(berlin, path)
    assert_identical(read_parquet(path), events)


# Files of other tools


def foreign(path, **columns):
    """A file with the columns of events in other types and another order, as some other tool writes it."""
    table = table_of([{"date": 1_767_225_600_000_000, "aid": "1234", "user": "Ana"}, {"date": None}])
    for name, column in columns.items():
        table = table.set_column(COLUMNS.index(name), name, column)
    pq.write_table(table.select(table.column_names[::-1]).append_column("more", pa.array([1, 2])), path)
    return path


def test_other_columns_and_another_order_of_columns_are_read(path):
    frame = read_parquet(foreign(path, aid=pa.array([1234, None])))
    assert to_arrow(frame).schema == ARROW_SCHEMA
    assert to_arrow(frame)["aid"].to_pylist() == ["1234", None]
    assert frame.attrs == {}
    with pytest.raises(taf.NotAnAuditFrame, match=r"events\.parquet: column 'aid' cannot be read as"):
        read_parquet(foreign(path, aid=pa.array([1234.0, None])))


def test_dates_of_another_type_are_filtered_as_instants(path):
    for dates in (
        pa.array([86_400_000_000_000, None], pa.timestamp("ns", "UTC")),
        pa.array([86_400, None], pa.timestamp("s", "Europe/Berlin")),
        pa.array(["1970-01-02T01:00:00+01:00", None]),
    ):
        assert len(read_parquet(foreign(path, date=dates), start="1970-01-02", end="1970-01-03")) == 1


@pytest.mark.full
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
def test_a_file_that_is_not_parquet_is_named(path, content):
    path.write_bytes(content)
    with pytest.raises(taf.DamagedFile, match=r"events\.parquet is not a Parquet file"):
        read_parquet(path)


def test_a_missing_file_is_a_missing_file(path):
    with pytest.raises(taf.MissingFile, match=r"events\.parquet: No such file or directory\. Check the path\."):
        read_parquet(path)


def test_a_file_cut_short_anywhere_is_a_damaged_file(events, path):
    write_parquet(events[:50], path)
    whole = path.read_bytes()
    for length in random.Random(0).sample(range(len(whole)), 200):
        path.write_bytes(whole[:length])
        with pytest.raises(taf.DamagedFile, match=r"events\.parquet"):
            read_parquet(path)


@pytest.mark.full
def test_flipped_bits_raise_no_other_error(events, path):
    write_parquet(events[:50], path)
    whole = path.read_bytes()
    dice, noticed = random.Random(0), 0
    for trial in range(300):
        broken = bytearray(whole)
        broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        path.write_bytes(broken)
        try:
            read_parquet(path, start=None if trial % 2 else "2020-01-01")
        except (taf.DamagedFile, taf.NotAnAuditFrame):  # the bit may be in the name of a column
            noticed += 1
    assert noticed > 150


@pytest.mark.full  # it starts Python
def test_fsspec_is_not_needed_and_not_loaded():
    script = "import sys, te_audit_frames.storage.parquet; print('fsspec' in sys.modules)"
    assert run(script).communicate(timeout=60)[0] == "False\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_file_name_may_have_bytes_that_are_not_utf_8(events, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.parquet")
    write_parquet(events[:5], path)
    pd.testing.assert_frame_equal(read_parquet(path), events[:5].reset_index(drop=True))


def test_a_period_may_be_long_ago(path):
    long_ago = timedelta(days=365 * 200)
    write_parquet(to_events(table_of([{"date": 0}, {"date": None}])), path)
    assert len(read_parquet(path, start=datetime(1970, 1, 1, tzinfo=UTC) - long_ago)) == 1
