"""An archive is read by every engine: the same rows and the same types, by files and by glob."""

from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from support.world import DAY, NOW, World, many

import te_audit_frames as taf


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    archive = taf.Archive(tmp_path_factory.mktemp("engines") / "te-audit")
    touched = [one | {"resources": [{"type": "testName", "name": "Web"}]} for one in many(6)]
    World(*touched, *many(3)).sync(archive, start=NOW - 8 * DAY)
    return archive


def by_pandas(files, glob, request):
    del glob, request
    return pa.Table.from_pandas(pd.concat([pd.read_parquet(file, partitioning=None) for file in files]))


def by_pyarrow(files, glob, request):
    del request
    return ds.dataset(files or [str(file) for file in sorted(Path("/").glob(glob[1:]))]).to_table()


def by_dask(files, glob, request):
    del request
    dd = pytest.importorskip("dask.dataframe", reason="Dask is not installed: the extra dask brings it")
    import dask

    with dask.config.set({"dataframe.convert-string": False}):
        return pa.Table.from_pandas(dd.read_parquet(files or glob).compute())


def by_spark(files, glob, request):
    return request.getfixturevalue("spark").read.parquet(*(files or [glob])).toArrow()


READERS = {
    "pandas": by_pandas,
    "pyarrow": lambda files, glob, _: ds.dataset(
        files or [str(f) for f in sorted(Path("/").glob(glob[1:]))]
    ).to_table(),
    "duckdb": lambda files, glob, _: duckdb.read_parquet(files or glob).to_arrow_table(),
    "polars": lambda files, glob, _: pl.scan_parquet(files or glob).collect().to_arrow(),
    "dask": by_dask,
    "spark": by_spark,
}


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of Dask's own reader, on pandas 3.1
@pytest.mark.parametrize("by", ["files", "glob"])
@pytest.mark.parametrize(
    "reader", [pytest.param(name, marks=pytest.mark.full) if name in ("dask", "spark") else name for name in READERS]
)
def test_every_engine_reads_the_same_rows_and_types(archive, reader, by, request):
    if (reader, by) == ("pandas", "glob"):
        pytest.skip("pandas has no glob")
    files, glob = archive.files(), f"{archive.location}/events/*/*.parquet"
    rows = READERS[reader](files if by == "files" else [], glob, request)
    events = archive.load()
    assert rows.num_rows == len(events) == 9 * 7
    date = rows.schema.field("date").type
    assert pa.types.is_timestamp(date)
    assert date.tz is not None
    for name in ("aid", "event", "uid"):
        kind = rows.schema.field(name).type
        assert pa.types.is_large_string(kind) or pa.types.is_string(kind) or kind == pa.string_view()
    assert sorted(rows["date"].to_pylist()) == events["date"].tolist()
    touched = [one for one in rows["resources"].to_pylist() if one is not None and len(one)]
    assert len(touched) == 6 * 7
    assert all(list(map(dict, one)) == [{"type": "testName", "name": "Web"}] for one in touched)


def test_the_day_is_a_partition_column(archive):
    table = duckdb.read_parquet(f"{archive.location}/events/*/*.parquet", hive_partitioning=True)
    by_day = {str(day): count for day, count in table.aggregate("event_date, count(*)").fetchall()}
    coverage = archive.coverage()
    known = {str(day.date()): events for day, events in zip(coverage["day"], coverage["events"], strict=True) if events}
    assert by_day == known


def test_archives_side_by_side_are_one_table_with_a_column_for_the_organisation(tmp_path):
    for name, days in (("acme", 2), ("beta", 3)):
        World(*many(days)).sync(taf.Archive(tmp_path / f"organisation={name}"), start=NOW - 4 * DAY)
    glob = f"{tmp_path}/organisation=*/events/*/*.parquet"
    by_duckdb = duckdb.read_parquet(glob, hive_partitioning=True).aggregate("organisation, count(*)").fetchall()
    by_polars = pl.scan_parquet(glob, hive_partitioning=True).group_by("organisation").len().collect().rows()
    assert dict(by_duckdb) == dict(by_polars) == {"acme": 14, "beta": 21}
