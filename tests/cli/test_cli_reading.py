"""WHERE: archives, files and globs, the period, and the filters of every command that reads events."""

import json
from datetime import timedelta

import pandas as pd
import pytest
from support.command_line import NOW, run, walk

import te_audit_frames as taf
from te_audit_frames.cli.reading import Where
from te_audit_frames.schema import COLUMNS
from te_audit_frames.storage.csv_jsonl import write_csv, write_jsonl

pytestmark = pytest.mark.usefixtures("a_machine_whose_clock_agrees_with_the_servers")

MIDDLE = "2026-02-15"


@pytest.fixture(scope="module")
def events(parquet):
    return taf.read_parquet(parquet)


@pytest.fixture(scope="module")
def places(parquet, events, tmp_path_factory):
    """The same events as an archive, and as files of every kind."""
    folder = tmp_path_factory.mktemp("places")
    taf.Archive(folder / "archive").import_parquet(parquet)
    write_csv(events, folder / "events.csv")
    write_jsonl(events, folder / "events.jsonl")
    taf.write_parquet(events, folder / "events.parquet")
    taf.write_parquet(taf.between(events, end=MIDDLE), folder / "half-1.parquet")
    taf.write_parquet(taf.between(events, start=MIDDLE), folder / "half-2.parquet")
    return folder


def rows(frame):
    return sorted(frame.astype(str).itertuples(index=False, name=None))


KINDS = ["archive", "events.parquet", "events.csv", "events.jsonl", "half-*.parquet"]


@pytest.mark.parametrize("place", KINDS)
def test_every_place_gives_the_same_events(places, events, place):
    found = Where((str(places / place),)).read()
    assert rows(found) == rows(events)
    assert list(found) == list(COLUMNS)
    assert list(found.dtypes) == list(events.dtypes)
    assert found["date"].is_monotonic_increasing
    assert ("te_audit_frames" in found.attrs) == (not place.endswith(("csv", "jsonl")))
    if "half" in place:
        assert taf.receipt(found).period == taf.receipt(events).period


@pytest.mark.few
@pytest.mark.parametrize("place", KINDS)
@pytest.mark.parametrize(
    ("chosen", "start", "end"),
    [
        ({"start": "2026-02-10", "end": "2026-02-20T12:00Z"}, "2026-02-10", "2026-02-20T12:00Z"),
        ({"end": MIDDLE}, None, MIDDLE),
        ({"start": "2026-02-10T01:30", "tz": "Asia/Kolkata"}, "2026-02-09T20:00Z", None),
        ({"start": "2026-02-10", "tz": "Asia/Kolkata"}, "2026-02-09T18:30Z", None),
    ],
    ids=str,
)
def test_a_period_is_the_same_for_every_place(places, events, place, chosen, start, end):  # noqa: PLR0917
    found = Where((str(places / place),), **chosen).read(["date", "event"])
    expected = taf.between(events, start=start, end=end)
    assert 0 < len(expected) < len(events)
    assert found["date"].tolist() == expected["date"].tolist()
    assert list(found) == ["date", "event"]


@pytest.mark.parametrize("place", KINDS)
def test_a_window_ends_where_the_place_ends(places, events, place):
    found = Where((str(places / place),), window="48h").read(["date"])
    # A receipt says when the fetch ended. Without one, it is the last event; an archive of imported files knows days.
    end = events["date"].max() + timedelta(microseconds=1) if place.endswith(("csv", "jsonl")) else pd.Timestamp(NOW)
    if place == "archive":
        end = events["date"].max().floor("D") + timedelta(days=1)
    assert found["date"].tolist() == [date for date in events["date"] if end - timedelta(hours=48) <= date < end]
    assert 0 < len(found) < len(events)


def test_a_window_of_several_places_ends_where_the_last_of_them_ends(places):
    both = Where((str(places / "half-1.parquet"), str(places / "half-2.parquet")), window="48h").read(["date"])
    last = Where((str(places / "half-2.parquet"),), window="48h").read(["date"])
    assert both["date"].tolist() == last["date"].tolist()


def test_places_that_overlap_are_joined_by_their_receipts(places, events):
    found = Where(tuple(str(places / name) for name in ("events.parquet", "half-*.parquet"))).read(["uid"])
    assert len(found) == len(events)
    assert list(found) == ["uid"]
    with_archive = Where((str(places / "archive"), str(places / "half-*.parquet")), end="2026-02-25").read()
    assert rows(with_archive) == rows(taf.between(events, end="2026-02-25"))


