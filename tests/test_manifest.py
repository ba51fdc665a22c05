"""The manifest: the list of an archive's files, and its own file."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.world import World, many

import te_audit_frames as taf
from te_audit_frames.storage.archive_writer import sha256_of
from te_audit_frames.storage.manifest import MANIFEST, Announcement, Entry, Manifest


@pytest.fixture
def place(tmp_path):
    return tmp_path / "te-audit"


@pytest.fixture
def archive(place):
    archive = taf.Archive(place)
    World(*many(15), {"event": "no date", "aid": "1"}).sync(archive)
    return archive


def test_the_manifest_names_every_file_and_the_account_groups(archive, place):
    manifest = Manifest.load((place / MANIFEST).read_bytes(), file="manifest.json")
    ours = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    assert ours - manifest.files.keys() == {MANIFEST, "_meta/lock"}
    assert manifest.groups == ("1",)
    assert (manifest.parents, manifest.unfinished()) == ((), set())
    for name, entry in manifest.files.items():
        assert entry.sha256 == sha256_of((place / name).read_bytes())
    assert sum(entry.rows or 0 for entry in manifest.files.values()) == 15 * 7 + 1
    assert json.loads((place / MANIFEST).read_bytes())["digest"] == manifest.digest


def test_an_import_is_in_the_manifest_too(archive, place, tmp_path):
    events = taf.read_pages([b'{"auditEvents": [{"event": "User login.", "date": "2026-01-05T09:00:00Z"}]}'])
    taf.write_parquet(events, tmp_path / "saved.parquet")
    assert archive.import_parquet(tmp_path / "saved.parquet") == 1
    assert archive.verify().ok
    Path(archive.files()[0]).unlink()
    assert len(archive.verify().problems) == 1


TEXTS = st.text(max_size=5)
ENTRIES = st.builds(Entry, TEXTS, st.none() | st.integers(0, 9))
ANNOUNCEMENTS = st.builds(
    Announcement, TEXTS, st.dictionaries(TEXTS, st.lists(ENTRIES, min_size=1, max_size=2).map(tuple), max_size=2)
)
MANIFESTS = st.builds(
    Manifest,
    st.dictionaries(TEXTS, ENTRIES, max_size=3),
    st.lists(TEXTS, max_size=2).map(tuple),
    st.lists(TEXTS, max_size=2).map(tuple),
    st.dictionaries(TEXTS, ANNOUNCEMENTS, max_size=2),
)


@given(MANIFESTS)
@settings(deadline=None, max_examples=examples(60))
def test_a_manifest_comes_back_from_its_file(manifest):
    read = Manifest.load(manifest.dump(), file="manifest.json")
    assert read == manifest
    assert read.digest == manifest.digest


@given(MANIFESTS, TEXTS, ENTRIES)
@settings(deadline=None, max_examples=examples(60))
def test_the_digest_changes_with_the_files_and_not_with_announcements(manifest, name, entry):
    changed = manifest.with_files({name: entry}, manifest.groups)
    assert (changed.digest == manifest.digest) == (
        (changed.files, changed.groups) == (dict(manifest.files), manifest.groups)
    )
    announced = manifest.with_announcement("writer", Announcement("now", {name: (entry,)}))
    assert announced.digest == manifest.digest
    assert announced.accepts(name, entry.sha256)
    assert name in announced.unfinished()
    assert entry in announced.candidates(name)
    assert announced.candidates(name, besides="writer") == manifest.candidates(name, besides="writer")
    assert "writer" not in announced.with_announcement("writer", Announcement("now", {})).announced


@pytest.mark.parametrize("change", [lambda text: text.replace(b'"ab",7', b'"ab",8'), lambda text: text[:-5]])
def test_a_changed_file_is_refused(change):
    content = change(Manifest({"a": Entry("ab", 7)}).dump())
    with pytest.raises(taf.DamagedFile, match=r"manifest\.json is damaged.*Restore it from a backup"):
        Manifest.load(content, file="manifest.json")


def test_a_manifest_says_what_it_is():
    manifest = Manifest({"a": Entry("ab", 7)}, ("1",)).with_announcement(
        "writer", Announcement("now", {"b": (Entry("cd", 1),)})
    )
    assert repr(manifest) == f"Manifest(1 file, 1 account group, 1 unfinished, digest {manifest.digest})"
