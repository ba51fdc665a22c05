"""The layout of an explorer: which views it has, and which of them filter which."""

import json

import pytest

from te_audit_frames.report.explorer_spec import TOP, make_spec

ALL = {"event_type": 3, "person": 100, "account_group": 1, "address": TOP}


def flat(spec):
    return [view for row in spec["vconcat"] for view in row.get("hconcat", [row])]


def test_every_view_filters_all_others_and_is_filtered_by_them():
    spec = json.loads(json.dumps(make_spec(ALL, dated=True, resources=True, zone="UTC")))
    choices = {name for name in spec["params"] if name != "all"}
    assert choices == {f"by_{view}" for view in ("time", "week", *ALL)}
    assert {name.removeprefix("$") for name in spec["params"]["all"]["include"]} == choices
    made = {mark["as"] for view in flat(spec) for mark in view.get("plot", []) if "as" in mark}
    assert made == {f"${name}" for name in choices}
    data = [
        mark["data"] for view in flat(spec) for mark in view.get("plot", [view]) if "filterBy" in mark.get("data", {})
    ]
    assert len(data) == len(choices)


def test_undated_events_have_no_time_and_no_week():
    spec = make_spec(ALL, dated=False, resources=False, zone="UTC")
    assert not {"by_time", "by_week"} & set(spec["params"])
    assert "time" not in flat(spec)[-1]["columns"]
    assert "resources" not in flat(spec)[-1]["columns"]


def test_events_of_dates_alone_are_shown():
    spec = make_spec({}, dated=True, resources=False, zone="UTC")
    assert flat(spec)[-1]["columns"] == ["time"]
    assert len(flat(spec)) == 3


@pytest.mark.parametrize(("count", "bars"), [(1, 1), (TOP, TOP), (TOP + 1, TOP), (100_000, TOP)])
def test_bars_have_room_for_as_many_as_there_are_and_no_more_than_the_most(count, bars):
    spec = make_spec({"person": count}, dated=False, resources=False, zone="UTC")
    view = flat(spec)[0]
    assert view["plot"][0]["sort"]["limit"] == bars
    assert (
        view["height"]
        == make_spec({"person": bars}, dated=False, resources=False, zone="UTC")["vconcat"][0]["hconcat"][0]["height"]
    )


def test_facets_are_in_rows_of_two_and_every_column_has_its_width():
    spec = make_spec(ALL, dated=True, resources=True, zone="UTC")
    assert [len(row["hconcat"]) for row in spec["vconcat"] if "hconcat" in row] == [2, 2]
    rows = flat(spec)[-1]
    assert list(rows["width"]) == rows["columns"] == ["time", *ALL, "resources"]


def test_the_zone_of_the_hours_is_said():
    spec = make_spec({}, dated=True, resources=False, zone="Asia/Kathmandu")
    assert any("Asia/Kathmandu" in view.get("xLabel", "") for view in flat(spec))
