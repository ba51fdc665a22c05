"""The explorer: what is selected, as a frame and as code; and the views, driven by a real browser."""

import copy
import gc
import json
import pickle
import re
import sys
import weakref
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

import dateutil.tz
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import te_audit_frames as taf
from te_audit_frames.errors import InvalidArgument, NotAnAuditFrame
from te_audit_frames.report.explorer_connection import FACETS, KEPT, Connection
from te_audit_frames.report.explorer_zone import name_zone
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import to_arrow

pytest.importorskip("mosaic_widget", reason="the extra explore is not installed")
_instances = pytest.importorskip("ipywidgets.widgets.widget")._instances  # all widgets that are open

HOSTILE = "<img src=x onerror=\"document.title='1'\">"
START = datetime(2026, 3, 27, tzinfo=UTC)  # the night two days later is an hour shorter in Berlin


def event(hours: float, **fields: object) -> dict[str, object]:
    moment = START + timedelta(hours=hours)
    return {"date": moment.isoformat().replace("+00:00", "Z"), **fields}


def frame(*sent: dict[str, object]) -> pd.DataFrame:
    return taf.read_pages([json.dumps({"auditEvents": sent}).encode()])


EVENTS = frame(
    event(0, event="User login.", uid="7", user="Ada", aid="1", accountGroupName="Shops", ipAddress="192.0.2.1"),
    event(1.5, event="Login failed.", uid="8", user="Ada", aid="2", accountGroupName="Shops", ipAddress="192.0.2.2"),
    event(26, event="User login.", user="7", aid="1", accountGroupName="Stores"),
    event(47.75, event=HOSTILE, uid="9", user=HOSTILE, resources=[{"type": "testName", "name": HOSTILE}]),
    event(48, event='O\'Hara "quoted" \\ \u202e \n', uid="7", user="Ada Lovelace", ipAddress="192.0.2.1"),
    event(49.25, event="(none)", uid=None, user=None, ipAddress="2001:db8::1"),
    {"event": "User login.", "uid": "7", "user": "Ada"},
    {"date": "2026-03-29T03:00:00.999999Z"},
)


def choose(explorer: taf.Explorer, **values: object) -> None:
    """Select as the browser does, in new views, and nothing else."""
    views, box = explorer._make_views()
    box.children[0].children[0].click()
    views.params = {f"by_{view}": {"value": value} for view, value in values.items()}


def run(code: str, **names: object) -> pd.DataFrame:
    return eval(code, {"taf": taf, "duckdb": duckdb, **names})


def rows(events: pd.DataFrame) -> list[str]:
    return [json.dumps(row, default=str) for row in events.drop(columns="resources").to_numpy().tolist()]


@cache
def explorers() -> tuple[taf.Explorer, taf.Explorer]:
    """Explorers of a frame and of a relation with the same events, which tests choose in again and again."""
    relation = duckdb.from_arrow(to_arrow(EVENTS))
    return taf.explore(EVENTS, tz="Europe/Berlin"), taf.explore(relation, tz="Europe/Berlin")


@st.composite
def selections(draw):
    texts = {facet: list(values) for facet, values in explorers()[0]._database.facets.items()}
    chosen = {
        facet: [[text] for text in draw(st.lists(st.sampled_from(texts[facet]), min_size=1, unique=True))]
        for facet in draw(st.sets(st.sampled_from(list(FACETS))))
    }
    if draw(st.booleans()):
        ends = draw(st.lists(st.integers(0, 80 * 3_600_000), min_size=2, max_size=2).map(sorted))
        chosen["time"] = [(START + timedelta(milliseconds=end)).isoformat() for end in ends]
    if draw(st.booleans()):
        chosen["week"] = [draw(st.lists(st.floats(0, top), min_size=2, max_size=2).map(sorted)) for top in (24, 7)]
    return chosen


