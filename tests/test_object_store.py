"""An archive in a bucket: the same verbs against a real S3 server."""

import os
import secrets
import subprocess
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from support.buckets import s3_server
from support.world import DAY, NOW, World, event, keys, many, told

import te_audit_frames as taf
from te_audit_frames.cli.exit_codes import exit_code
from te_audit_frames.storage.archive_writer import ArchiveWriter, NewContent, read_manifest, sha256_of
from te_audit_frames.storage.manifest import Entry
from te_audit_frames.storage.object_store import ObjectStore

boto3 = pytest.importorskip("boto3", reason="the extra test-engines brings a practice S3 server")
pytest.importorskip("obstore", reason="the extra cloud brings obstore")


def contents(s3, bucket):
    name, _, prefix = bucket.removeprefix("s3://").partition("/")
    listed = boto3.client("s3", endpoint_url=s3, region_name="us-east-1").list_objects_v2(Bucket=name)
    return {item["Key"].removeprefix(prefix + "/"): item["LastModified"] for item in listed.get("Contents", [])}


@pytest.mark.full
def test_an_archive_in_a_bucket_does_what_one_in_a_folder_does(s3, bucket, tmp_path):
    world = World(*many(6), {"event": "no date"})
    archive = taf.Archive(bucket)
    assert world.sync(archive, start=NOW - 6 * DAY).events_added == 43
    before = contents(s3, bucket)
    assert set(before) == {Path(name).as_posix() for name in before}
    assert {name.split("/")[0] for name in before} == {"events", "_meta"}
    assert world.sync(archive, start=NOW - 6 * DAY).events_added == 0
    assert contents(s3, bucket) == before
    world.events.append(event(NOW - DAY, "late"))
    assert world.sync(archive, start=NOW - 6 * DAY).late_events == 1
    assert keys(archive.load().dropna(subset=["date"])) == told(world)
    assert taf.receipt(archive.load(start="2026-04-15", end="2026-04-20")).complete
    assert archive.coverage()["events"].sum() == 43
    assert archive.verify().ok
    assert all(file.startswith(f"{bucket}/events/event_date=") for file in archive.files())
    assert archive.export(tmp_path / "all.parquet") == [str(tmp_path / "all.parquet")]
    assert taf.Archive(f"{bucket}/copy").import_parquet(tmp_path / "all.parquet") == 44


@pytest.mark.full
def test_damage_in_a_bucket_is_found(s3, bucket):
    archive = taf.Archive(bucket)
    World(*many(3)).sync(archive, start=NOW - 3 * DAY)
    name, _, prefix = archive.files()[1].removeprefix("s3://").partition("/")
    boto3.client("s3", endpoint_url=s3, region_name="us-east-1").put_object(Bucket=name, Key=prefix, Body=b"PAR1")
    assert [said for _, said in archive.verify().problems if "SHA-256" in said]


def test_a_change_is_made_again_if_the_file_has_changed(bucket):
    place, other = ObjectStore(bucket, {}), ObjectStore(bucket, {})
    turns = []

    def change(content):
        turns.append(content)
        if len(turns) < 3:
            other.update("name", lambda old: (old or b"") + b"theirs ")
        return (content or b"") + b"ours"

    assert place.update("name", change)
    assert turns == [None, b"theirs ", b"theirs theirs "]
    assert place.read("name") == b"theirs theirs ours"
    assert not place.update("name", lambda old: None)
    assert not place.update("name", lambda old: old)


@pytest.mark.full
def test_a_change_that_always_collides_ends_with_an_error(bucket):
    place, other = ObjectStore(bucket, {}), ObjectStore(bucket, {})

    def change(content):
        other.update("name", lambda old: (old or b"") + b"!")
        return b"ours"

    with pytest.raises(taf.ArchiveError, match="other writers changed it"):
        place.update("name", change)


def test_an_error_of_the_store_names_the_address(bucket, monkeypatch):
    with pytest.raises(taf.StoreError, match=r"s3://te-audit-no-such-bucket/x/.*: the object store failed"):
        taf.Archive("s3://te-audit-no-such-bucket/x", storage_options={"aws_region": "us-east-1"}).coverage()
    with pytest.raises(taf.InvalidArgument, match="storage_options: s3://x/y cannot be opened"):
        taf.Archive("s3://x/y", storage_options={"colour": "blue"})


@pytest.mark.full
def test_without_the_extra_the_remedy_is_named():
    code = "import sys; sys.modules['obstore'] = None\nimport te_audit_frames as taf\ntaf.Archive('s3://bucket/x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'te-audit-frames[cloud]'" in done.stderr.splitlines()[-1]


def test_a_bucket_that_is_not_there_is_a_failure_of_the_network_not_of_the_data(bucket):
    missing = taf.Archive("s3://te-audit-no-such-bucket/x")

    def sync():
        World(*many(2)).sync(missing)

    for act in (missing.load, missing.files, missing.coverage, missing.verify, sync):
        with pytest.raises(taf.StoreError, match=r"the object store failed: NoSuchBucket: .*bucket") as caught:
            act()
        assert exit_code(caught.value) == 4
        assert type(caught.value.__cause__).__module__.startswith(("obstore", "builtins"))


def test_a_panic_of_the_stores_rust_code_is_an_error_that_names_the_file(bucket, monkeypatch):
    with pytest.raises(taf.InvalidArgument, match="storage_options: s3://x/y cannot be opened"):
        taf.Archive("s3://x/y", storage_options={"aws_allow_http": "true"})
    monkeypatch.setenv("AWS_SESSION_TOKEN", "copied with\na line break")
    place = ObjectStore(bucket, {})
    assert repr(place) == f"ObjectStore({bucket!r})"
    for act in (
        lambda: taf.Archive(bucket).load(),
        lambda: place.names("events"),
        lambda: place.update("_meta/coverage.json", lambda old: b"new"),
    ):
        with pytest.raises(taf.StoreError, match=rf"{bucket}/.*: the package obstore failed .* Check the store's"):
            act()


