"""A writer that is killed, or whose disk is full: the file is the old one intact, or the new one whole.

Run as a program, this module is a nursery: it loads the package once, and forks a writer whenever it is told to.
"""

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from functools import cache
from itertools import count

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.campaign import spread

import te_audit_frames.storage
from te_audit_frames.schema import ARROW_SCHEMA, to_arrow, to_events
from te_audit_frames.storage.parquet import read_parquet, write_parquet

if sys.platform == "win32":
    pytest.skip("signals and limits of POSIX", allow_module_level=True)
import resource

STORAGE = te_audit_frames.storage.__path__[0]


# ---- what is written ---------------------------------------------------------------------------------------------

ROWS = [6_000, 1, 2**18 + 5, 20_000, 700, 20_000]
EDITIONS = len(ROWS)


@cache
def edition(number):
    """One of the frames that take turns in the file, told apart by their uid. The third is of two row groups."""
    dice, rows = np.random.default_rng(number), ROWS[number]
    columns = {field.name: pa.nulls(rows, field.type) for field in ARROW_SCHEMA}
    columns["date"] = pa.array(np.sort(dice.integers(0, 10**15, rows))).cast(ARROW_SCHEMA.field("date").type)
    columns["uid"] = pa.array([str(number)] * rows, pa.large_string())
    columns["user"] = pa.array(dice.integers(0, 10**6, rows)).cast(pa.large_string())
    return to_events(pa.table(columns, ARROW_SCHEMA))


def write(number, path):
    """Write an edition, each third one as a stream."""
    frame = edition(number)
    write_parquet(iter(to_arrow(frame).to_batches(max_chunksize=5_000)) if number % 3 == 2 else frame, path)


def edition_in(path):
    """Check that the file is an edition from its first to its last row, and tell which."""
    found = read_parquet(path)
    number = int(found["uid"].iloc[0])
    pd.testing.assert_frame_equal(found, edition(number))
    return number


# ---- writers, in processes of their own ----------------------------------------------------------------------------


def keep_writing(path, number):
    """Write edition after edition, and say of each that it is written."""
    for each in count(number):
        write(each % EDITIONS, path)
        say(each)


def die_at_a_line(path, number, last):
    """Write an edition, and be killed at a line of the storage modules, counted as they run; or say how many run."""
    lines = count(1)

    def trace(frame, event, _):
        if not frame.f_code.co_filename.startswith(STORAGE):
            return None
        if event == "line" and next(lines) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    write(number, path)
    sys.settrace(None)
    say(next(lines) - 1)


def fill_the_disk(path, number, room):
    """Write an edition where a file may grow to so many bytes only, say how it went, and write it elsewhere freely."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    try:
        write(number, path)
    except OSError as error:
        say(error.errno)
    else:
        say(0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    write(number, f"{path}.later")


def say(number):
    os.write(1, b"%d\n" % number)


def nurse():
    """Fork a writer for each line of orders; it says its process id first, and an empty line is its end."""
    for number in range(EDITIONS):
        edition(number)
    for order in sys.stdin:
        work, path, *numbers = order.split()
        if child := os.fork():
            os.waitpid(child, 0)
            os.write(1, b"\n")
            continue
        try:
            say(os.getpid())
            globals()[work](path, *map(int, numbers))
        finally:
            os._exit(0)


class Nursery:
    """The program, and the way to talk to it."""

    def __init__(self):
        self._program = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def start(self, work, path, *numbers):
        """Fork a writer; return its process id."""
        print(work.__name__, path, *numbers, file=self._program.stdin, flush=True)
        return int(self._program.stdout.readline())

    def end(self):
        """Wait for the writer's end; return what it said."""
        return [int(line) for line in iter(self._program.stdout.readline, "\n")]

    def close(self):
        self._program.communicate(timeout=60)


@pytest.fixture(scope="module")
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "events.parquet"
    write(0, path)
    return path


def leftovers(path):
    """List what else lies beside the file, and check that nobody takes it for a file of events."""
    others = [each for each in path.parent.iterdir() if each != path]
    for each in others:
        assert (each.name[0], each.suffix) == (".", ".part")
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    assert list(path.parent.rglob("*.parquet")) == [path]
    assert duckdb.sql(f"select count(*) from '{path.parent}/*.parquet'").fetchall() == [(len(read_parquet(path)),)]
    return others


@pytest.mark.full
@pytest.mark.campaign(full=200, middle=12, short=3)
def test_a_writer_killed_at_any_moment_leaves_a_whole_file(cases, path, nursery):
    latest, cut_short = 0, 0
    for seed in range(cases):
        dice = random.Random(seed)
        moment = time.monotonic() + dice.uniform(0, 0.2)
        pid = nursery.start(keep_writing, path, latest + 1)
        if seed % 2:
            time.sleep(max(0, moment - time.monotonic()))
        while time.monotonic() < moment:
            edition_in(path)  # a reader in the meantime finds a whole file too
        os.kill(pid, signal.SIGKILL)
        done = max(nursery.end(), default=latest)
        found = edition_in(path)
        assert found in (done % EDITIONS, (done + 1) % EDITIONS), f"seed {seed}: {done} was written, {found} is there"
        latest = done if found == done % EDITIONS else done + 1
        others = leftovers(path)
        assert len(others) <= 1, f"seed {seed}"
        for each in others:
            each.unlink()
        cut_short += len(others)
    if cases > 5:  # a few may all come too early or too late
        assert cut_short > cases // 4, "few writers were killed while they wrote"


@pytest.mark.full
@pytest.mark.campaign(full=200, middle=24, short=6)
def test_a_writer_killed_at_any_line_leaves_a_whole_file(cases, path, nursery):
    found = []
    for number in (1, 2):
        nursery.start(die_at_a_line, path, number, 0)
        (lines,) = nursery.end()
        for last in spread(range(1, lines + 1), cases // 2):
            write(0, path)
            nursery.start(die_at_a_line, path, number, last)
            assert nursery.end() == [], f"edition {number} was not killed at line {last}"
            found.append(edition_in(path))
            assert found[-1] in (0, number), f"edition {number}, line {last}"
            for each in leftovers(path):
                each.unlink()
    assert set(found) == {0, 1, 2}


@pytest.mark.full
@pytest.mark.campaign(full=200, middle=9)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(cases, path, nursery):
    for number in (1, 2, 3):
        write(number, path)
        size = path.stat().st_size
        for room in [*spread(range(size - 1), cases // 3 - 1), size - 1, size]:
            case = f"edition {number}, {room} of {size} bytes"
            write(0, path)
            nursery.start(fill_the_disk, path, number, room)
            assert nursery.end() == [errno.EFBIG if room < size else 0], case
            assert edition_in(path) == (0 if room < size else number), case
            later = path.with_name(f"{path.name}.later")
            assert edition_in(later) == number, f"{case}: what failed once fails again"
            later.unlink()
            assert leftovers(path) == [], case


if __name__ == "__main__":
    nurse()
