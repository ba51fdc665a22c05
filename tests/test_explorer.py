"""The explorer: what is selected, as a frame and as code; and the views, driven by a real browser."""

import copy
import gc
import json
import pickle
import sys
import weakref
from datetime import datetime, timedelta, timezone

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.explorers import EVENTS, HOSTILE, START, choose, explorers, rows, run

import te_audit_frames as taf
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.report.explorer_connection import FACETS
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import to_arrow

pytest.importorskip("mosaic_widget", reason="the extra explore is not installed")
_instances = pytest.importorskip("ipywidgets.widgets.widget")._instances  # all widgets that are open


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
@pytest.mark.full
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


def test_a_fixed_offset_is_a_time_zone():
    for events in (EVENTS, duckdb.from_arrow(to_arrow(EVENTS))):
        explorer = taf.explore(events, tz=timezone(timedelta(hours=5, minutes=30)))
        choose(explorer, week=[[5, 6], [0, 7]])
        assert explorer.events["date"].dt.strftime("%d %H:%M").tolist() == ["27 00:00", "28 23:45", "29 00:00"]


@pytest.mark.full
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


def test_a_frame_that_changes_later_is_shown_as_it_was():
    events = EVENTS.copy()
    explorer = taf.explore(events)
    events["event"] = "changed"
    assert "changed" not in set(explorer.events["event"])
    selected = explorer.events
    selected["event"] = "changed"
    assert "changed" not in set(explorer.events["event"])


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
