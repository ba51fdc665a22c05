"""Rows of a check as a table, and what the check examined as lines."""

import pandas as pd
import pytest

import te_audit_frames as taf
from te_audit_frames.cli.find_text import FIRST_COLUMNS, order_columns, show_rows
from te_audit_frames.cli.output import Output
from te_audit_frames.cli.reading import Where
from te_audit_frames.cli.terminal import table

EVENTS = taf.read_pages([b'{"auditEvents": [{"date": "2026-03-01T12:00:00Z", "event": "User login.", "uid": "7"}]}'])


def test_a_table_of_80_columns_has_the_uid_and_drops_columns_without_values_first(capsys):
    login = pd.Timestamp("2025-06-19T00:00:00Z").as_unit("us")
    people = {"uid": ["1000008"], "name": ["Benjamin Featherstone"], "email": ["benjamin@example.com"]}
    users = pd.DataFrame(
        people | {"registered": [login], "last_login": [login], "fetched_at": [login.replace(year=2026)]}
    )
    rows = taf.find_dormant_users(users, taf.read_pages([b'{"auditEvents": []}']))
    Output("table").show(rows, first=order_columns(rows, FIRST_COLUMNS["find_dormant_users"]))
    head, row, rest = capsys.readouterr().out.splitlines()
    assert head.split() == ["user", "uid", "status", "silent_days", "last_login"]
    assert " 1000008 " in row
    assert rest.endswith("is_admin, last_event, first_event, event_texts)")  # it has nothing but empty lists
    assert table(rows[["uid", "event_texts"]]).split() == ["uid", "event_texts", "1000008", "(none)"]


def test_a_table_of_each_check_begins_with_columns_that_the_check_has():
    checks = (
        "find_runs find_failed_logins find_sessions find_off_hours find_new_addresses find_access_changes "
        "find_monitoring_changes classify_actors"
    )
    grouped = {
        "find_runs": [{"by": name} for name in ("user", "account_group", "ip_address")],
        "find_failed_logins": [{"by": name} for name in ("user", "ip_address")],
    }
    assert set(FIRST_COLUMNS) == {*checks.split(), "find_dormant_users"}
    for check in checks.split():
        columns = {name for by in grouped.get(check, [{}]) for name in getattr(taf, check)(EVENTS, **by).columns}
        assert set(FIRST_COLUMNS[check].split()) <= columns


@pytest.mark.parametrize("quiet", [False, True])
def test_what_was_not_assessed_is_said_in_any_case(quiet, capsys):
    where = Where((), tz="Asia/Kolkata")
    show_rows(lambda: taf.find_new_addresses(EVENTS), where, Output("table"), quiet=quiet)
    out, err = capsys.readouterr()
    assert ("(not assessed)" in out) is not quiet
    examined = "Examined: 1 event of 1 person, from 2026-03-01T17:30:00+05:30 to 2026-03-01T17:30:00+05:30."
    assert (examined in err) is not quiet
    assert "Not assessed: no --history was given." in err.splitlines()


def test_without_rows_nothing_was_found_and_quiet_is_silent(capsys):
    where = Where((), tz="UTC")
    show_rows(lambda: taf.find_runs(EVENTS), where, Output("table"), quiet=False)
    assert "(nothing found)" in capsys.readouterr().out
    show_rows(lambda: taf.find_runs(EVENTS), where, Output("table"), quiet=True)
    assert capsys.readouterr() == ("", "")
