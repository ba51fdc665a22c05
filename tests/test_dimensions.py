"""The argument `by`: which columns each name stands for, and which names are refused."""

import pytest

import te_audit_frames as taf
from te_audit_frames.analysis.dimensions import DIMENSIONS, RESULT_COLUMNS, SPELLINGS, list_countable, parse_by
from te_audit_frames.schema import COLUMNS


@pytest.mark.parametrize("name", DIMENSIONS)
def test_a_name_stands_for_its_dimension(name):
    assert parse_by(name, COLUMNS) == [DIMENSIONS[name]]


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS.items())
def test_other_spellings_mean_the_same(spelling, name):
    assert parse_by(spelling, COLUMNS) == [DIMENSIONS[name]]


def test_the_order_of_the_caller_is_kept():
    assert [each.name for each in parse_by(["event", "network", "user"], [*COLUMNS, "network"])] == [
        *("event", "network", "user")
    ]
    assert parse_by(("event", "user"), COLUMNS) == parse_by(["event", "user"], COLUMNS)


def test_a_column_of_the_frame_comes_before_a_spelling():
    (own,) = parse_by("event_type", ["date", "event", "event_type"])
    assert (own.key, own.label) == ("event_type", None)


@pytest.mark.parametrize(
    ("columns", "key", "label"),
    [(["uid", "user"], "uid", "user"), (["uid"], "uid", None), (["user"], "user", None)],
)
def test_a_user_needs_only_one_of_the_two_columns(columns, key, label):
    (user,) = parse_by("user", ["date", *columns])
    assert (user.key, user.label) == (key, label)
    assert list(user.columns.values()) == [name for name in (key, label) if name]
    assert user.identity == ([user.group_key, user.stand_in] if label else [user.group_key])


def test_grouping_columns_never_have_the_name_of_a_computed_column():
    names = {name for each in DIMENSIONS.values() for name in [*each.columns, each.stand_in]}
    assert not names & {*RESULT_COLUMNS, "first", "last", "step", "distinct", "date"}


@pytest.mark.parametrize(
    "by", ["nothing", "", None, 3, [], ["user", "user"], ["user", "uid"], ["user", None], [["user"]]]
)
def test_other_names_are_refused(by):
    with pytest.raises(taf.InvalidArgument, match=r'^by: .*For example by="user"\.$'):
        parse_by(by, COLUMNS)


@pytest.mark.parametrize("name", sorted(RESULT_COLUMNS))
def test_a_name_that_the_result_needs_is_refused_with_advice(name):
    with pytest.raises(taf.InvalidArgument, match=rf"^by: .*'{name}'.*my_{name}"):
        parse_by(name, [*COLUMNS, name])


def test_a_dimension_without_columns_is_named():
    with pytest.raises(taf.NotAnAuditFrame, match="no column 'uid'") as caught:
        parse_by("user", ["date", "event"])
    assert caught.value.missing == ["uid"]


def test_what_is_grouped_by_is_not_counted():
    grouped = parse_by(["user", "event"], COLUMNS)
    assert [each.counted_as for each in list_countable(COLUMNS, grouped)] == ["account_groups", "ip_addresses"]
    assert [each.key for each in list_countable(["date", "account_group_name"], grouped)] == ["account_group_name"]
