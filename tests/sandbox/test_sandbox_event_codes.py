"""Events as codes, and kinds of events with given resources."""

import numpy as np
import pytest

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.event_codes import EventCodes, GivenKinds


def test_joined_events_are_the_rows_of_all_parts():
    part = EventCodes(*(np.array([n, n + 10]) for n in range(5)))
    joined = EventCodes.join([part, part.take(np.array([1]))])
    assert joined.date.tolist() == [0, 10, 10]
    assert joined.where.tolist() == [4, 14, 14]


def test_rows_become_columns_and_no_rows_become_empty_ones():
    codes = EventCodes.of([(1, 2, 3, 4, 5), (6, 7, 8, 9, 10)])
    assert [getattr(codes, name).tolist() for name in ("date", "who", "group", "kind", "where")] == [
        [1, 6], [2, 7], [3, 8], [4, 9], [5, 10],
    ]  # fmt: skip
    assert len(EventCodes.of([])) == len(EventCodes.join([EventCodes.of([])] * 2)) == 0
    assert EventCodes.of([]).date.dtype == np.int64


def test_rows_are_taken_by_a_mask_and_by_positions_in_any_order():
    codes = EventCodes.of([(n, n, n, n, n) for n in range(4)])
    assert codes.take(np.array([True, False, False, True])).who.tolist() == [0, 3]
    assert codes.take(np.array([3, 0, 3])).where.tolist() == [3, 0, 3]


def test_parts_of_different_columns_cannot_be_joined_to_nothing():
    with pytest.raises(ValueError, match="concatenate"):
        EventCodes.join([])


def test_every_kind_has_one_code_behind_those_of_the_drawn_kinds():
    kinds = GivenKinds()
    given = [("Test deleted.", ("testName", "VPN")), ("Test deleted.", ("testName", "DNS")), ("Test deleted.",)]
    codes = [kinds.code(*each) for each in [*given, *given]]
    assert codes[:3] == codes[3:] == [len(names.KINDS) + number for number in range(3)]
    assert [event for event, _ in kinds] == ["Test deleted."] * 3
    assert [resources for _, resources in kinds] == [(("testName", "VPN"),), (("testName", "DNS"),), ()]
