"""Names of the practice organisation: each is somebody's, and each can be used."""

import unicodedata
from collections import Counter
from zoneinfo import ZoneInfo

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.event_log import split_user

MAILBOXES = [mailbox for office in names.OFFICES for _, mailbox in office.users()]


def test_no_mailbox_is_there_twice_and_all_can_be_written():
    every = [*MAILBOXES, *(email for _, email in names.IDLE_ACCOUNTS), split_user(names.AUTOMATION, "1")[1]]
    assert [mailbox for mailbox, count in Counter(every).items() if count > 1] == []
    assert all(mailbox.isascii() and mailbox.endswith("@example.com") and " " not in mailbox for mailbox in every)


def test_every_name_is_a_given_and_a_family_name_of_its_office():
    for office in names.OFFICES:
        families = office.family_names()
        users = [name for name, _ in office.users()]
        assert len(set(users)) == len(users) == len(families) * len(office.given.split())
        assert {name.split(" ")[1] for name in users} == set(families)
        assert not any("/" in name or name != unicodedata.normalize("NFC", name) for name in users)


def test_offices_are_in_zones_and_account_groups_that_exist():
    assert len({office.zone for office in names.OFFICES}) == len(names.OFFICES)
    for office in names.OFFICES:
        assert ZoneInfo(office.zone).key == office.zone
        assert len(set(office.weekend)) == 2
    assert {office.aid for office in names.OFFICES} == set(names.ACCOUNT_GROUPS)


def test_a_bare_name_is_no_name_with_a_mailbox():
    for name in names.BARE_NAMES:
        assert split_user(name, "7") == (name, "user-7@example.com")


def test_every_kind_has_resources_enough_to_draw():
    assert len({kind.event for kind in names.KINDS}) == len(names.KINDS)
    for kind in names.KINDS:
        assert all(len(set(names.RESOURCE_NAMES[type_])) >= kind.most for type_ in kind.resources)
    assert {type_ for kind in names.KINDS for type_ in kind.resources} == set(names.RESOURCE_NAMES)


def test_only_the_administrator_changes_people():
    administrative = [names.KINDS[code].event for code in names.ADMIN_KINDS]
    assert len(administrative) == 4
    assert all(event.startswith(("User", "Role", "Account group")) for event in administrative)
    assert not set(names.ADMIN_KINDS) & {*names.HABIT_KINDS, *names.AUTOMATION_KINDS}


def test_events_whose_resources_are_given_are_told_from_those_whose_resources_are_drawn():
    drawn = {names.KINDS[code].event for code in names.HABIT_KINDS}
    given = {names.ALERT_RULE_DISABLED, names.ALERT_RULE_ENABLED, names.ROLE_ASSIGNED, names.USER_ADDED}
    assert not drawn & given
