"""Classes of events: in the frames of every library, and the figures on texts of other products."""

from __future__ import annotations

from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support.event_texts import WORDS
from support.frames import LIBRARIES

import te_audit_frames as taf
from benchmarks import unknown_words
from benchmarks import vocabulary as figures
from te_audit_frames.checks.text.event_text import fold
from te_audit_frames.schema import ARROW_SCHEMA, ATTRS_KEY, to_events

CLASSES = ["action", "object", "outcome", "rule"]
NOTHING = ("unclassified", "unclassified", "unknown")


# The figures on texts of other products; tests/data/README.md says how they came about.


@pytest.mark.parametrize(
    ("part", "classified", "mistakes"),
    [
        ("development", 322, 1),
        ("kept aside", 142, 0),
        ("second batch", 68, 1),
        ("third batch", 159, 0),
        ("third batch, kept aside", 155, 1),
        ("fourth batch", 131, 0),
        ("fifth batch", 93, 0),
        ("sixth batch", 55, 1),
        ("seventh batch", 110, 4),
        ("seventh batch, kept aside", 104, 2),
        ("eighth batch", 58, 0),
        ("ninth batch", 58, 3),
        ("tenth batch", 336, 8),
        ("eleventh batch, kept aside", 145, 0),
        ("twelfth batch", 210, 7),
        ("thirteenth batch, kept aside", 96, 3),
        ("fourteenth batch, kept aside", 63, 2),
        ("fifteenth batch, kept aside", 144, 5),
        ("as ThousandEyes might phrase them", 106, 0),
    ],
)
def test_texts_of_other_products(part: str, classified: int, mistakes: int) -> None:
    scored = figures.score([label for label in figures.labels() if label.part == part])
    assert scored.classified >= classified
    assert len(scored.mistakes) <= mistakes, figures.mistakes()


def test_there_are_enough_labelled_texts_and_each_has_a_source() -> None:
    texts = pd.read_csv(figures.TEXTS)
    sources = pd.read_csv(figures.TEXTS.with_name("event_text_sources.csv"))
    assert len(texts) >= 2900
    assert texts["text"].map(fold).is_unique
    assert set(texts["source"]) <= set(sources["source"])
    looked_up = set(sources.loc[sources["how"] == "looked up", "source"])
    texts = texts[texts["batch"] != "thousandeyes"]
    assert texts["source"].isin(looked_up).mean() >= 0.9
    assert set(texts["action"]) <= {*WORDS.actions, "unclassified"}


def test_unknown_words_are_simulated_by_leaving_out_known_ones() -> None:
    texts = [("Alert rule deleted", "delete", "alert_rule"), ("Bridge deleted", "delete", "bridge")]
    labelled = [figures.Label(text, action, name, "success", "development") for text, action, name in texts]
    trials = [*unknown_words.nouns_left_out(labelled), *unknown_words.verbs_left_out(labelled)]
    assert [(trial.word, trial.after.object, trial.result) for trial in trials] == [
        ("alert rule", "rule", "another"),
        ("bridge", "unclassified", "unclassified"),
        *[("deleted", "unclassified", "unclassified")] * 2,
    ]
    assert unknown_words.without_noun(WORDS, "role").phrases.keys().isdisjoint({("role",), ("custom", "role")})


# Frames.


def resources(*types: str) -> list[dict[str, str]]:
    return [{"type": kind, "name": "Shop"} for kind in types]


ROWS = [
    {"event": "Test deleted.", "resources": resources("userDisplayName")},
    {"event": "Deleted.", "resources": resources("testName")},
    {"event": "Deleted.", "resources": resources("userDisplayName")},
    {"event": "Deleted.", "resources": resources("testName", "testName")},
    {"event": "Deleted.", "resources": resources("something")},
    {"event": "Deleted.", "resources": []},
    {"event": "Deleted.", "resources": None},
    {"event": None, "resources": resources("testName")},
    {"event": "", "resources": None},
    {"event": "Flux capacitor", "resources": resources("testName")},
    {"event": "Login failed.", "resources": None},
    {"event": "Deleted.", "resources": resources("testName")},
]
EXPECTED = [
    ("delete", "test", "success"),
    ("delete", "test", "success"),
    ("delete", "user", "success"),
    *[("delete", "unclassified", "success")] * 4,
    *[NOTHING] * 3,
    ("login", "user", "failure"),
    ("delete", "test", "success"),
]


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return pa.Table.from_pylist(ROWS, ARROW_SCHEMA)


def as_pandas(frame: object) -> pd.DataFrame:
    match frame:
        case pd.DataFrame():
            return frame
        case pl.LazyFrame():
            return frame.collect().to_pandas()
        case duckdb.DuckDBPyRelation():
            return frame.df()
        case _:
            return frame.to_pandas()  # type: ignore[attr-defined]


