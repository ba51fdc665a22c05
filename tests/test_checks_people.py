"""Who people are: by `uid`, else by `user`; and which texts name them."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from te_audit_frames.checks.people import (
    find_people,
    group_people,
    identities_of,
    matches_text,
    names_of,
    number_people,
    plain_texts,
)

UIDS, USERS = st.sampled_from(["7", "8", "", None]), st.sampled_from(["Ada", "Ben", "7", "", None])
PAIRS = st.lists(st.tuples(UIDS, USERS, st.integers(1, 3), st.integers(0, 3)), max_size=12)


def pairs_of(drawn) -> pd.DataFrame:
    pairs = pd.DataFrame(drawn, columns=["uid", "user", "events", "last"])
    return pairs.astype({"uid": "str", "user": "str", "events": "int64", "last": "int64"})


def people(*pairs: tuple[str | None, str | None]) -> pd.DataFrame:
    return group_people(pairs_of([(*pair, 1, 0) for pair in pairs]))


def test_people_are_found_by_uid_and_else_by_name():
    some = people(("7", "Ada"), (None, "Ada"), (None, "Ben"))
    others = people(("7", "Ada Lovelace"), ("8", "Ben"), (None, "Ada"))
    found = dict(zip(identities_of(some), find_people(some, others), strict=True))
    places = list(identities_of(others))
    assert found == {
        ("7", None): places.index(("7", None)),
        (None, "Ada"): places.index((None, "Ada")),
        (None, "Ben"): -1,
    }


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_same_people_come_in_the_same_order_with_all_their_events(drawn, random):
    found = group_people(pairs_of(drawn))
    random.shuffle(drawn)
    pd.testing.assert_frame_equal(group_people(pairs_of(drawn)), found)
    identities = list(identities_of(found))
    assert len(set(identities)) == len(identities)
    assert identities == sorted(identities, key=lambda each: [(text is None, text or "") for text in each])
    for identity, events in zip(identities, found["events"], strict=True):
        assert events == sum(n for uid, user, n, _ in drawn if (uid, user if uid is None else None) == identity)


@given(PAIRS)
def test_everybody_has_the_newest_name_that_is_one(drawn):
    found = group_people(pairs_of(drawn))
    for uid, user in zip(plain_texts(found["uid"]), plain_texts(found["user"]), strict=True):
        names = [(last, name) for key, name, _, last in drawn if key == uid and name is not None]
        assert user == (max(names)[1] if uid is not None and names else user if uid is None else None)


@given(PAIRS)
def test_each_event_has_the_number_of_its_person(drawn):
    rows = pairs_of(drawn)
    found = group_people(rows)
    identities = list(identities_of(found))
    assert [identities[place] for place in number_people(rows, found)] == list(identities_of(rows))
    assert find_people(found, found).tolist() == list(range(len(found)))


def test_of_two_names_of_one_moment_the_greater_is_shown_and_null_is_no_name():
    names = [("7", "Ada", 1, 3), ("7", "Ben", 1, 3), ("7", "Cleo", 1, 2), ("7", None, 1, 4)]
    for drawn in (names, names[::-1]):
        assert group_people(pairs_of(drawn)).values.tolist() == [["7", "Ben", 4]]


def test_of_many_people_those_of_some_events_are_found_too():
    everybody = people(("7", "Ada"), ("8", "Ben"), (None, "Cleo"), (None, None))
    rows = pd.DataFrame({"uid": [None, "8"], "user": ["Cleo", "Ada"]}, dtype="str").set_index(pd.Index([5, 5]))
    assert number_people(rows, everybody).tolist() == [2, 1]
    nobody = pd.DataFrame({"uid": [None], "user": [None]}, dtype="str")
    assert number_people(nobody, everybody).tolist() == [3]


def test_nobody_is_among_no_people():
    nothing = people()
    assert nothing.dtypes.astype("str").tolist() == ["str", "str", "int64"]
    assert find_people(people(("7", "Ada")), nothing).tolist() == [-1]
    assert find_people(nothing, nothing).tolist() == []


def test_things_with_other_columns_are_grouped_alike():
    pairs = pairs_of([("1", "Shops", 2, 0), ("1", "Stores", 1, 1), (None, "Web", 1, 0)])
    named = pairs.rename(columns={"uid": "aid", "user": "account_group_name"})
    found = group_people(named, "aid", "account_group_name")
    assert found.columns.tolist() == ["aid", "account_group_name", "events"]
    assert found["account_group_name"].tolist() == ["Stores", "Web"]
    assert number_people(named, found, "aid", "account_group_name").tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("user", "names"),
    [
        ("Ada", []),
        ("", []),
        ("Ada (ada@example.com)", ["Ada", "ada@example.com"]),
        ("Ada (ops) (ada@example.com)", ["Ada (ops)", "ada@example.com"]),
        ("Ada\nLovelace (a\nb)", ["Ada\nLovelace", "a\nb"]),
        ("Ada(ada@example.com)", []),
        ("Ada (ada@example.com) ", []),
        (" ()", ["", ""]),
    ],
)
def test_a_user_is_also_called_by_the_name_and_by_the_address(user, names):
    assert names_of(user) == (user, *names)


@given(st.text(max_size=20))
def test_a_text_matches_itself_in_capitals_or_not_and_with_a_star_at_any_place(text):
    plain = text.replace("*", "")
    assert matches_text(plain, [plain])
    for at in range(len(plain) + 1):
        assert matches_text(plain, [f"{plain[:at]}*{plain[at:]}"])
        assert matches_text(f"{plain[:at]}\nb{plain[at:]}", [f"{plain[:at]}*{plain[at:]}"])
    assert not matches_text(plain + "b", [plain])


@pytest.mark.parametrize(
    ("text", "patterns", "matches"),
    [
        ("ADA", ["ada"], True),
        ("Ada [ops]", ["Ada [ops]"], True),
        ("Ada o", ["Ada [ops]"], False),
        ("a.b", ["a?b", "a.c"], False),
        ("axb", ["a.b"], False),
        ("ab", ["a|b"], False),
        ("b", ["a", "b"], True),
        ("bc", ["a", "b"], False),
        ("Ada", [""], False),
        ("", [""], True),
        ("", [], False),
        ("Ada", [], False),
    ],
)
def test_only_the_star_is_special_in_a_pattern(text, patterns, matches):
    assert matches_text(text, patterns) is matches


def test_texts_of_any_kind_become_those_of_python():
    values = ["7", "null", "", None]
    for kind in ("str", "object", "category", "string"):
        assert plain_texts(pd.Series(values, dtype=kind)) == values