def shown(explorer: taf.Explorer, chosen: dict[str, list]) -> int:
    """Count the rows of the table that the views show for a selection."""
    conditions, values = ["true"], []
    for view, value in chosen.items():
        if view == "week":
            for name, ends in zip(("hour_of_day", "day_of_week"), value, strict=True):
                conditions.append(f"{name} BETWEEN ? AND ?")
                values += ends
        elif view == "time":
            conditions.append('"time" BETWEEN ? AND ?')
            values += [datetime.fromisoformat(end).replace(tzinfo=None) for end in value]
        else:
            conditions.append(f"{view} IN ({', '.join('?' for _ in value)})")
            values += [text for (text,) in value]
    cursor = explorer._database.connection._connection.cursor()
    return cursor.execute(f"SELECT count(*) FROM events WHERE {' AND '.join(conditions)}", values).fetchall()[0][0]


@given(chosen=selections())
def test_the_selection_its_code_and_the_views_are_the_same_events(chosen):
    explorer, theirs = explorers()
    choose(explorer, **chosen)
    selected = explorer.events
    pd.testing.assert_frame_equal(run(explorer.code, events=EVENTS), selected)
    assert len(selected) == shown(explorer, chosen)
    choose(theirs, **chosen)
    assert rows(theirs.events) == rows(selected)
    assert len(run(theirs.code, events=theirs._source).to_arrow_table()) == len(selected)


def test_nothing_chosen_is_everything():
    explorer, _ = explorers()
    choose(explorer)
    assert explorer.code == "events"
    pd.testing.assert_frame_equal(explorer.events, EVENTS)
    assert explorer._repr_mimebundle_()["text/plain"] == repr(explorer)
    assert repr(explorer) == "<Explorer: 8 of 8 events selected>"


def test_a_choice_is_kept_when_the_explorer_is_shown_again():
    explorer = taf.explore(EVENTS)
    choose(explorer, event_type=[["User login."]])
    code = explorer.code
    views, box = explorer._make_views()
    views.params = {"by_event_type": {"value": None}, "all": {"value": [], "predicate": ""}}  # what it says when drawn
    assert explorer.code == box.children[1].value == code != "events"
    views.params = {"by_address": {"value": [["192.0.2.2"]]}}
    assert explorer.events["uid"].tolist() == ["8"]
    views.params = {"by_address": {"value": None}}
    assert explorer.code == box.children[1].value == "events"


def test_the_receipt_is_cut_and_notes_the_filter():
    with Sandbox(events=200, seed=0, days=30) as api:
        events = taf.Client(token=api.token, base_url=api.url, progress=False).fetch_events(window="40d")
    explorer = events.audit.explore()
    start, end = events["date"].iloc[[50, 150]].dt.floor("s")
    choose(explorer, time=[start.isoformat(), end.isoformat()], event_type=[[events["event"].iloc[60]]])
    receipt = taf.receipt(explorer.events)
    assert receipt.period == taf.Period(start.to_pydatetime(), end.to_pydatetime() + timedelta(seconds=1))
    assert [note["label"] for note in receipt.filters] == [explorer._selection.label]
    assert receipt.events == len(explorer.events) > 0
    assert receipt.complete


def test_the_code_is_what_a_person_would_write():
    explorer, _ = explorers()
    first = START.isoformat()
    choose(explorer, time=[first, first], event_type=[["User login."]], person=[["7"], ["(none)"]])
    assert re.sub("explorer [0-9a-f]{8}", "explorer 00000000", explorer.code) == (
        'taf.between(taf.where(events, events["event"].isin(["User login."]) & '
        '((events["user"].isin(["7"]) | events["user"].isna()) & events["uid"].isna()), label="explorer 00000000"), '
        'start="2026-03-27T00:00:00Z", end="2026-03-27T00:00:01Z")'
    )
    choose(explorer, week=[[7.6, 17.4], [0, 5]])
    hour = 'events["date"].dt.tz_convert("Europe/Berlin").dt'
    assert re.sub("explorer [0-9a-f]{8}", "explorer 00000000", explorer.code) == (
        f'taf.where(events, {hour}.day_of_week.between(0, 4) & {hour}.hour.between(8, 16), label="explorer 00000000")'
    )


def test_filters_of_different_choices_have_different_names():
    explorer, _ = explorers()
    labels = {}
    for name, chosen in {
        "a": {"person": [["Ada"]]},
        "a in March": {"person": [["Ada"]], "time": [START.isoformat()] * 2},
        "b": {"address": [["192.0.2.1"]]},
    }.items():
        choose(explorer, **chosen)
        labels[name] = explorer._selection.label
    # `concat` joins receipts of one filter: that of the same choice in another period is the same.
    assert labels["a"] == labels["a in March"] != labels["b"]


