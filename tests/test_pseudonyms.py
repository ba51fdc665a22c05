"""Pseudonyms: no name is left in any output, and every group of events stays the same group."""

import json
import pickle
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from support.pseudonyms import ADA, KEY, KEYED, ROWS, TEXTS, directory, frame

import te_audit_frames as taf
from te_audit_frames.sandbox import Sandbox
from te_audit_frames.schema import ATTRS_KEY, COLUMNS
from te_audit_frames.storage.csv_jsonl import write_csv, write_jsonl
from te_audit_frames.users import USERS_SCHEMA, to_frame


def outputs(events, folder):
    """Everything that can leave with a frame, as text."""
    taf.write_parquet(events, folder / "events.parquet", compression="none")
    write_csv(events, folder / "events.csv", raw=True)
    write_jsonl(events, folder / "events.jsonl")
    footer = pq.ParquetFile(folder / "events.parquet").metadata.metadata
    files = [path.read_bytes().decode("utf-8", "replace") for path in folder.iterdir()]
    receipt = taf.receipt(events)
    with pd.option_context("display.max_columns", None, "display.width", None, "display.max_colwidth", None):
        shown = [repr(events), events.to_html(), repr(events.index), repr(receipt), receipt._repr_html_()]
    written = [json.dumps(receipt.to_dict()), json.dumps(events.attrs), repr(events.attrs), repr(footer)]
    return "\n".join([*files, *shown, *written, pickle.dumps(events).decode("utf-8", "replace")])


@pytest.fixture(scope="module")
def practice():
    """Events and people of an organisation in which something happened."""
    with Sandbox(events=1_500, days=60, seed=0, incidents=True, now=datetime(2026, 4, 20, tzinfo=UTC)) as api:
        client = taf.Client(token=api.token, base_url=api.url)
        return client.fetch_events(window="104w"), client.fetch_users()


# ---- nothing is left ---------------------------------------------------------------------------------------------


def test_no_output_has_any_original(tmp_path):
    secrets = [
        "aid-secret-90177", "Quillfeather Works", "quillfeather", "uid-secret-31415", ADA, "198.51.100.77",
        "2001:db8:77:1::77", "203.0.113.0/25", "host-of-zebulon", "Zebulon's dashboard", "zebulonType", "zebulonKey",
        "zebulonValue", "--user zebulon", "zebulon", "Zebulon", "198.51.100.78", "mary@zebulon.example", "4711471147",
    ]  # fmt: skip
    events = frame(
        {"aid": "aid-secret-90177", "account_group_name": "Quillfeather Works", "event": "User zebulon added.",
         "uid": "uid-secret-31415", "user": ADA, "ip_address": "198.51.100.77",
         "resources": [{"type": "testName", "name": "Zebulon's dashboard"}, {"type": "zebulonType", "name": ADA}, None],
         "extra": '{"zebulonKey":"zebulonValue"}'},
        {"event": "Report 'Zebulon's dashboard' (mary@zebulon.example) deleted", "ip_address": "2001:db8:77:1::77"},
        {"event": "zebulon", "ip_address": "198.51.100.77, 198.51.100.78", "user": "zebulon", "resources": []},
        {"event": "User Zebulon: removed 4711471147", "ip_address": "203.0.113.0/25", "user": "mary@zebulon.example"},
        {"event": "Added Zebulon Grant", "ip_address": "host-of-zebulon", "uid": "4711471147"},
    )  # fmt: skip
    plain = taf.receipt(taf.read_pages([b'{"auditEvents": []}'])).to_dict() | {
        "source": "zebulon", "order": "zebulon", "events": 5, "fetched_at": "2026-03-03T00:00:00Z",
        "requested": {"window": "zebulon", "start": "zebulon", "end": "4711471147", "default": False, "zebulon": 1},
        "resolved": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-03T00:00:00Z", "zebulon": "zebulon"},
        "scope": {"aid": "aid-secret-90177, 4711471147", "all_account_groups": False, "zebulon": "zebulon"},
        "account_groups": {"": 4, "aid-secret-90177": 1},
        "filters": [{"label": "--user zebulon", "digest": "zebulon", "kept": 5, "of": 9, "zebulon": "zebulon"}],
        "checked": {"ranges": 1, "differences": ["zebulon"], "zebulon": "zebulon"},
        "versions": {"te-audit-frames": "0.1.0", "pandas": "3.1.0", "zebulon": "1", "pyarrow": "zebulon"},
        "notes": ["zebulon"], "zebulon": "zebulon",
    }  # fmt: skip
    events.attrs = {ATTRS_KEY: plain, "zebulon": "zebulon"}
    events.index = pd.Index(["zebulon"] * 5, name="zebulon")
    (tmp_path / "before").mkdir()
    (tmp_path / "after").mkdir()
    before = outputs(events.reset_index(drop=True), tmp_path / "before")
    assert [secret for secret in secrets if secret not in before.replace("\\'", "'")] == []
    safe = taf.pseudonymize(events, key=KEY)
    assert safe.dtypes.equals(events.dtypes)
    after = outputs(safe, tmp_path / "after")
    assert [secret for secret in secrets if secret.casefold() in after.casefold()] == []
    assert KEY not in after
    receipt = taf.receipt(safe)
    assert not receipt.complete
    assert receipt.checked["differences"] == ["1 difference left out, which may hold names"]
    assert receipt.versions == {"te-audit-frames": "0.1.0", "pandas": "3.1.0"}
    assert receipt.account_groups == {"": 4, safe["aid"].iloc[0]: 1}
    assert safe["aid"].iloc[0] in receipt.scope["aid"].split(", ")


