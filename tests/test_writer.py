"""The writer of Parquet files: its layout, its row groups, and what it refuses."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ARROW_SCHEMA, to_arrow
from te_audit_frames.storage.writer import parquet_writer

DATE = ARROW_SCHEMA.field("date").type


@pytest.fixture(scope="module")
def events():
    with Sandbox(events=12_000, seed=7, page_size=1_000) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        return client.fetch_events(window="60d", all_account_groups=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.parquet"


def assert_kept(path, events):
    found = taf.read_parquet(path)
    pd.testing.assert_frame_equal(found, events, check_exact=True, check_flags=True)
    assert found.attrs == events.attrs


def test_the_layout_is_what_makes_it_small(events, path, tmp_path):
    taf.write_parquet(events, path)
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
    taf.write_parquet(events, path, compression=codec)
    used = pq.ParquetFile(path).metadata.row_group(0).column(0).compression
    assert used == {None: "UNCOMPRESSED", "none": "UNCOMPRESSED"}.get(codec, str(codec).upper())
    assert_kept(path, events)


def test_an_unknown_codec_is_refused(path):
    with pytest.raises(taf.InvalidArgument, match="compression: 'zip' is not one of zstd, snappy"):  # noqa: SIM117
        with parquet_writer(path, compression="zip"):
            pass
    assert not path.exists()


@pytest.mark.full
def test_a_long_stream_out_of_order_is_cut_into_full_row_groups(path):
    numbers = np.random.default_rng(0).permutation(600_000)
    columns = [pa.nulls(len(numbers), field.type) for field in ARROW_SCHEMA]
    columns[:2] = [pa.array(numbers).cast(DATE), pa.array(numbers).cast(pa.large_string())]
    table = pa.Table.from_arrays(columns, schema=ARROW_SCHEMA)
    with parquet_writer(path) as writer:
        for batch in table.to_batches(max_chunksize=50_000):
            writer.write(batch)
        assert repr(writer) == f"ParquetWriter({600_000 - 2**19:,} rows held)"
    metadata = pq.ParquetFile(path).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [2**18, 2**18, 600_000 - 2**19]
    found = taf.read_parquet(path, columns=["date", "aid"])
    assert (found["date"].astype("int64") == np.arange(600_000)).all()
    assert (found["aid"].astype("int64") == np.arange(600_000)).all()


def test_batches_and_attrs_make_the_file_that_a_frame_makes(events, path, tmp_path):
    with parquet_writer(path) as writer:
        for batch in to_arrow(events).to_batches(max_chunksize=700):
            writer.write(batch)
        writer.attrs.update(events.attrs)
        writer.footer["te_audit_frames.note"] = "kept"
    assert_kept(path, events)
    assert pq.ParquetFile(path).metadata.metadata[b"te_audit_frames.note"] == b"kept"


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (pl.Series("date", [1]), taf.InvalidArgument, "events: give an audit frame or record batches .* not Series"),
        (pa.table({"date": [1]}), taf.NotAnAuditFrame, "does not have the schema of events.*date: int64"),
    ],
)
def test_rows_of_another_kind_are_refused_and_leave_no_file(path, rows, error, message):
    with pytest.raises(error, match=f"(?s){message}"), parquet_writer(path) as writer:
        writer.write(rows)
    assert list(path.parent.iterdir()) == []