def test_the_only_resource_stands_in_for_an_object_that_the_text_lacks(rows: pa.Table) -> None:
    classified = taf.classify_events(to_events(rows))
    assert list(classified[CLASSES[:3]].itertuples(index=False, name=None)) == EXPECTED
    assert classified["rule"].tolist()[:2] == ["passive: deleted / test", "active: deleted / resource testName"]
    assert (classified["rule"] == "unclassified").tolist() == [said == NOTHING for said in EXPECTED]


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_says_the_same_and_gives_its_own_frame(library: str, rows: pa.Table) -> None:
    events = LIBRARIES[library](rows)
    classified = taf.classify_events(events)
    assert type(classified) is type(events)
    pd.testing.assert_frame_equal(
        as_pandas(classified)[CLASSES].astype("str").reset_index(drop=True),
        taf.classify_events(to_events(rows))[CLASSES],
    )
    again = as_pandas(taf.classify_events(classified))
    assert list(again.columns) == [*ARROW_SCHEMA.names, *CLASSES]


@pytest.mark.parametrize("library", LIBRARIES)
def test_empty_frames_get_the_same_columns(library: str) -> None:
    classified = as_pandas(taf.classify_events(LIBRARIES[library](ARROW_SCHEMA.empty_table())))
    assert list(classified.columns) == [*ARROW_SCHEMA.names, *CLASSES]
    assert len(classified) == 0


@pytest.mark.parametrize("library", ["pandas", "pyarrow", "polars", "polars lazy", "duckdb"])
def test_events_without_resources_are_read_by_their_text(library: str, rows: pa.Table) -> None:
    classified = as_pandas(taf.classify_events(LIBRARIES[library](rows.select(["event"]))))
    assert classified["action"].tolist() == [said[0] for said in EXPECTED]
    assert classified["object"].tolist()[:2] == ["test", "unclassified"]


@pytest.mark.full
def test_dask(rows: pa.Table, dask: Any) -> None:
    import dask.dataframe as dd

    events = dd.from_pandas(to_events(rows), npartitions=3)
    classified = taf.classify_events(events)
    assert isinstance(classified, dd.DataFrame)
    said = classified.compute()[CLASSES[:3]].itertuples(index=False, name=None)
    assert list(said) == EXPECTED


@pytest.mark.full
def test_spark(rows: pa.Table, spark: Any) -> None:
    names = [name for name in ARROW_SCHEMA.names if name != "date"]
    events = spark.createDataFrame(
        [tuple(row[name] for name in names) for row in rows.to_pylist()],
        "aid string, account_group_name string, event string, uid string, user string, ip_address string, "
        "resources array<struct<type string, name string>>, extra string",
    )
    classified = taf.classify_events(events)
    assert type(classified) is type(events)
    said = [(row["action"], row["object"], row["outcome"]) for row in classified.collect()]
    assert sorted(said) == sorted(EXPECTED)


def test_rows_index_and_other_columns_stay_as_they_are(rows: pa.Table) -> None:
    events = to_events(rows).set_index(pd.Index(range(100, 100 + len(ROWS))))
    before = events.copy()
    classified = taf.classify_events(events)
    pd.testing.assert_frame_equal(events, before)
    pd.testing.assert_frame_equal(classified.drop(columns=CLASSES), before)
    assert all(classified[name].dtype == "str" for name in CLASSES)


def test_the_receipt_says_how_many_are_unclassified() -> None:
    page = b'{"auditEvents": [{"event": "Flux capacitor"}, {"event": "Test deleted."}, {"event": "Quota exceeded"}]}'
    events = taf.read_pages([page])
    classified = taf.classify_events(events)
    assert taf.receipt(classified).notes[-1].startswith("2 of the events are unclassified")
    assert not any("unclassified" in note for note in taf.receipt(events).notes)
    assert taf.receipt(taf.classify_events(classified)).notes == taf.receipt(classified).notes
    known = taf.classify_events(classified[classified["action"] == "delete"])
    assert not any("unclassified" in note for note in taf.receipt(known).notes)


def test_a_frame_without_receipt_gets_none() -> None:
    classified = taf.classify_events(pd.DataFrame({"event": ["Flux capacitor"]}))
    assert ATTRS_KEY not in classified.attrs


@pytest.mark.parametrize("library", ["pandas", "polars", "duckdb"])
def test_what_is_not_of_events_is_refused(library: str, rows: pa.Table) -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'event'") as caught:
        taf.classify_events(LIBRARIES[library](rows.select(["uid"])))
    assert caught.value.missing == ["event"]


def test_resources_of_another_kind_are_refused() -> None:
    with pytest.raises(taf.NotAnAuditFrame, match="column 'resources'"):
        taf.classify_events(pd.DataFrame({"event": ["Deleted."], "resources": [5]}))


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(taf.InvalidArgument, match="list cannot be classified"):
        taf.classify_events(["Test deleted."])


def test_a_text_of_any_length_takes_no_time():
    for text in ("a." * 500_000, "User " * 200_000 + "deleted", "(" * 100_000, "'" * 100_001 + " deleted"):
        events = pd.DataFrame({"event": [text]}, dtype="str")
        assert taf.classify_events(events)["action"].tolist() == ["unclassified"]
