"""Which events a second has, decided by readings in scripted pages."""

from collections import Counter

import pytest
from support.checked import NOW, SECOND, event
from support.rawserver import page as body_of

from te_audit_frames.client.decode import decode_page
from te_audit_frames.client.fetch_checks import row_counts
from te_audit_frames.client.restarts import ReadAgain
from te_audit_frames.client.whole_seconds import read_whole


def pages_of(*pages):
    return [decode_page(body_of(*(event(NOW, name) for name in names)), name="1") for names in pages]


class Readings:
    """Readings in ordinary pages, one after the other; the last one stands for all later ones."""

    def __init__(self, *readings, large=None):
        self.readings, self.large, self.asked = list(readings), large, 0

    def __call__(self, date, *, margin, largest=False, one_page=False):
        self.asked += 1
        if largest:
            return self.large and pages_of(self.large)
        pages = self.readings[0]
        if one_page:
            return pages_of(*pages) if len(pages) == 1 else None
        return pages_of(*(self.readings.pop(0) if len(self.readings) > 1 else pages))


def read(readings, seen=""):
    seen = row_counts(pages_of(seen)[0].batch) if seen else Counter()
    whole = read_whole(readings, NOW, seen, page_size=3)
    return whole and (Counter(whole.page.batch["uid"].to_pylist()), whole.is_proven)


def test_a_second_that_fits_on_a_page_takes_one_request():
    readings = Readings(["aab"])
    assert read(readings, "ab") == (Counter("aab"), True)
    assert readings.asked == 1


def test_a_page_that_lacks_what_was_seen_decides_nothing():
    assert read(Readings(["aab"]), "c") is None


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        (Readings(["abc", "de"]), ("abcde", True)),
        (Readings(["abc", "ab"], ["abd", "ce"]), ("abcde", True)),
        (Readings(["aaa", "ab"]), ("aaaab", False)),
        (Readings(["aaa", "ab"], large="aaaab"), ("aaaab", True)),
        # A large page of the ordinary size may be cut off.
        (Readings(["aaa", "ab"], large="aab"), ("aaaab", False)),
    ],
)
def test_bounds_decide_and_otherwise_two_equal_readings(readings, expected):
    assert read(readings) == (Counter(expected[0]), expected[1])


def test_equal_readings_are_not_believed_if_they_lack_seen_events_or_follow_different_ones():
    with pytest.raises(ReadAgain) as caught:
        read(Readings(["abc", "ab"]), "d")
    assert (caught.value.reason, caught.value.second) == ("shuffled", NOW)
    with pytest.raises(ReadAgain):
        read(Readings(["aab", "aab", "a"], ["aab", "abb", "a"], ["aab", "aab", "a"]))


def test_a_log_that_grows_meanwhile_is_no_shuffled_one():
    with pytest.raises(ReadAgain) as caught:
        read(Readings(*(["aaa", "a" * length] for length in range(1, 9))))
    assert caught.value.reason == "moved"


def test_events_of_other_dates_in_the_second_are_left_out():
    both = body_of(event(NOW, "a"), event(NOW + SECOND, "later"))
    whole = read_whole(lambda date, **how: [decode_page(both, name="1")], NOW, Counter(), page_size=3)
    assert whole.page.batch["uid"].to_pylist() == ["a"]
