"""Accounts of the practice organisation: their roles, and what changes when."""

import numpy as np
import pytest

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.characters import draw_cast
from te_audit_frames.sandbox.directory_records import ACCOUNT_ADMIN, ORGANIZATION_ADMIN, PROVISIONING, REGULAR_USER
from te_audit_frames.sandbox.local_days import LocalDays
from te_audit_frames.sandbox.staff import ADMIN, AUTOMATION, Staff
from te_audit_frames.sandbox.staff_accounts import Accounts

FIRST, HEADCOUNT = 1_700_000_000, 30
STOP = FIRST + 100 * 86_400
IDLE = len(names.IDLE_ACCOUNTS)


@pytest.fixture(scope="module")
def staff():
    return Staff(np.random.default_rng(4), headcount=HEADCOUNT)


def people(staff, now=STOP, *, seed=0, last_logins=None, groups=None, **more):
    accounts = Accounts(staff, seed=seed, first=FIRST, stop=STOP, **more)
    return accounts.people(now, last_logins=last_logins or {}, groups=groups or {})


def test_everybody_has_an_account_made_before_the_log_and_a_few_accounts_are_idle(staff):
    everybody = people(staff)
    assert len({person.uid for person in everybody}) == len(everybody) == HEADCOUNT + IDLE
    assert len({person.email for person in everybody}) == len(everybody)
    assert all(person.registered < FIRST for person in everybody)
    assert [person.name for person in everybody[HEADCOUNT:]] == [name for name, _ in names.IDLE_ACCOUNTS]
    assert [person.last_login is None for person in everybody[HEADCOUNT:]] == [False] * (IDLE - 1) + [True]
    assert all(person.last_login < FIRST - 199 * 86_400 for person in everybody[HEADCOUNT:-1])


def test_the_same_seed_makes_the_same_accounts_and_another_one_others(staff):
    assert people(staff) == people(staff)
    assert people(staff, seed=1) != people(staff)
    assert [person.uid for person in people(staff, seed=1)[:HEADCOUNT]] == [
        uid for uid, _ in staff.identities()[:HEADCOUNT]
    ]


def test_the_administrator_and_the_automation_have_their_roles_everywhere(staff):
    everybody = people(staff, groups={ADMIN: {"2071"}})
    assert everybody[ADMIN].everywhere == (ORGANIZATION_ADMIN,)
    assert everybody[AUTOMATION].everywhere == (PROVISIONING,)
    assert everybody[ADMIN].roles == everybody[AUTOMATION].roles == {}
    assert everybody[AUTOMATION].last_login is None


def test_the_others_have_a_role_at_home_and_wherever_they_have_events(staff):
    groups = {person: {"2071", "4415"} for person in range(HEADCOUNT)}
    for person in people(staff, groups=groups)[:HEADCOUNT]:
        if not person.everywhere:
            assert set(person.roles) == {person.login_aid, "2071", "4415"}
            assert all(roles[-1] == REGULAR_USER for roles in person.roles.values())
            assert {aid for aid, roles in person.roles.items() if ACCOUNT_ADMIN in roles} <= {person.login_aid}


def test_a_log_in_of_the_log_is_later_than_one_before_it(staff):
    before, after = people(staff), people(staff, last_logins={2: FIRST + 7, AUTOMATION: FIRST + 8})
    assert before[2].last_login < FIRST
    assert after[2].last_login == FIRST + 7
    assert after[AUTOMATION].last_login == FIRST + 8
    assert before[3] == after[3]


def test_a_name_changes_at_its_second_and_nothing_else_does(staff):
    renamed = staff.renamed_at(FIRST, STOP)
    person = int(np.argmin(renamed))
    at = int(renamed[person])
    old, new = (people(staff, now)[person] for now in (at - 1, at))
    assert old.name != new.name
    assert (old.uid, old.email, old.roles) == (new.uid, new.email, new.roles)


def test_a_joiner_is_there_from_the_second_at_which_the_account_is_made(staff):
    joined = {7: FIRST + 100}
    assert len(people(staff, FIRST + 99, joined=joined)) == HEADCOUNT + IDLE - 1
    assert staff.identities()[7][0] not in {person.uid for person in people(staff, FIRST + 99, joined=joined)}
    assert len(people(staff, FIRST + 100, joined=joined)) == HEADCOUNT + IDLE


def test_a_role_that_is_granted_counts_from_its_second_on(staff):
    granted = {8: FIRST + 100}
    before, after = (people(staff, FIRST + at, granted_at=granted)[8] for at in (99, 100))
    assert ORGANIZATION_ADMIN not in before.everywhere
    assert after.everywhere == (ORGANIZATION_ADMIN,)
    assert after.roles == before.roles


def test_the_parts_of_a_history_have_the_accounts_that_they_need(staff):
    cast = draw_cast(np.random.default_rng(1), staff, LocalDays(staff, FIRST, STOP), FIRST, STOP)
    joined = dict.fromkeys(cast.joiners, FIRST + 100)
    everybody = people(staff, cast=cast, joined=joined)
    for part in (cast.leaver, cast.climber):
        assert ACCOUNT_ADMIN in everybody[part].roles[everybody[part].login_aid]
    dormant = everybody[cast.dormant]
    assert dormant.last_login <= cast.dormant_since
    assert dormant.registered <= dormant.last_login - 30 * 86_400
    for joiner in cast.joiners:
        assert (everybody[joiner].registered, everybody[joiner].last_login) == (FIRST + 100, None)
