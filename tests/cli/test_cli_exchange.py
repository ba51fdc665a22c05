"""The command pseudonymize: what it writes, where the key comes from, and what it refuses."""

import csv
import json
import os

import pytest
from support.command_line import FOREVER, run

import te_audit_frames as taf
from te_audit_frames.exchange.keyed import Keyed
from te_audit_frames.storage.csv_jsonl_reader import read_csv, read_jsonl

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")

KEY = "for tests only: 5f1d7c0a9e2b4836"


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_the_file_is_what_the_function_returns(parquet, tmp_path, key_file):
    output = tmp_path / "safe.parquet"
    done = run("pseudonymize", parquet, "--key-file", key_file, "-o", output)
    assert done.exit_code == 0, done.output
    events = taf.read_parquet(parquet)
    assert taf.read_parquet(output).equals(taf.pseudonymize(events, key=KEY))
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"{len(events):,} events with pseudonyms are in {output}.",
        f"The fingerprint of the key is {Keyed(KEY).fingerprint}: the same key gives the same pseudonyms.",
    ]
    assert output.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("ending", "read"), [("csv", read_csv), ("jsonl", read_jsonl)])
def test_other_formats_have_no_names_either(parquet, tmp_path, ending, read):
    output = tmp_path / f"safe.{ending}"
    done = run("pseudonymize", parquet, "-o", output, "--user", "*a*", TE_PSEUDONYM_KEY=KEY)
    assert done.exit_code == 0, done.output
    events = taf.read_parquet(parquet)
    text = output.read_text(encoding="utf-8")
    names = {*events["user"].dropna(), *events["account_group_name"].dropna(), *events["ip_address"].dropna()}
    names |= set(taf.explode_resources(events)["resource_name"].dropna())
    assert len(names) > 50
    assert [name for name in names if name in text] == []
    events = events[events["user"].str.contains("a", case=False, na=False)].reset_index(drop=True)
    assert read(output)["user"].tolist() == taf.pseudonymize(events, key=KEY)["user"].tolist()


def test_filters_leave_no_name_in_the_receipt(parquet, tmp_path, key_file):
    output = tmp_path / "safe.parquet"
    user = taf.read_parquet(parquet)["user"].iloc[0]
    done = run("pseudonymize", parquet, "--user", user, "--key-file", key_file, "-o", output)
    assert done.exit_code == 0, done.output
    receipt = taf.receipt(taf.read_parquet(output))
    assert receipt.filters[0]["label"].startswith("filter-")
    assert user.encode() not in output.read_bytes()


def test_people_get_the_same_pseudonyms_and_the_table_is_apart(api, parquet, tmp_path, key_file):
    users, output, safe_users, table = (
        tmp_path / name for name in ("users.parquet", "safe.parquet", "safe.csv", "t.csv")
    )
    assert run("users", "-o", users, at=api).exit_code == 0
    done = run(
        "pseudonymize", parquet, "--key-file", key_file, "-o", output, "--users", users, "--users-output", safe_users,
        "--table", table, "--keep", "account_group_name", "--keep", "uid", "--network", "/16",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    events, safe = taf.read_parquet(parquet), taf.read_parquet(output)
    assert safe["account_group_name"].tolist() == events["account_group_name"].tolist()
    with safe_users.open(encoding="utf-8", newline="") as file:
        people = list(csv.DictReader(file))
    assert safe["uid"].tolist() == events["uid"].tolist()
    assert {row["uid"] for row in people} >= set(safe["uid"])
    groups = {each["account_group_name"] for row in people for each in json.loads(row["memberships"])}
    assert groups == {each["account_group_name"] for row in taf.read_users(users)["memberships"] for each in row}
    assert not {row["email"] for row in people} & set(taf.read_users(users)["email"])
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    back = {row["pseudonym"]: row["original"] for row in rows if row["field"] == "ip_address"}
    assert safe["ip_address"].map(back).tolist() == events["ip_address"].tolist()
    assert {row["field"] for row in rows} >= {"uid", "email", "role"}
    assert table.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "There is no key. Put it into the environment variable TE_PSEUDONYM_KEY"),
        ("--key-file {0}/missing", "missing"),
        ("--key-file {0}/lines", "--key-file: the key has several lines"),
        ("--key-file {0}/utf16", "--key-file: the key is in UTF-16"),
        ("--key-file {0}/large", "is longer than 65,536 bytes"),
        ("--key-file {0}/short", "key: it has 31 bytes, but needs at least 32"),
        ("--key-file {0}/open", "--key-file: others can read"),
        ("--key-file {0}/key --network 24", "--network: '24' is not"),
        ("--key-file {0}/key --keep name", "Invalid value for '--keep'"),
        ("--key-file {0}/key --users {0}/users.parquet", "--users and --users-output need each other"),
        ("--key-file {0}/key --table {0}/safe.csv", "--output and --table name the same file"),
        ("--key secret", "No such option"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(parquet, tmp_path, key_file, words, message):
    keys = {
        "short": b"s" * 31 + b"\n", "open": KEY.encode(), "lines": f"{KEY}\n{KEY}".encode(),
        "utf16": KEY.encode("utf-16"), "large": bytes(range(256)) * 256 + b"s",
    }  # fmt: skip
    for name, content in keys.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o644 if name == "open" else 0o600)
    done = run("pseudonymize", parquet, "-o", tmp_path / "safe.csv", *words.format(tmp_path).split())
    assert done.exit_code in (2, 5)
    assert message in " ".join(done.stderr.split())
    assert "sssss" not in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["key", *keys])


