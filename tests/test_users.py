"""People as frames: their memberships as rows."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import te_audit_frames as taf
from te_audit_frames.users import MEMBERSHIPS

TEXT = st.one_of(st.none(), st.text(max_size=5))
MEMBERSHIP = st.fixed_dictionaries(
    {"aid": TEXT, "account_group_name": TEXT, "roles": st.one_of(st.none(), st.lists(TEXT, max_size=3))}
)
PEOPLE = st.lists(st.one_of(st.none(), st.lists(MEMBERSHIP, max_size=3)), max_size=6)


def people_of(memberships):
    array = pa.chunked_array([pa.array(memberships, MEMBERSHIPS)])
    return pd.DataFrame(
        {
            "uid": [str(place) for place in range(len(memberships))],
            "memberships": pd.arrays.ArrowExtensionArray(array),
            "is_admin": pd.array([None] * len(memberships), dtype="boolean"),
        },
        index=[place // 2 for place in range(len(memberships))],
    )


@given(PEOPLE)
def test_every_membership_is_one_row_and_nobody_disappears(memberships):
    users = people_of(memberships)
    exploded = taf.explode_memberships(users)
    nothing = {"aid": None, "account_group_name": None, "roles": None}
    expected = [
        (place // 2, str(place), each) for place, theirs in enumerate(memberships) for each in theirs or [nothing]
    ]
    found = [
        (index, uid, {"aid": aid, "account_group_name": name, "roles": roles})
        for index, uid, aid, name, roles in zip(
            exploded.index,
            exploded["uid"],
            *(
                pa.array(exploded[name], from_pandas=True).to_pylist()
                for name in ("aid", "account_group_name", "roles")
            ),
            strict=True,
        )
    ]
    assert found == expected
    assert list(exploded.columns) == ["uid", "aid", "account_group_name", "roles", "is_admin"]


@given(PEOPLE)
def test_the_dtypes_are_always_the_same_and_nothing_is_changed(memberships):
    users = people_of(memberships)
    before = users.copy(deep=True)
    exploded = taf.explode_memberships(users)
    assert exploded.dtypes.astype(str).to_dict() == {
        "uid": "str" if memberships else str(users["uid"].dtype),
        "aid": "str",
        "account_group_name": "str",
        "roles": "list<item: large_string>[pyarrow]",
        "is_admin": "boolean",
    }
    assert users.equals(before)


@given(PEOPLE, st.data())
def test_a_selection_of_people_explodes_to_a_selection(memberships, data):
    users = people_of(memberships).reset_index(drop=True)
    mask = data.draw(st.lists(st.booleans(), min_size=len(users), max_size=len(users)))
    exploded = taf.explode_memberships(users)
    chosen = users[pd.Series(mask, dtype=bool)]
    assert taf.explode_memberships(chosen).equals(exploded[exploded.index.isin(chosen.index)])


def test_lists_as_plain_pandas_reads_them_explode_too():
    users = people_of([[{"aid": "1", "account_group_name": "One", "roles": ["a", "b"]}], None, []])
    plain = pd.DataFrame({"uid": users["uid"].tolist(), "memberships": users["memberships"].tolist()})
    assert taf.explode_memberships(plain)["aid"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("users", "told"),
    [
        (pd.DataFrame({"uid": ["7"]}), "it has no column 'memberships'"),
        (pd.DataFrame({"memberships": [5]}), "cannot be read as"),
        (pd.DataFrame({"memberships": [[{"aid": ["x"]}]]}), "cannot be read as"),
    ],
)
def test_frames_that_hold_no_people_are_refused(users, told):
    with pytest.raises(taf.InvalidArgument, match=told):
        taf.explode_memberships(users)
