"""People of the practice organisation, and the events drawn for them."""

import numpy as np
import pytest

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.event_codes import EventCodes
from te_audit_frames.sandbox.random_events import generate_events
from te_audit_frames.sandbox.staff import ADDRESSES_EACH, ADMIN, AUTOMATION, Staff


@pytest.fixture(scope="module")
def staff():
    return Staff(np.random.default_rng(4), headcount=60)


def test_everyone_has_a_uid_of_their_own_and_keeps_it(staff):
    identities = staff.identities()
    before, after = identities[:60], identities[60:]
    assert len({uid for uid, _ in before}) == 60
    assert [uid for uid, _ in before] == [uid for uid, _ in after]
    renamed = [person for person in range(60) if before[person] != after[person]]
    assert len(renamed) == 2 + 60 // 25
    assert ADMIN not in renamed
    assert AUTOMATION not in renamed


def test_a_renamed_person_keeps_the_mailbox(staff):
    for (_, old), (_, new) in zip(staff.identities()[:60], staff.identities()[60:], strict=True):
        assert old.partition(" (")[2] == new.partition(" (")[2]


def test_usual_places_belong_to_their_person_and_odd_ones_to_nobody(staff):
    rng = np.random.default_rng(1)
    who = rng.integers(0, 60, 500)
    assert (staff.usual_places(rng, who) // ADDRESSES_EACH == who).all()
    odd = staff.odd_places(rng, 500)
    assert odd.min() >= 60 * ADDRESSES_EACH
    assert odd.max() < len(staff.addresses)


@pytest.mark.parametrize("events", [0, 1, 2, 50, 3_000])
def test_exactly_so_many_events_are_drawn_in_order_and_in_range(staff, events):
    drawn = generate_events(np.random.default_rng(0), events, staff, 1_700_000_000, 1_700_600_000)
    assert len(drawn.date) == events
    assert (np.diff(drawn.date) >= 0).all()
    assert ((drawn.date >= 1_700_000_000) & (drawn.date < 1_700_600_000)).all()
    assert drawn.kind.max(initial=0) < len(names.KINDS)
    assert drawn.where.max(initial=0) < len(staff.addresses)


def test_only_the_administrator_does_an_administrators_work(staff):
    drawn = generate_events(np.random.default_rng(0), 5_000, staff, 1_700_000_000, 1_702_000_000)
    done = drawn.take(np.isin(drawn.kind, names.ADMIN_KINDS))
    assert set(done.who.tolist()) <= {ADMIN}


def test_joined_events_are_the_rows_of_all_parts():
    part = EventCodes(*(np.array([n, n + 10]) for n in range(5)))
    joined = EventCodes.join([part, part.take(np.array([1]))])
    assert joined.date.tolist() == [0, 10, 10]
    assert joined.where.tolist() == [4, 14, 14]