def test_a_fixed_offset_is_a_time_zone():
    for events in (EVENTS, duckdb.from_arrow(to_arrow(EVENTS))):
        explorer = taf.explore(events, tz=timezone(timedelta(hours=5, minutes=30)))
        choose(explorer, week=[[5, 6], [0, 7]])
        assert explorer.events["date"].dt.strftime("%d %H:%M").tolist() == ["27 00:00", "28 23:45", "29 00:00"]


@pytest.mark.parametrize(
    ("tz", "zone"),
    [
        (timezone(timedelta(hours=1), "CET"), "UTC+01:00"),
        (timezone(timedelta(hours=-9, minutes=-30)), "UTC-09:30"),
        (timezone(timedelta(0), "Europe/Berlin"), "UTC"),
        (UTC, "UTC"),
        (ZoneInfo("Asia/Kathmandu"), "Asia/Kathmandu"),
        (dateutil.tz.tzoffset("EST", 3600), "UTC+01:00"),
    ],
)
def test_a_zone_is_its_offset_or_its_key(tz, zone):
    assert name_zone(tz) == zone


def test_people_and_groups_of_one_name_are_kept_apart():
    facets = explorers()[0]._database.facets
    assert {"Ada Lovelace", "Ada", "7"} <= set(facets["person"])
    assert {"Stores", "Shops", "(none)"} == set(facets["account_group"])
    twins = frame(*(event(0, uid=uid, user="Ada") for uid in "123"))
    assert sorted(taf.explore(twins)._database.facets["person"]) == ["Ada [1]", "Ada [2]", "Ada [3]"]


def test_columns_of_other_types_are_read_too():
    events = EVENTS.iloc[[0, 1, 4]].assign(uid=[7, 8, 7], event=EVENTS["event"].astype("category"))
    explorer = taf.explore(events)
    choose(explorer, person=[["Ada Lovelace"]], event_type=[["User login."]])
    assert len(explorer.events) == 1
    pd.testing.assert_frame_equal(run(explorer.code, events=events), explorer.events)


@pytest.mark.parametrize(
    "uids",
    [
        pd.Series([9332.0, None, 9333.0]),
        pd.Series([9332.0, 9331.5, 9333.5]),
        pd.Series([9332.0, None, 9333.0], dtype="category"),
        *(
            pytest.param(uids, marks=pytest.mark.full)
            for uids in (
                pd.Series([9332, None, 9333], dtype="object"),
                pd.Series([9332, 9331, 9333], dtype="category"),
                pd.Series([9332, None, 9333], dtype="Int64"),
                pd.Series(["9332", None, "9333"], dtype="category"),
                pd.Series([b"9332", None, b"9333"]),
            )
        ),
    ],
    ids=lambda uids: f"{uids.dtype} of {type(uids[0]).__name__}, {uids[1]}",
)
def test_a_choice_is_found_in_ids_of_any_type_or_refused(uids):
    events = EVENTS.iloc[[0, 1, 4]].reset_index(drop=True).assign(uid=uids, user=["Ada", "Bob", "Cy"])
    if uids[2] == 9333.5:
        with pytest.raises(InvalidArgument, match=r"column 'uid'.*astype\(\"str\"\)"):
            taf.explore(events)
        return
    explorer = taf.explore(events)
    choose(explorer, person=[["Ada"]])
    assert explorer.events.index.tolist() == run(explorer.code, events=events).index.tolist() == [0]


def test_numbers_of_arrow_that_duckdb_writes_otherwise_are_refused():
    table = to_arrow(EVENTS.iloc[:2])
    at = table.column_names.index("uid")
    with pytest.raises(InvalidArgument, match=r"column 'uid'.*double.*pa\.string\(\)"):
        taf.explore(table.set_column(at, "uid", pa.array([7.0, None])))


def test_views_whose_columns_are_missing_are_left_out():
    explorer = taf.explore(EVENTS[["date", "user"]])
    assert list(explorer._database.facets) == ["person"]
    choose(explorer, person=[["Ada"]])
    assert len(explorer.events) == len(run(explorer.code, events=EVENTS)) == 3
    undated = taf.explore(EVENTS[EVENTS["date"].isna()])
    views, _ = undated._make_views()
    assert "by_time" not in views.spec["params"]