def test_no_value_of_a_practice_organisation_is_left(practice):
    for original in practice:
        safe = taf.pseudonymize(original, key=KEY)
        assert safe.dtypes.equals(original.dtypes)
        text = safe.to_json(date_format="iso", default_handler=str) + json.dumps(safe.attrs)
        table = taf.pseudonym_table(original, key=KEY)
        assert len(table) > 50
        # Short identifiers could be a part of a pseudonym by chance.
        assert [each for each in table["original"] if len(each) > 4 and json.dumps(each)[1:-1] in text] == []
        for name in set(safe.columns) & set(table["field"]) - {"resources"}:
            assert not set(safe[name].dropna()) & set(table["original"][table["field"] == name])


@pytest.mark.full
@given(ROWS)
@settings(max_examples=15)
def test_every_group_stays_the_same_group(rows):
    events = frame(*rows)
    safe = taf.pseudonymize(events, key=KEY)
    for name in TEXTS:
        assert pd.factorize(events[name])[0].tolist() == pd.factorize(safe[name])[0].tolist()
        assert events[name].isna().tolist() == safe[name].isna().tolist()
        assert (events[name] == "").tolist() == (safe[name] == "").tolist()
    for before, after in zip(
        events["resources"].array._pa_array.to_pylist(), safe["resources"].array._pa_array.to_pylist(), strict=True
    ):
        assert (before is None) == (after is None)
        for one, other in zip(before or [], after or [], strict=True):
            assert (one is None) == (other is None)
            if one is not None:
                assert [value and bool(value) for value in one.values()] == [v and bool(v) for v in other.values()]


# ---- what stays the same -----------------------------------------------------------------------------------------


def test_a_person_is_one_across_files_and_only_with_one_key():
    january, february = frame({"uid": "7", "user": ADA}), frame({}, {"uid": "7", "user": ADA})
    one, other = taf.pseudonymize(january, key=KEY), taf.pseudonymize(february, key=KEY.encode())
    assert one[["uid", "user"]].iloc[0].tolist() == other[["uid", "user"]].iloc[1].tolist()
    foreign = taf.pseudonymize(january, key=KEY.swapcase())
    assert not set(foreign[["uid", "user"]].iloc[0]) & set(one[["uid", "user"]].iloc[0])


