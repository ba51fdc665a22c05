"""Files of people: read back as they were written, by this package and by other engines; any damage is found."""

import csv
import io
import json

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.directories import ADMIN, Directory, member, user
from support.rawserver import client_of

import te_audit_frames as taf
from te_audit_frames.schema import DIRECTORY_KEY
from te_audit_frames.storage.user_files import dump_users, frame_of, load_users, write_users_csv, write_users_jsonl
from te_audit_frames.users import USERS_SCHEMA, to_users_table

TEXT = st.one_of(st.none(), st.text(max_size=6))
INSTANT = st.one_of(st.none(), st.integers(-(2**40), 2**50))
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "uid": st.text(min_size=1, max_size=6),
            "name": TEXT,
            "email": TEXT,
            "memberships": st.one_of(
                st.none(),
                st.lists(
                    st.fixed_dictionaries(
                        {"aid": TEXT, "account_group_name": TEXT, "roles": st.lists(TEXT, max_size=2)}
                    ),
                    max_size=2,
                ),
            ),
            "is_admin": st.one_of(st.none(), st.booleans()),
            **dict.fromkeys(("registered", "last_login", "fetched_at", "roles_fetched_at"), INSTANT),
        }
    ),
    max_size=5,
)


def table_of(rows):
    columns = []
    for field in USERS_SCHEMA:
        values = [row[field.name] for row in rows]
        is_instant = pa.types.is_timestamp(field.type)
        columns.append(pa.array(values, pa.int64()).cast(field.type) if is_instant else pa.array(values, field.type))
    return pa.Table.from_arrays(columns, schema=USERS_SCHEMA)


@pytest.fixture(scope="module")
def users():
    directory = Directory()
    directory["users"] = {"users": [user("7", name="=cmd|' /C calc'!A0"), user("8", name='Zoë, "Z"'), user("9")]}
    directory["account-groups/1"] = directory.members("1", member("7", {**ADMIN, "name": "=1+1"}), member("8", ADMIN))
    with directory.serve() as server:
        return client_of(server).fetch_users()


@given(ROWS)
def test_what_is_written_is_read(rows):
    table = table_of(rows)
    receipt = {"source": "api", "fetched_at": "2026-01-01T00:00:00Z"}
    content = dump_users(table, receipt)
    assert load_users(content, file="users.parquet") == (table, receipt)
    assert dump_users(table, receipt) == content
    assert to_users_table(frame_of(table, receipt)).equals(table)


def test_a_file_is_the_frame_that_was_written(users, tmp_path):
    path = tmp_path / "users.parquet"
    taf.write_users(users, path)
    again = taf.read_users(path)
    pd.testing.assert_frame_equal(again, users)
    assert taf.directory_receipt(again) == taf.directory_receipt(users)
    assert path.stat().st_mode & 0o777 == 0o600
    taf.write_users(users[:1], path)  # an existing file is replaced whole
    assert len(taf.read_users(path)) == 1


def test_a_frame_without_a_receipt_can_be_kept(users, tmp_path):
    plain = users.copy()
    plain.attrs = {}
    taf.write_users(plain, tmp_path / "users.parquet")
    assert taf.read_users(tmp_path / "users.parquet").attrs == {}


def test_other_engines_read_it(users, tmp_path):
    path = tmp_path / "users.parquet"
    taf.write_users(users, path)
    question = "select uid, m.aid, unnest(m.roles) from (select uid, unnest(memberships) m from '{}') order by all"
    assert duckdb.sql(question.format(path)).fetchall() == [
        ("7", "1", "=1+1"),
        ("8", "1", "Account Admin"),
        ("8", "2", "Regular User"),
    ]
    polars = pl.read_parquet(path)
    assert polars["memberships"].list.len().to_list() == [1, 2, 0]
    assert polars.schema["last_login"] == pl.Datetime("us", "UTC")
    plain = pd.read_parquet(path)
    assert taf.directory_receipt(plain) == taf.directory_receipt(users)
    exploded = taf.explode_memberships(plain)
    assert exploded[["uid", "aid"]].fillna("").to_numpy().tolist() == [["7", "1"], ["8", "1"], ["8", "2"], ["9", ""]]