def test_an_archive_is_loaded_by_the_line(tmp_path):
    with Sandbox(events=300, seed=1, days=20) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        archive = taf.Archive(tmp_path / "te-audit")
        archive.sync(client, start=pd.Timestamp.now("UTC") - pd.Timedelta("25D"))
    events = archive.load()
    explorer = taf.explore(archive)
    assert repr(explorer) == f"<Explorer: {len(events):,} of {len(events):,} events selected>"
    start, end = events["date"].iloc[[100, 200]].dt.floor("s")
    choose(explorer, time=[start.isoformat(), end.isoformat()], event_type=[[events["event"].iloc[150]]])
    selected = explorer.events
    assert explorer.code.startswith('taf.where(events := archive.load(start="')
    pd.testing.assert_frame_equal(run(explorer.code, archive=archive), selected)
    expected = events[events["date"].between(start, end + pd.Timedelta("999999us"))]
    assert len(selected) == (expected["event"] == events["event"].iloc[150]).sum() > 0
    assert taf.receipt(selected).complete


@pytest.mark.full
def test_polars_and_arrow_are_selected_by_duckdb():
    arrow = to_arrow(EVENTS)
    for events in (pl.from_arrow(arrow).lazy(), arrow):
        explorer = taf.explore(events)
        assert len(explorer.events) == len(EVENTS)
        choose(explorer, event_type=[["User login."]])
        assert len(explorer.events) == len(run(explorer.code, events=events).to_arrow_table()) == 3


def test_a_query_of_the_browser_is_answered_with_few_values_as_text():
    events = frame(*(event(0, ipAddress=f"192.0.2.{number}") for number in [*range(200), 7, 7]))
    connection: Connection = taf.explore(events)._database.connection
    counted = connection.query('SELECT count(*) AS "x", "address" FROM "events" GROUP BY "address" ORDER BY "address"')
    assert counted.to_arrow_table().to_pylist()[0] == {"x": 3, "address": "192.0.2.7"}
    assert len(counted.to_arrow_table()) == 10
    described = connection.query('DESC SELECT "address" AS "column" FROM "events" AS "source"').to_arrow_table()
    assert described["column_type"].to_pylist() == ["VARCHAR"]
    rows = connection.query('SELECT "time", "address" FROM "events" LIMIT 3 OFFSET 0').to_arrow_table()
    assert str(rows.schema.field("address").type) in ("string", "large_string")


def test_what_is_chosen_is_answered_for_the_bars_that_are_shown():
    connection = explorers()[0]._database.connection.copy()
    bars = 'SELECT count(*) AS "x", "address"{} FROM "events" AS "source"{} GROUP BY "address" ORDER BY "address"'
    shown = connection.query(bars.format("", "")).to_arrow_table()["address"].to_pylist()
    # The other query can be about fewer events, such as those up to an edge of a brush instead of its whole pixel.
    chosen = bars.format(""", ("address" IN ('192.0.2.2')) AS "__\"""", """ WHERE "event_type" <> 'User login.'""")
    answer = connection.query(chosen).to_arrow_table().to_pylist()
    assert [row["address"] for row in answer] == shown
    assert [row["address"] for row in answer if row["__"]] == ["192.0.2.2"]


def test_tables_of_counts_do_not_pile_up():
    connection = taf.explore(EVENTS)._database.connection

    def make(number: int) -> None:
        table = f'"mosaic"."preagg_{number:x}"'
        connection.execute(
            f'CREATE SCHEMA IF NOT EXISTS "mosaic"; CREATE TABLE IF NOT EXISTS {table} AS SELECT 1 AS "x"'
        )

    for number in range(KEPT):
        make(number)
    make(0)  # a choice that came back is in use again
    make(KEPT)
    there = connection.query("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'mosaic'").fetchall()
    assert {name for (name,) in there} == {f"preagg_{number:x}" for number in range(KEPT + 1) if number != 1}


def test_a_frame_that_changes_later_is_shown_as_it_was():
    events = EVENTS.copy()
    explorer = taf.explore(events)
    events["event"] = "changed"
    assert "changed" not in set(explorer.events["event"])
    selected = explorer.events
    selected["event"] = "changed"
    assert "changed" not in set(explorer.events["event"])


