"""Seams: what two neighbouring slices both read, and the windows around their cuts."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rawserver import page

from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.epoch import instant, seconds_of
from te_audit_frames.client.seams import Seams
from te_audit_frames.client.slicing import Slicing
from te_audit_frames.periods import iso

LENGTH = 1_000
PAGE = 10


def batch_of(seconds):
    events = [{"date": iso(instant(int(second))), "uid": str(second)} for second in seconds]
    return decode_page(page(*events), name="1").batch


def read(slicing, seams, part, seconds, *, more=True):
    """Receive one page of a slice, as a reading does."""
    batch = batch_of(seconds)
    _, finished = slicing.receive(part, seconds_of(batch), more=more)
    seams.note(part, batch, seconds_of(batch))
    return finished


def read_whole_log(*, newest, workers=4):
    """Read one event a second in slices, to the end."""
    slicing = Slicing(0, LENGTH, workers=workers)
    seams = Seams(slicing)
    dates = {}

    def rest_of(part):
        low, high = (part.low, part.high) if part is not first else (0, LENGTH)
        found = range(low, high)
        return iter(found[::-1] if newest else found)

    first = slicing.whole
    dates[first] = rest_of(first)
    waiting = [first]
    while waiting:
        part = waiting.pop(0)
        seconds = list(itertools.islice(dates[part], PAGE))
        if not read(slicing, seams, part, np.array(seconds), more=len(seconds) == PAGE):
            waiting.append(part)
        for new in slicing.cut(workers - len(waiting)):
            dates[new] = rest_of(new)
            waiting.append(new)
    return slicing, seams


@pytest.mark.parametrize("newest", [True, False])
def test_both_sides_of_every_cut_have_the_same_rows(newest):
    _, seams = read_whole_log(newest=newest)
    assert seams.exist
    overlaps = seams.overlaps()
    assert overlaps
    for beyond, got in overlaps:
        assert beyond.num_rows > 0
        assert set(beyond["uid"].to_pylist()) <= set(got["uid"].to_pylist())


@pytest.mark.few(count=2)
@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_windows_hold_all_rows_of_their_range(newest, number):
    _, seams = read_whole_log(newest=newest)
    windows = seams.windows(number)
    assert 1 <= len(windows) <= number
    for window in windows:
        assert window.high - window.low == 6  # three rows on each side, a third of a page
        assert sorted(map(int, window.rows["uid"].to_pylist())) == list(range(window.low, window.high))


def cut_once(*, beyond):
    """Cut a log after two pages, and read the newer slice to its end, at most so many rows beyond the cut."""
    slicing = Slicing(0, LENGTH, workers=2)
    seams = Seams(slicing)
    whole = slicing.whole
    read(slicing, seams, whole, range(999, 989, -1))
    read(slicing, seams, whole, range(989, 979, -1))
    (new,) = slicing.cut(1)
    rest = range(979, new.high - beyond, -1)
    for start in range(0, len(rest), PAGE):
        if read(slicing, seams, whole, rest[start : start + PAGE]):
            break
    return slicing, seams, new


def test_a_lost_row_shows_as_a_difference_between_the_sides():
    slicing, seams, new = cut_once(beyond=15)
    top = new.high  # the first second behind the cut
    read(slicing, seams, new, [second for second in range(top - 1, top - 11, -1) if second != top - 3])
    read(slicing, seams, new, range(top - 11, top - 21, -1))
    ((beyond, got),) = seams.overlaps()
    assert str(top - 3) in beyond["uid"].to_pylist()
    assert str(top - 3) not in got["uid"].to_pylist()


def test_rows_after_the_remembered_pages_are_not_compared():
    slicing, seams, new = cut_once(beyond=30)
    top = new.high
    for start in range(top - 1, top - 13, -2):  # pages so short that three of them hold less than was read beyond
        read(slicing, seams, new, range(start, start - 2, -1))
    ((beyond, got),) = seams.overlaps()
    assert 0 < beyond.num_rows < 6
    assert set(beyond["uid"].to_pylist()) <= set(got["uid"].to_pylist())


def test_without_a_cut_there_is_no_seam():
    slicing = Slicing(0, LENGTH, workers=1)
    seams = Seams(slicing)
    read(slicing, seams, slicing.whole, range(999, 989, -1), more=False)
    assert (seams.exist, seams.overlaps(), seams.windows(3)) == (False, [], [])


@pytest.mark.full
@given(st.integers(1, 5))
def test_windows_are_at_different_cuts(number):
    _, seams = read_whole_log(newest=True)
    windows = seams.windows(number)
    assert len({(window.low, window.high) for window in windows}) == len(windows)