def test_files_without_receipts_are_joined_as_they_are_and_that_is_said(places, events):
    once = run("summary", places / "half-1.parquet", places / "half-2.parquet", "--format", "json")
    twice = run("summary", places / "events.csv", places / "half-1.parquet", "--format", "json")
    same = run("summary", places / "events.csv", places / "events.csv", "--format", "json")
    assert [sum(row["events"] for row in json.loads(each.stdout)) for each in (once, twice, same)] == [
        len(events),
        len(events) + len(taf.between(events, end=MIDDLE)),
        len(events),
    ]
    assert once.stderr == same.stderr == ""
    assert "events.csv and " in twice.stderr
    assert "events.csv has no receipt" in twice.stderr


def test_half_files_without_receipts_do_not_overlap(places, events, tmp_path):
    write_csv(taf.between(events, end=MIDDLE), tmp_path / "1.csv")
    write_jsonl(taf.between(events, start=MIDDLE), tmp_path / "2.jsonl")
    result = run("events", tmp_path / "2.jsonl", tmp_path / "1.csv", "--format", "jsonl")
    assert result.stderr == ""
    assert [json.loads(line)["date"] for line in result.stdout.splitlines()] == sorted(
        date.strftime("%Y-%m-%dT%H:%M:%SZ") for date in events["date"]
    )


def test_only_the_days_of_the_period_are_read_from_an_archive(places, tmp_path):
    archive = taf.Archive(tmp_path / "te-audit")
    archive.import_parquet(places / "events.parquet")
    file = tmp_path / "te-audit" / "events" / "event_date=2026-02-10" / "events.parquet"
    file.write_bytes(b"damaged")
    before, after = (
        Where((str(tmp_path / "te-audit"),), **chosen) for chosen in ({"end": "2026-02-10"}, {"window": "7d"})
    )
    assert len(before.read(["uid"]))
    assert len(after.read(["uid"]))
    with pytest.raises(taf.DamagedFile):
        Where((str(tmp_path / "te-audit"),), start="2026-02-09").read(["uid"])


# ---- filters -----------------------------------------------------------------------------------------------------


def user_of(events):
    return next(user for user in events["user"] if "(" in user)


@pytest.mark.full
@pytest.mark.parametrize("place", ["archive", "events.csv"])
def test_filters_keep_what_matches_any_of_their_values(places, events, place):
    place = (str(places / place),)
    user = user_of(events)
    name, _, mail = user.removesuffix(")").partition(" (")
    uid = events.loc[events["user"] == user, "uid"].iloc[0]
    of_user = events[events["user"] == user]
    for value in (user, name.upper(), mail, f"*{mail}*"):
        assert len(Where(place, user=(value,)).read(["date"])) == len(of_user), value
    assert len(Where(place, user=(uid,)).read(["date"])) == (events["uid"] == uid).sum()
    groups = events["account_group_name"].unique()[:2].tolist()
    found = Where(place, account_group=(groups[0], groups[1].lower())).read()
    assert rows(found) == rows(events[events["account_group_name"].isin(groups)])
    aid = events["aid"].iloc[0]
    assert len(Where(place, account_group=(aid,)).read(["event"])) == (events["aid"] == aid).sum()
    assert rows(Where(place, event=("TEST *",)).read()) == rows(events[events["event"].str.startswith("Test ")])
    deleted = taf.classify_events(events)["action"] == "delete"
    assert rows(Where(place, action=("delete",)).read()) == rows(events[deleted])
    # Filters of different kinds all have to match.
    both = Where(place, action=("delete",), user=(mail,)).read()
    assert rows(both) == rows(events[deleted & (events["user"] == user)])


def test_only_the_asterisk_is_special_in_a_filter(tmp_path):
    page = json.dumps({"auditEvents": [{"event": text, "uid": "7"} for text in ("a.c", "abc", "a[b]c?", "a(b", None)]})
    taf.write_parquet(taf.read_pages([page.encode()]), tmp_path / "e.parquet")
    for pattern, expected in {"a.c": ["a.c"], "a[b]c?": ["a[b]c?"], "a(*": ["a(b"], "a*c": ["a.c", "abc"]}.items():
        assert Where((str(tmp_path / "e.parquet"),), event=(pattern,)).read()["event"].tolist() == expected


def test_a_filter_stands_in_the_receipt(places):
    found = Where((str(places / "events.parquet"),), event=("User*",), action=("create",)).read()
    assert [note["label"] for note in taf.receipt(found).filters] == ["--event User*", "--action create"]