def test_the_browser_reaches_no_file(tmp_path):
    connection = explorers()[0]._database.connection
    with pytest.raises(duckdb.PermissionException):
        connection.execute(f"COPY events TO '{tmp_path / 'stolen.csv'}'")


@pytest.mark.parametrize(
    ("events", "error", "message"),
    [
        (EVENTS.iloc[:0], InvalidArgument, "there are none, so there is nothing to explore"),
        (EVENTS[["event"]], NotAnAuditFrame, "no column 'date'"),
        (pd.DataFrame({"a": [1]}), NotAnAuditFrame, "does not hold audit events"),
        (EVENTS.assign(date=EVENTS["date"].dt.tz_localize(None)), NotAnAuditFrame, "time zone"),
        (pl.DataFrame({"date": ["yesterday"]}), NotAnAuditFrame, "not timestamps"),
        ("te-audit/", InvalidArgument, "is a path, not a frame"),
        (7, InvalidArgument, "not a supported frame"),
        (pd.concat([EVENTS, EVENTS[["event"]]], axis=1), InvalidArgument, "two columns called 'event'"),
        (duckdb.sql("SELECT now() AS date, 'shop' AS resources"), InvalidArgument, "DuckDB cannot read them"),
    ],
)
def test_bad_input_gets_a_clear_error(events, error, message):
    with pytest.raises(error, match=message):
        taf.explore(events)


@pytest.mark.parametrize(
    ("tz", "message"),
    [
        ("Mars/Olympus", "is not a time zone"),
        ("localtime", "(DuckDB does not know|is not a time zone)"),  # not on every machine
        (dateutil.tz.gettz("Europe/Berlin"), "neither a name nor a fixed offset"),
        (timezone(timedelta(minutes=7)), "quarters of an hour"),
    ],
)
def test_a_bad_time_zone_gets_a_clear_error(tz, message):
    with pytest.raises(InvalidArgument, match=f"tz: .*{message}"):
        taf.explore(EVENTS, tz=tz)


def test_a_relation_that_cannot_be_read_any_more_gets_a_clear_error():
    with duckdb.connect() as connection:
        explorer = taf.explore(connection.from_arrow(to_arrow(EVENTS)))
    assert repr(explorer) == "<Explorer: 8 of 8 events selected>"
    with pytest.raises(InvalidArgument, match="Keep its connection open"):
        _ = explorer.events


def test_a_closed_explorer_leaves_nothing_behind():
    before = set(_instances)
    with taf.explore(EVENTS) as explorer:
        explorer._repr_mimebundle_()
        choose(explorer, event_type=[["User login."]])
        assert set(_instances) > before
    assert set(_instances) == before
    assert explorer._repr_mimebundle_() == {"text/plain": "<Explorer: closed>"}
    assert len(explorer.events) == len(run(explorer.code, events=EVENTS)) == 3
    with pytest.raises(duckdb.ConnectionException):
        explorer._database.connection.query("FROM events")
    explorer.close()
    gone = weakref.ref(explorer)
    del explorer
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_copy_gets_a_clear_error(make):
    with pytest.raises(InvalidArgument, match=r"cannot be copied or pickled.*Keep explorer\.events"):
        make(explorers()[0])


@pytest.mark.parametrize("module", ["duckdb", "mosaic_widget"])
def test_a_missing_extra_is_named(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InvalidArgument, match=r"pip install 'te-audit-frames\[explore\]'"):
        taf.explore(EVENTS)


# ---- in a browser ---------------------------------------------------------------------------------------------------