@pytest.mark.full
def test_two_writers_at_once_are_both_in_the_manifest(bucket):
    """One writer syncs while the other is in the middle of its own sync."""
    archive, other = taf.Archive(bucket), taf.Archive(bucket)
    first = World(*many(6)).sync(archive, start=NOW - 6 * DAY).manifest
    late = World(*many(6), event(NOW - DAY, "late"))

    writer = ArchiveWriter(ObjectStore(bucket, {}), alone=False, survey=lambda: ({}, set()))
    writer.begin()
    theirs = []

    def make(content):
        if not theirs:
            theirs.append(late.sync(other, start=NOW - 6 * DAY).manifest)
        return NewContent((content or b"") + b"!", 1)

    writer.write({"events/ours": make})
    assert writer.digest == theirs[0]  # announcements do not change the digest
    writer.finish()
    assert writer.digest != theirs[0]
    manifest = read_manifest(ObjectStore(bucket, {}))
    assert {first, theirs[0]} <= set(manifest.parents)
    assert manifest.digest == writer.digest
    assert manifest.files["events/ours"].sha256 == sha256_of(b"!")
    assert [name for name, _ in archive.verify().problems] == ["events/ours"]  # it is not a day file


def test_of_two_writers_of_one_file_the_manifest_has_the_last(bucket):
    place = ObjectStore(bucket, {})
    assert repr(place) == f"ObjectStore({bucket!r})"
    one, two = (ArchiveWriter(place, alone=False, survey=lambda: ({}, set())) for _ in range(2))
    one.begin()
    two.begin()

    def append(letter, meanwhile=()):
        acts = iter(meanwhile)

        def make(content):
            for act in acts:
                act()
            return NewContent((content or b"") + letter, len(content or b"") + 1)

        return make

    one.write({"file": append(b"1", [lambda: two.write({"file": append(b"2")})])})
    for writer in (one, two):
        writer.finish()
        assert read_manifest(place).accepts("file", sha256_of(place.read("file")))
    assert place.read("file") == b"21"
    assert read_manifest(place).files["file"] == Entry(sha256_of(b"21"), 2)
    assert not read_manifest(place).unfinished()


def without_etags(app):
    """A store whose answers have no ETag."""

    def answer(environ, respond):
        def start(status, headers, *rest):
            return respond(status, [(name, value) for name, value in headers if name.lower() != "etag"], *rest)

        return app(environ, start)

    return answer


def without_conditions(app):
    """A store that ignores the conditions of a write."""

    def answer(environ, respond):
        ignored = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH")
        return app({name: value for name, value in environ.items() if name not in ignored}, respond)

    return answer


def losing_answers(app):
    """A store that makes each write, but loses the answer to every second one."""
    writes = count()

    def answer(environ, respond):
        if environ["REQUEST_METHOD"] != "PUT" or next(writes) % 2:
            return app(environ, respond)
        list(app(environ, lambda *_: lambda _: None))
        respond("500 Internal Server Error", [("Content-Length", "0")])
        return []

    return answer


@pytest.fixture
def odd_bucket(monkeypatch):
    """Return a function that serves an empty bucket of a store with some habit, and returns its URL."""
    with ExitStack() as stack:

        def serve(around):
            url = stack.enter_context(s3_server(around))
            for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
                monkeypatch.setenv(f"AWS_{name}", "practice")
            for name, value in {"REGION": "us-east-1", "ENDPOINT_URL": url, "ALLOW_HTTP": "true"}.items():
                monkeypatch.setenv(f"AWS_{name}", value)
            name = f"te-audit-{secrets.token_hex(8)}"
            boto3.client("s3", endpoint_url=url, region_name="us-east-1").create_bucket(Bucket=name)
            return f"s3://{name}/te-audit"

        yield serve


@pytest.mark.parametrize(
    ("habit", "reason"),
    [(without_etags, "ETag"), (without_conditions, "ignores If-Match and If-None-Match")],
)
def test_a_store_without_conditional_writes_is_refused_at_the_first_write(odd_bucket, habit, reason):
    bucket = odd_bucket(habit)
    calls = []
    for before in (None, b"old"):
        place = ObjectStore(bucket, {})
        if before:
            name, _, prefix = bucket.removeprefix("s3://").partition("/")
            boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1").put_object(
                Bucket=name, Key=f"{prefix}/name", Body=before
            )
        calls.clear()
        with pytest.raises(taf.StoreError, match=rf"^{bucket}/name: an archive needs conditional writes.*{reason}"):
            place.update("name", lambda old: calls.append(old) or b"new")
        assert calls == [before]


def test_a_bucket_that_is_set_up_without_conditional_writes_is_refused(bucket):
    ObjectStore(bucket, {}).update("name", lambda old: b"old")
    place = ObjectStore(bucket, {"aws_conditional_put": "disabled"})
    with pytest.raises(taf.StoreError, match=r"needs conditional writes.*aws_conditional_put"):
        place.update("name", lambda old: b"new")


def test_a_write_with_a_lost_answer_is_in_the_manifest(odd_bucket):
    archive = taf.Archive(odd_bucket(losing_answers))
    world = World(*many(3))
    report = world.sync(archive, start=NOW - 2 * DAY)
    assert (report.events_added, len(report.new_events), report.notes) == (21, 21, [])
    assert keys(archive.load()) == told(world)
    assert archive.verify().problems == ()
