"""The same question to every engine has the same answer: that of pandas."""

import random
from datetime import UTC, datetime, timedelta

import duckdb
import matplotlib as mpl
import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.frames import TEXTS, table

import te_audit_frames as taf
from te_audit_frames.schema import to_events

mpl.use("agg")

# Two days around the end of summer time in New York and Lord Howe, and those around its start in Berlin.
MOMENTS = [
    datetime(2026, 10, 31, 20, tzinfo=UTC),
    datetime(2026, 3, 28, 20, tzinfo=UTC),
    datetime(2026, 4, 4, tzinfo=UTC),
]


def with_own_columns(events):
    """Add columns that events do not have, of other types than text."""
    size, has_uid = nw.col("event").str.len_chars().alias("size"), (~nw.col("uid").is_null()).alias("has_uid")
    return nw.from_native(events).with_columns(size, has_uid).to_native()


CALLS = {
    "by own columns": lambda events: taf.summarize(with_own_columns(events), by=["size", "has_uid"]),
    "by own columns, folded": lambda events: taf.summarize(with_own_columns(events), by=["has_uid", "size"], top=2),
    "by own column and user": lambda events: taf.activity(with_own_columns(events), by=["size", "user"], top=2),
    "by user": taf.summarize_by_user,
    "by account group": taf.summarize_by_account_group,
    "by event type": taf.summarize_by_event_type,
    "by two, folded": lambda events: taf.summarize(events, by=["account_group", "event"], top=3),
    "by address": lambda events: taf.summarize(events, by="ip_address"),
    "days by event": lambda events: taf.activity(events, freq="D", by="event", tz="Europe/Berlin", top=2),
    "hours": lambda events: taf.activity(events, freq="h", tz="Australia/Lord_Howe"),
    "weeks": lambda events: taf.activity(events, freq="W", tz="Asia/Kathmandu"),
    "months by user": lambda events: taf.activity(events, freq="MS", by="user", tz="America/New_York", top=1),
}

PLOTS = {
    "activity": lambda events: taf.plot_activity(events, freq="D", by="event", tz="Europe/Berlin", top=3),
    "heatmap": lambda events: taf.plot_heatmap(events, tz="Asia/Kathmandu"),
    "top": lambda events: taf.plot_top(events, by="user", top=3),
}


def draw(seed):
    """Few people, groups and moments, null keys, renamed people, true duplicates, hostile names."""
    chance = random.Random(seed)
    few, many = [None, *TEXTS[:4]], [None, *TEXTS]
    rows = []
    for _ in range(300):
        moment = chance.choice(MOMENTS) + timedelta(minutes=15 * chance.randrange(200))
        row = {"date": chance.choice([moment] * 9 + [None])}
        row |= {name: chance.choice(few) for name in ("uid", "aid", "event")}
        row |= {name: chance.choice(many) for name in ("user", "account_group_name", "ip_address")}
        rows += [row] * chance.choice([1, 1, 1, 2])
    return table(rows)


@pytest.fixture(scope="module")
def events():
    return draw(seed=1)


@pytest.fixture(scope="module")
def files(events, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for number, part in enumerate((events.slice(0, 150), events.slice(150))):
        taf.write_parquet(to_events(part), folder / f"{number}.parquet")
    return folder


def read_by_dask(folder, request):
    request.getfixturevalue("dask")
    import dask.dataframe as dd

    frame = dd.read_parquet(str(folder / "*.parquet"))
    assert frame.npartitions == 2
    return frame


def in_new_york():
    """Connect to a DuckDB whose clock changes, as that of a machine in New York."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")
    return connection


ENGINES = {
    "pyarrow": lambda folder, _: pq.read_table(folder),
    "polars lazy": lambda folder, _: pl.scan_parquet(folder / "*.parquet"),
    "duckdb": lambda folder, _: duckdb.read_parquet(str(folder / "*.parquet")),
    "duckdb, elsewhere": lambda folder, _: in_new_york().read_parquet(str(folder / "*.parquet")),
    "dask": read_by_dask,
    "spark": lambda folder, request: request.getfixturevalue("spark").read.parquet(str(folder)),
}


# Their clusters take long to start.
CLUSTERS = {"dask", "spark"}


def asked(questions):
    """Return every engine with every question."""
    return [
        pytest.param(engine, question, marks=pytest.mark.full if engine in CLUSTERS else ())
        for engine in ENGINES
        for question in questions
    ]


@pytest.fixture
def frame(engine, request, files):
    return ENGINES[engine](files, request)


@pytest.fixture(scope="module")
def in_pandas(events):
    assert isinstance(events, pa.Table)
    return to_events(events)


@pytest.mark.few
@pytest.mark.filterwarnings("ignore:Dask support is moving:FutureWarning")  # of narwhals, as the tests use it
@pytest.mark.parametrize(("engine", "call"), asked(CALLS))
def test_every_engine_gives_the_answer_of_pandas(frame, in_pandas, call):
    pd.testing.assert_frame_equal(CALLS[call](frame), CALLS[call](in_pandas))


@pytest.mark.full
@pytest.mark.few
@pytest.mark.parametrize(("engine", "plot"), asked(PLOTS))
def test_every_engine_draws_the_picture_of_pandas(frame, in_pandas, plot):
    import matplotlib.pyplot as plt

    def drawn(events):
        ax = PLOTS[plot](events)
        shapes = [patch.get_extents().bounds for patch in ax.patches]
        shapes += [mesh.get_array().tolist() for mesh in ax.collections if mesh.get_array() is not None]
        texts = [text.get_text() for text in ax.texts + ax.get_xticklabels() + ax.get_yticklabels()]
        plt.close(ax.figure)
        return shapes, texts, ax.get_title()

    shapes, texts, title = drawn(frame)
    assert shapes
    assert (shapes, texts, title) == drawn(in_pandas)