SETUP = """
import json
import pickle
import re
import te_audit_frames as taf

people = ["Ada", NAME, "Bob"]
sent = [
    {"date": f"2026-03-{1 + at // 24:02}T{at % 24:02}:30:00Z", "event": ["User login.", NAME][at % 2],
     "uid": str(at % 3), "user": people[at % 3], "aid": str(at % 2), "accountGroupName": NAME,
     "ipAddress": f"192.0.2.{at % 5}", "resources": [{"type": "testName", "name": NAME}]}
    for at in range(24 * 28)
]
events = taf.read_pages([json.dumps({"auditEvents": sent}).encode()])
explorer = taf.explore(events, tz="Europe/Berlin")
"""
READ_BACK = """
selected = explorer.events
again = eval(explorer.code)
print(json.dumps({"events": len(selected), "same": selected.equals(again), "days": selected["date"].dt.day.nunique(),
    "texts": selected["event"].unique().tolist(), "local": sorted({(day, hour) for day, hour in zip(
        selected["date"].dt.tz_convert("Europe/Berlin").dt.day_of_week,
        selected["date"].dt.tz_convert("Europe/Berlin").dt.hour)})}))
"""
VIEWS = "document.querySelectorAll('.mosaic-widget svg')"
SUMMARY = (
    "[...document.querySelectorAll('.widget-label')].map(one => one.textContent).find(text => /selected/.test(text))"
)


@pytest.mark.full
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_a_browser_without_internet_draws_the_views_and_selects(app, tmp_path):
    pytest.importorskip("nbformat")
    from support.jupyter import opened

    cells = [SETUP.replace("NAME", repr(HOSTILE)), "explorer", "explorer", READ_BACK]
    with opened(app, tmp_path, cells) as page:
        page.run_cells()
        # Shown twice, both places work, and the last choice counts.
        page.wait(f"{VIEWS}.length === 12 && document.querySelectorAll('.mosaic-widget td').length > 100")
        assert page.run(SUMMARY) == "672 of 672 events selected"

        def place(view: int) -> tuple[float, float, float, float]:
            code = f"(box => [box.x, box.y, box.width, box.height])({VIEWS}[{view}].getBoundingClientRect())"
            x, y, width, height = page.run(code)
            return x, y, width, height

        def read_back() -> dict[str, object]:
            # On a slow machine, the last step of a brush may still be on its way.
            for _ in range(10):
                shown = page.settle(SUMMARY)
                found = json.loads(page.run_last_cell())
                if shown == page.settle(SUMMARY) == f"{found['events']} of 672 events selected":
                    break
            else:
                pytest.fail(f"the views show {shown}, and the kernel has {found['events']}")
            assert found["same"]
            return found

        # Names are text, wherever they are shown.
        assert page.run(f"{VIEWS}[1].textContent").count(HOSTILE[:20]) == 1
        assert page.run("document.querySelector('.mosaic-widget table').textContent").count(HOSTILE) > 50
        assert page.run("document.querySelectorAll('.mosaic-widget img').length") == 0
        assert page.run("document.title") != "1"

        # A brush over a part of the time: the views show how many events, and the kernel selects as many.
        x, y, width, height = place(0)
        page.press(
            (x + width * 0.3, y + height / 2), (x + width * 0.4, y + height / 2), (x + width * 0.6, y + height / 2)
        )
        page.wait(f"!({SUMMARY}).startsWith('672 ')")
        found = read_back()
        brushed = found["events"]
        assert 672 * 0.2 < brushed < 672 * 0.5
        assert 8 <= found["days"] <= 14

        # A click on a bar: the time stays selected.
        x, y, *_ = place(1)
        page.press((x + 245, y + 40))
        page.wait(f"!({SUMMARY}).startsWith('{brushed} ')")
        found = read_back()
        assert abs(found["events"] - brushed / 2) <= 1
        assert len(found["texts"]) == 1
        bars = f"[...{VIEWS}[1].querySelectorAll('g[aria-label=bar] rect')]"
        assert len(set(page.run(f"{bars}.map(bar => getComputedStyle(bar).fill)"))) == 2

        # All is taken back, and hours of the week are selected.
        page.run("[...document.querySelectorAll('button')].find(one => /everything/.test(one.textContent)).click()")
        page.wait(f"({SUMMARY}).startsWith('672 ')")
        assert read_back()["events"] == 672
        page.settle(f"{VIEWS}.length")
        x, y, width, height = place(5)
        page.press(
            (x + width * 0.35, y + height * 0.3),
            (x + width * 0.5, y + height * 0.4),
            (x + width * 0.7, y + height * 0.6),
        )
        page.wait(f"!({SUMMARY}).startsWith('672 ')")
        hours = read_back()["local"]
        assert len(hours) == len({day for day, _ in hours}) * len({hour for _, hour in hours}) > 4
        assert page.hosts == {"127.0.0.1"}
