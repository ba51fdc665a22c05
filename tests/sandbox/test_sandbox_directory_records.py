"""People of the practice directory, their roles and their permissions."""

import pytest

from te_audit_frames.sandbox.directory_records import (
    ACCOUNT_ADMIN,
    ORGANIZATION_ADMIN,
    PERMISSIONS,
    READ_ONLY,
    REGULAR_USER,
    ROLES,
    Person,
    Role,
)


def person(**changed):
    return Person("7", "Ada", "ada@example.com", "1", 0, None, **changed)


def test_ids_and_names_are_there_once():
    for values in (
        [permission.permission_id for permission in PERMISSIONS],
        [permission.permission for permission in PERMISSIONS],
        [role.role_id for role in ROLES],
        [role.name for role in ROLES],
    ):
        assert len(set(values)) == len(values)


def test_every_permission_of_a_role_exists():
    for role in ROLES:
        assert [permission.permission_id for permission in role.permissions] == list(role.permission_ids)
    assert Role("1", "x", ("99",)).permissions == []


def test_a_role_manages_if_one_of_its_permissions_does():
    assert [role.is_management for role in ROLES] == [True, True, False, False, False]
    assert not Role("1", "x", ()).is_management


def test_roles_of_an_account_group_come_before_those_of_everywhere_and_each_once():
    both = person(roles={"1": (REGULAR_USER, ACCOUNT_ADMIN)}, everywhere=(ORGANIZATION_ADMIN, REGULAR_USER))
    assert both.roles_in("1") == [REGULAR_USER, ACCOUNT_ADMIN, ORGANIZATION_ADMIN]
    assert both.roles_in("2") == [ORGANIZATION_ADMIN, REGULAR_USER]


@pytest.mark.parametrize(
    ("somebody", "groups"),
    [
        (person(), []),
        (person(roles={"1": (READ_ONLY,)}), ["1"]),
        (person(roles={"1": ()}), ["1"]),
        (person(everywhere=(READ_ONLY,)), ["1", "2"]),
    ],
)
def test_who_has_a_role_everywhere_is_in_every_account_group(somebody, groups):
    assert [aid for aid in ("1", "2") if somebody.is_in(aid)] == groups
