"""Unusual hours: found by everybody's own habits, with exact evidence, and never without a history."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.histories import SOURCES, archive_of, frame, history

import te_audit_frames as taf
from te_audit_frames.schema import to_arrow

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def act(moment: datetime, uid: str | None = "7", text: str = "Test updated.", **more: object) -> dict[str, object]:
    names = {"7": "Ada", "8": "Ben"}
    return {"date": moment, "event": text, "uid": uid, "user": names.get(uid or "", "Cem")} | more


def workdays(
    until: datetime, *, count: int = 60, hours: tuple[float, ...] = (9, 14), uid: str | None = "7", **more: object
) -> list[dict[str, object]]:
    """Write a few events at these hours of each of the last working days."""
    days = [until - timedelta(days=back) for back in range(1, 400)]
    days = [day for day in days if day.weekday() < 5][:count]
    rng = random.Random(0)
    return [act(day + timedelta(hours=hour, minutes=rng.randrange(45)), uid, **more) for day in days for hour in hours]


NIGHT = act(MONDAY + timedelta(days=2, hours=2, minutes=10), text="Test deleted.")
NOON = act(MONDAY + timedelta(days=2, hours=10))


def test_an_event_at_night_is_found_and_one_by_day_is_not():
    past = frame(*workdays(MONDAY))
    found = taf.find_off_hours(frame(NIGHT), history=past)
    assert found[["uid", "user", "events", "active_days", "days_alike", "tz"]].values.tolist() == [
        ["7", "Ada", 1, 60, 0, "UTC"]
    ]
    assert found["ratio"][0] >= 8
    assert len(taf.find_off_hours(frame(NOON), history=past)) == 0


def test_nobody_is_assessed_without_a_history():
    found = taf.find_off_hours(frame(NIGHT))
    record = taf.assessed(found)
    assert (len(found), record.without_baseline, record.baseline_days) == (0, 1, 0.0)
    assert record.not_assessed == "nobody has enough history (no history was given)"


@pytest.mark.full
@pytest.mark.parametrize(("count", "hours"), [(19, (9, 10, 11, 12)), (25, (9,))])
def test_too_little_history_is_named(count, hours):
    """Nineteen days are too few, and so are 25 events."""
    past = frame(*workdays(MONDAY, count=count, hours=hours), *workdays(MONDAY, uid="8"))
    found = taf.find_off_hours(frame(NIGHT, act(NIGHT["date"], "8")), history=past)
    record = taf.assessed(found)
    assert found["uid"].tolist() == ["8"]
    assert (record.without_baseline, record.not_assessed) == (1, "")
    assert any(note.startswith("not assessed") and note.endswith(": Ada") for note in record.notes)
    enough = taf.find_off_hours(frame(NIGHT), history=past, min_days=count, min_events=count * len(hours))
    assert len(enough) == 1


def test_old_history_does_not_count():
    past = frame(*workdays(MONDAY - timedelta(days=170)))
    assert taf.assessed(taf.find_off_hours(frame(NIGHT), history=past)).without_baseline == 1
    assert len(taf.find_off_hours(frame(NIGHT), history=past, days=365)) == 1


def test_earlier_weeks_of_the_events_are_history_too():
    found = taf.find_off_hours(frame(*workdays(MONDAY), NIGHT))
    assert found["first_event"].tolist() == [NIGHT["date"]]
    assert any("weeks of a person have too little history" in note for note in taf.assessed(found).notes)


def test_a_history_that_overlaps_is_cut():
    """The history holds the night itself, many times; only what was before counts."""
    nights = [act(NIGHT["date"] + timedelta(days=day, minutes=minute)) for day in range(5) for minute in range(9)]
    found = taf.find_off_hours(frame(NIGHT), history=frame(*workdays(MONDAY), *nights))
    assert found["days_alike"].tolist() == [0]
    again = taf.find_off_hours(frame(NIGHT), history=frame(*workdays(MONDAY)))
    pd.testing.assert_frame_equal(found, again)
    assert any("no older than the first" in note for note in taf.assessed(found).notes)


@pytest.mark.full
def test_a_row_is_the_oddest_series_of_a_week():
    """Two nights with a day between are two series; without it they are one."""
    first = [act(MONDAY + timedelta(hours=25, minutes=minute)) for minute in (0, 20, 40)]
    second = [act(MONDAY + timedelta(hours=49, minutes=minute)) for minute in (5, 25)]
    past = frame(*workdays(MONDAY))
    found = taf.find_off_hours(frame(*first, *second), history=past)
    assert found["events"].tolist() == [5]
    noon = act(MONDAY + timedelta(hours=34))
    found = taf.find_off_hours(frame(*first, noon, *second), history=past)
    assert found[["events", "more"]].values.tolist() == [[3, 1]]
    next_week = act(MONDAY + timedelta(days=8, hours=21, minutes=50))
    found = taf.find_off_hours(frame(*first, *second, next_week), history=past)
    assert found[["events", "more"]].values.tolist() == [[5, 0], [1, 0]]
    other = act(MONDAY + timedelta(hours=34), "8")  # somebody else's day does not part them
    assert taf.find_off_hours(frame(*first, other, *second), history=past)["events"].tolist() == [5]


@pytest.mark.full
def test_one_odd_night_in_a_busy_week_counts_less():
    past = frame(*workdays(MONDAY))
    ratios = [
        taf.find_off_hours(frame(NIGHT, *week), history=past, ratio=1)["ratio"].max()
        for week in ([], workdays(MONDAY + timedelta(days=5), count=4))
    ]
    assert ratios[0] > ratios[1] > 8  # but a night that is odd enough is found in any week


def test_evenings_that_are_a_little_odd_add_up():
    past = frame(*workdays(MONDAY))
    evenings = [act(MONDAY + timedelta(days=day, hours=17)) for day in range(4)]
    assert len(taf.find_off_hours(frame(evenings[0]), history=past)) == 0
    assert taf.find_off_hours(frame(*evenings), history=past)["events"].tolist() == [4]


DRAWN = st.lists(
    st.tuples(
        st.integers(0, 10 * 24 * 12),
        st.sampled_from(["7", "8", None]),
        st.sampled_from(["Test updated.", "Test deleted.", None]),
    ),
    max_size=30,
)


def drawn_frame(drawn: list[tuple[int, str | None, str | None]]) -> pd.DataFrame:
    return frame(*(act(MONDAY + timedelta(minutes=5 * at), uid, text) for at, uid, text in drawn))


PAST = frame(*workdays(MONDAY), *workdays(MONDAY, uid="8", hours=(21, 23)), *workdays(MONDAY, uid=None, hours=(1, 16)))


@pytest.mark.full
@given(DRAWN, st.sampled_from([1.0, 3.0, 8.0]))
@settings(max_examples=examples(100, brief=4))
def test_evidence_is_exactly_the_events_of_a_row(drawn, ratio):
    events = drawn_frame(drawn)
    found = taf.find_off_hours(events, history=PAST, ratio=ratio)
    for _, row in found.iterrows():
        behind = taf.evidence(events, row)
        assert len(behind) == row["events"]
        assert behind["date"].agg(["min", "max"]).tolist() == [row["first_event"], row["last_event"]]
        names = events["uid"].fillna(events["user"])
        inside = events["date"].between(row["first_event"], row["last_event"])
        assert (inside & (names == (row["uid"] if pd.notna(row["uid"]) else row["user"]))).sum() == row["events"]


@pytest.mark.full
@given(DRAWN)
@settings(max_examples=examples(40, brief=3))
def test_every_library_gives_the_same(drawn):
    events = drawn_frame(drawn)
    expected = taf.find_off_hours(events, history=PAST, ratio=1)
    for make in SOURCES.values():
        found = taf.find_off_hours(make(to_arrow(events)), history=make(to_arrow(PAST)), ratio=1)
        pd.testing.assert_frame_equal(found, expected)
        assert found.attrs == expected.attrs


@pytest.mark.full
def test_an_archive_gives_the_same():
    events = frame(NIGHT, NOON, act(NOON["date"], "8"), act(NIGHT["date"], None))
    expected = taf.find_off_hours(events, history=PAST, ratio=2)
    assert len(expected) > 1
    with archive_of(events) as now, archive_of(PAST) as past:
        pd.testing.assert_frame_equal(taf.find_off_hours(now, history=past, ratio=2), expected)


def test_daylight_saving_is_followed_where_a_zone_is_given():
    """Somebody who starts at 6:00 in Berlin does so on Monday after the change too."""
    change = datetime(2026, 3, 30, tzinfo=UTC)
    before = frame(*workdays(change, hours=(5.0, 5.5)))  # 6:00 to 7:15 in winter
    local = before["date"].dt.tz_convert("Europe/Berlin")
    assert set(local.dt.hour) == {6, 7}
    summer = frame(act(change + timedelta(hours=4, minutes=10)))  # 6:10 in summer
    berlin = taf.find_off_hours(summer, history=before, tz="Europe/Berlin", ratio=1)
    assert len(berlin) == 0
    usual = [taf.usual_hours(before, tz=tz, at=change)["usual_hours"][0] for tz in ("UTC", "Europe/Berlin")]
    assert usual[0] != usual[1]
    # By the clock of Berlin, the same events after the change are what they were; in UTC they moved.
    after = frame(*workdays(change + timedelta(days=91), count=60, hours=(4.0, 4.5)))
    again = taf.usual_hours(after, tz="Europe/Berlin", at=change + timedelta(days=91))["usual_hours"][0]
    assert again == usual[1]


def test_zones_are_taken_by_person_then_by_account_group_then_utc():
    where = {"aid": "1", "account_group_name": "EMEA"}
    past = frame(
        *workdays(MONDAY, **where),
        *workdays(MONDAY, uid="8", **where),
        *workdays(MONDAY, uid="9", aid="2", account_group_name="APJ"),
    )
    tz = {"EMEA": "Europe/Berlin", "8": "Asia/Tokyo"}
    assert taf.usual_hours(past, tz=tz)["tz"].tolist() == ["Europe/Berlin", "Asia/Tokyo", "UTC"]
    now = frame(*(act(NIGHT["date"], uid) for uid in "789"))
    found = taf.find_off_hours(now, history=past, tz=tz | {"Mars": "UTC"}, ratio=1)
    assert dict(zip(found["uid"], found["tz"], strict=True)).items() <= {
        "7": "Europe/Berlin", "8": "Asia/Tokyo", "9": "UTC"
    }.items()  # fmt: skip
    notes = taf.assessed(found).notes
    assert any(note.startswith("1 person has no zone") for note in notes)
    assert any("'Mars'" in note for note in notes)


def test_nothing_gives_no_rows_of_the_same_types():
    some = taf.find_off_hours(frame(NIGHT), history=PAST)
    none = taf.find_off_hours(frame(), history=PAST)
    assert len(none) == 0 < len(some)
    assert none.dtypes.equals(some.dtypes)
    assert taf.assessed(none).not_assessed == "there are no events"
    assert len(taf.usual_hours(frame())) == 0


def test_events_that_name_nobody_are_left_out_and_counted():
    nobody = [{**row, "uid": None, "user": None} for row in workdays(MONDAY)]
    found = taf.find_off_hours(frame({**NIGHT, "uid": None, "user": None}), history=frame(*nobody))
    assert len(found) == 0
    assert "1 event names nobody" in taf.assessed(found).notes


def test_dates_before_1970_and_far_ahead_do_no_harm():
    odd = [act(datetime(1955, 11, 5, 6, tzinfo=UTC)), act(datetime(2190, 1, 1, tzinfo=UTC))]
    found = taf.find_off_hours(frame(*workdays(MONDAY), NIGHT, *odd))
    assert NIGHT["date"] in found["first_event"].tolist()


def test_usual_hours_list_everybody_and_say_who_is_assessed():
    past = frame(*workdays(MONDAY), *workdays(MONDAY, uid="8", count=10))
    listed = taf.usual_hours(past)
    assert listed["uid"].tolist() == ["7", "8"]
    assert listed["assessed"].tolist() == [True, False]
    assert listed["active_days"].tolist() == [60, 10]
    assert listed["usual_hours"][1] == ""
    assert 5 < listed["hours"][0] < 18
    assert pd.isna(listed["hours"][1])
    early = taf.usual_hours(past, at=MONDAY - timedelta(days=365))
    assert early["events"].tolist() == [0, 0]


@pytest.mark.full
@pytest.mark.few(count=1)
@pytest.mark.parametrize("name", ["timesketch", "detection-rules"])
def test_people_whom_nobody_attacked_are_rarely_found(name):
    events = history(name)
    days = events["date"].dt.floor("D")
    totals = events.assign(day=days).groupby("uid").agg(events=("date", "size"), days=("day", "nunique"))
    chosen = events[events["uid"].isin(totals.index[(totals["events"] >= 60) & (totals["days"] >= 30)])]
    found = taf.find_off_hours(chosen)
    note = next(note for note in taf.assessed(found).notes if "weeks of a person" in note)
    unknown, everything = (int(word.replace(",", "")) for word in (note.split()[0], note.split()[2]))
    weeks = everything - unknown
    assert weeks > 400
    assert 0 < len(found) <= 0.035 * weeks
