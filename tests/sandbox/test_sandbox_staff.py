"""People of the practice organisation: their names, and their places."""

import numpy as np
import pytest

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