def test_every_flipped_bit_is_found(users):
    content = dump_users(to_users_table(users), users.attrs[DIRECTORY_KEY])
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(taf.DamagedFile, match=r"^users\.parquet: it is damaged"):
            load_users(bytes(damaged), file="users.parquet")
    for cut in (0, 4, len(content) // 2, len(content) - 1):
        with pytest.raises(taf.DamagedFile):
            load_users(content[:cut], file="users.parquet")


def test_other_files_are_refused(users, tmp_path):
    path = tmp_path / "users.parquet"
    with pytest.raises(taf.MissingFile):
        taf.read_users(path)
    pq.write_table(pa.table({"uid": ["7"]}), path)
    with pytest.raises(taf.DamagedFile, match="not a file of people"):
        taf.read_users(path)
    events = taf.read_pages([b'{"auditEvents": []}'])
    from te_audit_frames.schema import to_arrow
    from te_audit_frames.storage.day_file import dump

    path.write_bytes(dump(to_arrow(events)))  # sealed alike, and of another kind
    with pytest.raises(taf.DamagedFile, match="not a file of people"):
        taf.read_users(path)


def test_a_file_of_a_newer_version_is_told(users, tmp_path, monkeypatch):
    path = tmp_path / "users.parquet"
    with monkeypatch.context() as patch:
        patch.setattr("te_audit_frames.storage.user_files.USERS_VERSION", 99)
        taf.write_users(users, path)
    with pytest.raises(taf.DamagedFile, match=r"newer te_audit_frames.*pip install"):
        taf.read_users(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda users: users.assign(mood="x"), "would lose column 'mood'"),
        (lambda users: users.drop(columns="uid"), "it has no column 'uid'"),
        (lambda users: users.assign(last_login="yesterday"), "column 'last_login' of dtype str cannot be read"),
    ],
)
def test_frames_that_would_lose_something_are_refused(users, change, told, tmp_path):
    with pytest.raises(taf.InvalidArgument, match=told):
        taf.write_users(change(users), tmp_path / "users.parquet")
    assert not list(tmp_path.iterdir())


def test_a_damaged_receipt_is_not_written(users, tmp_path):
    damaged = users.copy()
    damaged.attrs = {DIRECTORY_KEY: {"source": 5, "fetched_at": ""}}
    with pytest.raises(taf.InvalidArgument, match="source is of type int"):
        taf.write_users(damaged, tmp_path / "users.parquet")


def test_csv_is_harmless_and_complete(users, tmp_path):
    path = tmp_path / "users.csv"
    write_users_csv(users, path)
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    assert [row["uid"] for row in rows] == ["7", "8", "9"]
    assert rows[0]["name"].startswith("'=")
    assert rows[0]["last_login"] == "2026-02-03T11:12:13Z"
    assert json.loads(rows[0]["memberships"])[0]["roles"] == ["=1+1"]
    assert rows[0]["is_admin"] == "true"
    write_users_csv(users, path, raw=True)
    assert path.read_text(encoding="utf-8").splitlines()[1].startswith("7,=cmd")


def test_json_lines_are_complete(users, tmp_path):
    path = tmp_path / "users.jsonl"
    write_users_jsonl(users, path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [row["uid"] for row in rows] == ["7", "8", "9"]
    assert rows[0]["memberships"] == [{"aid": "1", "account_group_name": "One", "roles": ["=1+1"]}]
    assert rows[2] | {"fetched_at": "", "roles_fetched_at": ""} == {
        "uid": "9",
        "name": "User 9",
        "email": "9@example.com",
        "memberships": [],
        "is_admin": None,
        "registered": "2025-01-05T10:00:00Z",
        "last_login": "2026-02-03T11:12:13Z",
        "fetched_at": "",
        "roles_fetched_at": "",
    }
