"""Which days a sync reads, and in which order."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.periods import Period
from te_audit_frames.storage.coverage import Coverage, DayRecord, Reading
from te_audit_frames.storage.day_file import midnight, name_of
from te_audit_frames.storage.scope import Scope
from te_audit_frames.storage.sync_plan import DAYS_PER_WRITE, join_days, plan_sync

FIRST = date(2026, 1, 1)
DAY = timedelta(days=1)
END = datetime(2026, 1, 11, 10, tzinfo=UTC)
DAYS = [FIRST + n * DAY for n in range(11)]
SCOPE = Scope(True, ("1",))


def read(days, read_to=END, *, is_import=False):
    """A coverage of days that were all read at one time."""
    reading = Reading(read_to, read_to, is_import, SCOPE)
    return Coverage({day: DayRecord(1, (reading,)) for day in days})


def plan(coverage, *, end=END, first=FIRST, files=None, done=()):
    names = [name_of(day) for day in (coverage.records if files is None else files)]
    return plan_sync(coverage, first=first, end=end, files=names, scope=SCOPE, lookback=timedelta(hours=72), done=done)


def test_a_first_sync_reads_everything_as_one_period():
    found = plan(Coverage())
    assert found.periods == [Period(midnight(FIRST), END)]
    assert (found.unrecorded, found.scope_days) == (set(), set())
    assert repr(found) == "SyncPlan(11 days in 1 period)"


def test_days_read_after_the_lookback_are_left_out():
    found = plan(read(DAYS))
    assert found.periods == [Period(datetime(2026, 1, 8, tzinfo=UTC), END)]
    assert found.scope_days == set(DAYS[7:])


def test_a_day_whose_file_is_gone_is_read_again():
    found = plan(read(DAYS), files=[day for day in DAYS if day != DAYS[2]])
    assert found.periods[1:] == [Period(midnight(DAYS[2]), midnight(DAYS[3]))]


def test_days_that_were_read_in_this_sync_are_left_out():
    found = plan(Coverage(), done=DAYS[3:])
    assert found.periods == [Period(midnight(FIRST), midnight(DAYS[3]))]


def test_a_file_without_a_record_is_noticed():
    assert plan(Coverage(), files=DAYS[2:4]).unrecorded == set(DAYS[2:4])


def test_imported_days_do_not_show_the_scope_of_a_token():
    assert plan(read(DAYS, is_import=True)).scope_days == set()


def test_days_that_show_the_scope_come_first_where_there_are_many_others():
    early = FIRST - (DAYS_PER_WRITE + 1) * DAY
    found = plan(read(DAYS[7:]), first=early)
    assert [period.start for period in found.periods] == [midnight(DAYS[7]), midnight(early)]
    few = plan(read(DAYS[7:]), first=FIRST)
    assert [period.start for period in few.periods] == [midnight(FIRST)]
    later = plan(read(DAYS[7:]), first=early, done=[DAYS[10]])
    assert later.periods == [Period(midnight(early), midnight(DAYS[10]))]


@given(st.sets(st.integers(0, 20)))
def test_joined_days_are_the_same_days_newest_first(numbers):
    days = {FIRST + n * DAY for n in numbers}
    end = midnight(FIRST + 20 * DAY) + timedelta(hours=5)
    periods = join_days(days, end)
    assert periods == sorted(periods, key=lambda period: period.start, reverse=True)
    assert all(one.start > other.end for one, other in pairwise(periods))
    assert all(period.end <= end for period in periods)
    touched = {
        FIRST + n * DAY
        for n in range(21)
        if any(period.start <= midnight(FIRST + n * DAY) < period.end for period in periods)
    }
    assert touched == days