def test_the_parts_of_a_user_are_linked_to_the_directory_and_to_resources():
    people = to_frame(
        pa.Table.from_pylist(
            [{"uid": "7", "name": "Ada Quillfeather", "email": "ada@quillfeather.example"}], USERS_SCHEMA
        )
    )
    person = taf.pseudonymize(people, key=KEY).iloc[0]
    safe = taf.pseudonymize(frame({"uid": "7", "user": ADA}), key=KEY).iloc[0]
    assert safe["uid"] == person["uid"]
    assert safe["user"] == f"{person['name']} ({person['email']})"
    assert KEYED.person("ada@quillfeather.example") == person["email"]


@pytest.mark.full
def test_a_review_of_the_result_has_the_same_findings(practice):
    events, users = practice
    start = events["date"].max() - timedelta(days=7)
    results = []
    for log, people in ((events, users), tuple(taf.pseudonymize(each, key=KEY) for each in practice)):
        found = taf.review(taf.between(log, start=start), history=log, users=people)
        columns = ["check", "severity", "first_event", "last_event", "events", "technique", "chance"]
        changes = taf.find_access_changes(log)
        results.append(
            [
                found.findings[columns]
                .round({"chance": 9})
                .to_csv(),  # in their order: a number means the same finding
                found.people[["score", "findings", "first_event", "last_event"]].to_csv(),
                [changes[name].tolist() for name in ("to_self", "ambiguous")],
                changes["target_uid"].notna().sum(),
                sorted(taf.summarize_by_user(log)["events"]),
                sorted(taf.summarize(log, by=["account_group", "ip_address", "event"])["events"]),
                taf.find_new_addresses(taf.between(log, start=start), history=log)["known_networks"].tolist(),
                sorted(taf.find_dormant_users(people, log)["status"]),
                taf.assessed(taf.find_new_addresses(log)).notes,
            ]
        )
    assert results[0] == results[1]
    assert results[0][0].count("\n") > 5
    assert results[0][3] > 5


def test_names_of_the_people_of_a_frame_go_from_its_texts():
    texts = ["Mark test as done", "mark.user", "User page deleted", "Test deleted", "Page Deleted", "Test page viewed"]
    events = frame(*({"event": text, "user": "Mark Page (mark@x.example)"} for text in texts), {"user": "Test User"})
    changed = taf.pseudonymize(events, key=KEY)["event"].dropna() != texts
    assert changed.tolist() == [True, True, True, False, True, False]


# ---- arguments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["k" * 31, b"k" * 31, "", b"", "é" * 15, None, 7, bytearray(32), "k" * 64,
                                 b"\0" * 32, "key" * 10 + " \n\n", ["k"] * 32])  # fmt: skip
def test_a_key_that_is_too_short_or_no_text_is_refused_and_not_shown(key):
    with pytest.raises(taf.InvalidArgument, match=r"^key: ") as caught:
        taf.pseudonymize(frame(), key=key)
    assert "kkk" not in str(caught.value)


def test_kept_columns_stay_as_they_are_and_the_receipt_says_so():
    events = taf.read_pages([json.dumps({"auditEvents": [{"aid": "90177", "uid": "7", "user": ADA}]}).encode()])
    events = events.assign(team="Shops")
    events[0] = 1.5
    safe = taf.pseudonymize(events, key=KEY, keep=["aid", "team", "resources", "extra", "event", 0])
    assert safe[["aid", "team"]].equals(events[["aid", "team"]])
    assert safe["user"].iloc[0] != ADA
    assert taf.receipt(safe).account_groups == {"90177": 1}
    assert "the columns in clear are 0, aid, event, extra, resources, team" in taf.receipt(safe).notes[-1]


def test_empty_frames_and_frames_of_some_columns():
    for columns in (list(COLUMNS), ["date", "event"], ["user", "date"]):
        events = frame()[columns]
        assert taf.pseudonymize(events, key=KEY).dtypes.equals(events.dtypes)
        assert taf.pseudonym_table(events, key=KEY).empty