def test_an_archive_that_is_read_whole_is_not_loaded(places):
    archive = str(places / "archive")
    assert isinstance(Where((archive,)).read_or_open(["date"]), taf.Archive)
    for chosen in ({"window": "7d"}, {"user": ("x",)}, {"start": MIDDLE}, {"end": MIDDLE}, {"event": ("x",)}):
        assert isinstance(Where((archive,), **chosen).read_or_open(["date"]), pd.DataFrame)
    assert isinstance(Where((archive, archive)).read_or_open(["date"]), pd.DataFrame)
    assert isinstance(Where((str(places / "events.csv"),)).read_or_open(["date"]), pd.DataFrame)


# ---- mistakes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nowhere.parquet",), 5, "nowhere.parquet: No such file"),
        (("nowhere-*.csv",), 2, "no file matches nowhere-*.csv"),
        (("events.parquet", "--action", "deleet"), 2, "--action: 'deleet' is not one of approve, "),
        (("events.parquet", "--window", "7d", "--end", MIDDLE), 2, "--window and --end cannot be combined"),
        (("events.parquet", "--start", MIDDLE, "--end", MIDDLE), 2, "--end must be after --start"),
        (("events.parquet", "--start", "yesterday"), 2, "not a time such as 2026-01-01 or 2026-01-01T09:00"),
        (
            ("events.parquet", "--vocabulary", "no.toml", "--action", "delete"),
            2,
            "--vocabulary: no.toml cannot be read",
        ),
        (("events.parquet", "--bom"), 2, "--bom is only for CSV"),
        ((".",), 5, "te-audit-frames sync creates one"),
        (("months",), 5, "give a glob: 'months/**/*.parquet'"),
        (("s4://bucket/te-audit",), 2, "s4"),
        ((), 2, "Missing argument 'WHERE...'"),
    ],
    ids=str,
)
def test_a_mistake_is_named_with_its_remedy(places, tmp_path, monkeypatch, words, code, message):  # noqa: PLR0917
    monkeypatch.chdir(tmp_path)
    (tmp_path / "months" / "event_month=2026-02").mkdir(parents=True)
    (tmp_path / "events.parquet").symlink_to(places / "events.parquet")
    (tmp_path / "months" / "event_month=2026-02" / "events.parquet").symlink_to(places / "events.parquet")
    result = run("events", *words)
    assert result.exit_code == code, result.stderr
    assert message in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_a_damaged_archive_is_data(places, tmp_path):
    archive = taf.Archive(tmp_path / "te-audit")
    archive.import_parquet(places / "events.parquet")
    file = next((tmp_path / "te-audit" / "events").glob("*/events.parquet"))
    file.write_bytes(file.read_bytes()[:-9])
    result = run("summary", tmp_path / "te-audit")
    assert result.exit_code == 5
    assert "SHA-256" in result.stderr


READS = [words for words, command in walk() if any(param.name == "places" for param in command.params)]


def test_every_command_that_reads_events_reads_every_place():
    assert [" ".join(words) for words in READS if words[0] != "find"] == [
        "events",
        "summary",
        "activity",
        "plot activity",
        "plot heatmap",
        "plot top",
        "review",
        "report",
        "pseudonymize",
        "vocabulary",
    ]
    assert len([words for words in READS if words[0] == "find"]) == 9


@pytest.mark.full
@pytest.mark.few(count=5)
@pytest.mark.parametrize("words", [words for words in READS if "dormant-users" not in words], ids=" ".join)
def test_a_command_reads_a_period_of_an_archive(places, tmp_path, words):
    more = {
        "plot": ["-o", tmp_path / "p.png"],
        "report": ["-o", tmp_path / "report.html"],
        "pseudonymize": ["-o", tmp_path / "safe.parquet", "--key-file", places / "key"],
        "find": ["--format", "jsonl"],
    }.get(words[0], [])
    (places / "key").write_text("0123456789abcdef" * 4)
    (places / "key").chmod(0o600)
    result = run(*words, places / "archive", "--window", "7d", "--tz", "Europe/Berlin", *more)
    assert result.exit_code == 0, result.stderr


@pytest.mark.full
def test_an_archive_and_a_file_in_a_bucket_are_read(bucket, places, events):
    taf.Archive(bucket).import_parquet(places / "events.parquet")
    taf.write_parquet(events, f"{bucket}/files/events.parquet")
    for place in (bucket, f"{bucket}/files/events.parquet"):
        lines = run("events", place, "--start", MIDDLE, "--format", "jsonl").stdout.splitlines()
        assert len(lines) == len(taf.between(events, start=MIDDLE)), place
    missing = run("events", f"{bucket}-none", "--window", "7d")
    assert missing.exit_code == 5
    assert "te-audit-frames sync creates one" in missing.stderr