def test_what_editors_put_around_a_key_is_no_part_of_it(parquet, tmp_path, key_file):
    texts = set()
    for content in (KEY, f"{KEY}\n\n", f"\ufeff{KEY} \r\n"):
        key_file.write_text(content, encoding="utf-8", newline="")
        done = run("pseudonymize", parquet, "--key-file", key_file, "-o", tmp_path / "safe.csv", "--user", "*a*")
        assert done.exit_code == 0, done.output
        texts.add((tmp_path / "safe.csv").read_bytes())
    assert len(texts) == 1


def test_the_originals_are_not_overwritten(parquet, key_file):
    before = parquet.read_bytes()
    done = run("pseudonymize", parquet.parent / "*.parquet", "--key-file", key_file, "-o", parquet)
    assert done.exit_code == 2
    assert "WHERE and --output name the same file" in done.stderr
    assert parquet.read_bytes() == before


def test_an_archive_and_a_key_from_a_pipe(api, tmp_path):
    archive, output = tmp_path / "archive", tmp_path / "safe.parquet"
    assert run("sync", archive, "--since", FOREVER[1], at=api).exit_code == 0
    reading, writing = os.pipe()
    os.write(writing, KEY.encode())
    os.close(writing)
    done = run("pseudonymize", archive, "--key-file", f"/dev/fd/{reading}", "-o", output, "--window", "7d")
    os.close(reading)
    assert done.exit_code == 0, done.output
    receipt = taf.receipt(taf.read_parquet(output))
    assert receipt.source == "archive"
    assert receipt.complete


def test_a_key_that_is_no_text_is_taken_as_it_is(parquet, tmp_path, key_file):
    key = bytes(range(256))[::-1][:40] + b"\n"
    key_file.write_bytes(key)
    done = run("pseudonymize", parquet, "--key-file", key_file, "-o", tmp_path / "safe.parquet")
    assert done.exit_code == 0, done.output
    assert Keyed(key).fingerprint in done.stderr


def test_a_key_file_comes_before_the_environment(parquet, tmp_path, key_file):
    done = run(
        "pseudonymize", parquet, "--key-file", key_file, "-o", tmp_path / "safe.parquet", TE_PSEUDONYM_KEY=KEY[::-1]
    )
    assert Keyed(KEY).fingerprint in done.stderr


@pytest.mark.parametrize("other", ["sub/../users.parquet", "link.parquet"])
def test_one_file_under_two_names_is_one_file(parquet, tmp_path, key_file, other):
    (tmp_path / "sub").mkdir()
    users = tmp_path / "users.parquet"
    users.write_bytes(b"people")
    (tmp_path / "link.parquet").symlink_to(users)
    done = run("pseudonymize", parquet, "--key-file", key_file, "-o", tmp_path / other, "--users", users,
               "--users-output", tmp_path / "u.csv")  # fmt: skip
    assert done.exit_code == 2
    assert "--users and --output name the same file" in " ".join(done.stderr.split())
    assert users.read_bytes() == b"people"