@pytest.mark.parametrize(
    ("change", "arguments", "error", "message"),
    [
        (
            lambda each: each.assign(team="Shops"),
            {},
            taf.InvalidArgument,
            r"column 'team' may hold names.*keep=\['team'\]",
        ),
        (lambda each: each, {"keep": ["team"]}, taf.InvalidArgument, "keep: 'team' is not a column"),
        (lambda each: each, {"keep": "user"}, taf.InvalidArgument, r"keep=\['user'\]"),
        (lambda each: each, {"keep": None}, taf.InvalidArgument, r"^keep: .*list"),
        (lambda each: each, {"keep": 7}, taf.InvalidArgument, r"^keep: .*list"),
        (lambda each: each, {"keep": [["user"]]}, taf.InvalidArgument, r"^keep: .*list"),
        (lambda each: each, {"keep": [("user", [])]}, taf.InvalidArgument, r"^keep: .*list"),
        (lambda each: each, {"network": "24"}, taf.InvalidArgument, 'network: .* network="/24"'),
        (lambda each: each, {"network": "/33"}, taf.InvalidArgument, "network: "),
        (lambda each: each, {"network": 24}, taf.InvalidArgument, "network: "),
        (lambda each: pd.concat([each, each[["user"]]], axis=1), {}, taf.InvalidArgument, "'user' is there twice"),
        (lambda each: each.drop(columns="date"), {}, taf.NotAnAuditFrame, "'date'"),
        (lambda each: each.assign(date="Zebulon"), {}, taf.NotAnAuditFrame, "'date'"),
        (lambda each: each.assign(resources="Zebulon"), {}, taf.NotAnAuditFrame, "'resources'"),
        (
            lambda each: each.assign(uid=[{"Zebulon"}]),
            {},
            taf.NotAnAuditFrame,
            r"'uid'.*\.astype\(\{\"uid\": \"str\"\}\)",
        ),
        (lambda each: pd.DataFrame(), {}, taf.NotAnAuditFrame, "'date'"),
        (lambda each: "events.parquet", {}, taf.InvalidArgument, "takes a pandas frame"),
    ],
)
def test_wrong_arguments_are_named_without_quoting_names(change, arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        taf.pseudonymize(change(frame({"user": "Ada"})), key=KEY, **arguments)
    assert "Zebulon" not in str(caught.value)


# ---- people ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [taf.pseudonymize, taf.pseudonym_table])
def test_a_column_that_is_there_twice_is_named(function):
    for whole, name in ((frame({"user": "Ada"}), "user"), (frame({}), "date"), (directory(1), "email")):
        with pytest.raises(taf.InvalidArgument, match=f"column '{name}' is there twice"):
            function(pd.concat([whole, whole[[name]]], axis=1), key=KEY)


def test_frames_with_some_columns_of_people_are_people():
    users = directory(2)
    safe = taf.pseudonymize(users.drop(columns="email"), key=KEY)
    assert safe.equals(taf.pseudonymize(users, key=KEY).drop(columns="email"))
    with pytest.raises(taf.NotAnAuditFrame, match=r"'is_admin'.*People come from fetch_users\(\)"):
        taf.pseudonymize(users.assign(is_admin="Zebulon"), key=KEY)


def test_the_table_reverses_what_was_done(practice):
    events, users = practice
    table = taf.pseudonym_table(events, key=KEY)
    safe = taf.pseudonymize(events, key=KEY)
    for field in ("uid", "user", "aid", "account_group_name", "ip_address"):
        back = table[table["field"] == field].set_index("pseudonym")["original"]
        assert sorted(safe[field].map(back)) == sorted(events[field])
    assert set(table["field"]) == {"uid", "user", "aid", "account_group_name", "ip_address", "resources"}
    people = taf.pseudonym_table(users, key=KEY)
    assert set(people["field"]) == {"uid", "name", "email", "aid", "account_group_name", "role"}
    assert not people.duplicated(["field", "pseudonym"]).any()
