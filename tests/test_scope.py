"""Whose events a token sees. Whole syncs with narrower tokens are in `test_archive.py`."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.schema import ARROW_SCHEMA
from te_audit_frames.storage.scope import Scope, ScopeObserver, group_names, groups_of

NAMES = st.lists(st.sampled_from("abc"), unique=True).map(tuple)
SCOPES = st.builds(Scope, st.booleans(), NAMES, NAMES, st.booleans())


def rows(*events):
    return pa.Table.from_pylist([dict(zip(("aid", "uid"), event, strict=True)) for event in events], ARROW_SCHEMA)


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (Scope(True), "all account groups"),
        (Scope(False), "login account group"),
        (Scope(True, ("1",), ("2", "3")), "all account groups, without 2, 3"),
        (Scope(False, own_log_only=True), "login account group, own log only"),
    ],
)
def test_a_scope_says_what_it_is(scope, text):
    assert str(scope) == text
    assert scope.is_narrowed is ("," in text)


@given(SCOPES, SCOPES, SCOPES)
def test_covering_is_an_order(a, b, c):
    assert a.covers(a)
    if a.covers(b) and b.covers(c):
        assert a.covers(c)
    assert Scope(True, ("a", "b", "c")).covers(a)


def observe(fetched, archived, before=None, *, all_account_groups=True):
    observer = ScopeObserver(all_account_groups, before or Scope(all_account_groups))
    observer.add_fetched(rows(*fetched))
    observer.add_archived(rows(*archived))
    return observer


def test_a_group_that_the_archive_has_and_the_token_does_not_bring_is_missing():
    observer = observe([("1", "ada"), ("1", "bob")], [("1", "ada"), ("2", "bob")])
    assert observer.scope == Scope(True, ("1",), ("2",))
    assert repr(observer) == "ScopeObserver(all account groups, without 2)"
    assert observer.could_see(rows(("1", "x"), ("2", "x"), (None, "x"))).to_pylist() == [True, False, True]


def test_a_missing_group_stays_missing_until_it_is_seen_again():
    before = Scope(True, ("1",), ("2",))
    assert observe([("1", "ada"), ("1", "bob")], [], before).scope == before
    assert observe([("2", "ada"), ("1", "bob")], [], before).scope == Scope(True, ("1", "2"))


def test_one_persons_events_where_the_archive_has_others_are_the_own_log():
    observer = observe([("1", "ada")], [("1", "ada"), ("1", "bob")])
    assert observer.scope.own_log_only
    assert observer.could_see(rows(("1", "ada"), ("1", "bob"))).to_pylist() == [True, False]
    assert not observe([("1", "ada")], [("1", "ada")]).scope.own_log_only
    assert not observe([("1", "ada"), ("1", "bob")], [("1", "cy")]).scope.own_log_only


def test_an_id_that_was_filled_in_later_is_no_other_group_or_person():
    archived = pa.Table.from_pylist([{"account_group_name": "Team", "user": "Ada"}], ARROW_SCHEMA)
    fetched = pa.Table.from_pylist(
        [{"aid": "1", "account_group_name": "Team", "uid": "7", "user": "Ada"}], ARROW_SCHEMA
    )
    observer = ScopeObserver(True, Scope(True))
    observer.add_fetched(fetched)
    observer.add_archived(archived)
    assert not observer.scope.is_narrowed
    assert observer.could_see(archived).to_pylist() == [True]


def test_a_group_is_named_by_its_aid_or_else_its_name():
    events = [{"aid": "1", "account_group_name": "Team"}, {"account_group_name": "Ops"}, {}]
    table = pa.Table.from_pylist(events, ARROW_SCHEMA)
    assert groups_of(table).to_pylist() == ["1", "Ops", None]
    assert group_names(table) == {"1", "Ops"}
