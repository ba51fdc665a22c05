"""Memberships: who has which roles where, and who is an admin."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from support.directories import ADMIN, PLAIN, Directory, fetch, member, roles_of, row, user

import te_audit_frames as taf
from te_audit_frames.client.directory_answers import UserRecord
from te_audit_frames.client.memberships import joined

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("listed", "roles", "expected"),
    [
        ([ADMIN, PLAIN], [PLAIN], False),
        ([ADMIN, PLAIN], [PLAIN, ADMIN], True),
        ([ADMIN, PLAIN], [{"roleId": "1"}], True),
        ([ADMIN, PLAIN], [{"roleId": "2", "name": "Renamed"}], False),
        # Same name, other id: the id counts.
        ([ADMIN, PLAIN], [{"roleId": "2", "name": "Account Admin"}], False),
        ([PLAIN], [PLAIN, {"roleId": "9", "name": "Unheard of"}], None),
        ([PLAIN], [ADMIN], True),  # the list of roles does not have it, and the membership says it itself
        ([{**PLAIN, "hasManagementPermissions": None}], [PLAIN], None),
        ([ADMIN, {**PLAIN, "hasManagementPermissions": None}], [PLAIN, ADMIN], True),
        ([ADMIN, PLAIN], [], False),
    ],
)
def test_an_admin_has_a_role_with_management_permissions(listed, roles, expected):
    directory = Directory()
    directory["roles"] = {"roles": listed}
    directory["account-groups/1"] = directory.members("1", member("7", *roles))
    found = row(fetch(directory), "7")["is_admin"]
    assert (None if pd.isna(found) else bool(found)) is expected


def test_nobody_is_called_no_admin_whose_account_groups_are_not_all_seen():
    directory = Directory()
    elsewhere = {"loginAccountGroup": {"aid": "99", "accountGroupName": "Elsewhere"}}
    directory["users"] = {"users": [user("7", **elsewhere), user("8", **elsewhere), user("9")]}
    users = fetch(directory)
    assert row(users, "7")["is_admin"]
    assert pd.isna(row(users, "8")["is_admin"])
    assert pd.isna(row(users, "9")["is_admin"])  # in none of the account groups that the token sees
    assert list(row(users, "9")["memberships"]) == []
    (note,) = taf.directory_receipt(users).notes
    assert note == "people who log in to an account group whose members could not be read: 2"


def test_roles_without_a_name_go_by_the_list_of_roles():
    directory = Directory()
    directory["account-groups/1"] = directory.members("1", member("7", {"roleId": "1"}, {"roleId": "77"}))
    assert roles_of(fetch(directory), "7") == {"1": ["Account Admin", "77"]}


def test_two_records_of_a_person_fill_each_others_gaps():
    bare = UserRecord("7", None, None, None, None)
    full = UserRecord("7", "Ada", "ada@example.com", NOW, NOW, login_aid="99")
    assert joined(bare, full) == joined(full, bare) == full
