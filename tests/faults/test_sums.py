"""Whatever is done to a frame, on days when clocks change, and whatever the zone of the machine: the sums hold.

Run as a program, this module does one machine's share: it draws frames, works on them, checks the sums against plain
Python, and prints a digest of all that came out of each.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pytest
from support.campaign import spread
from support.frames import LIBRARIES, TEXTS

import te_audit_frames as taf
from te_audit_frames.analysis.activity import hours_of_week
from te_audit_frames.periods import iso
from te_audit_frames.sandbox import Organisation, Sandbox
from te_audit_frames.schema import ATTRS_KEY, COLUMNS, FIELDS, to_arrow
from te_audit_frames.storage.csv_jsonl import write_csv, write_jsonl

# Zones, and days on which their clocks change.
ZONES = {
    "UTC": ["2026-01-01", "2024-02-29"],
    "Europe/Berlin": ["2026-03-29", "2026-10-25", "2025-12-31"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],  # by half an hour
    "Africa/Cairo": ["2026-04-24", "2026-10-30"],  # at midnight
    "Pacific/Apia": ["2011-12-30", "2011-12-31"],  # a day that was skipped
    "America/New_York": ["2026-03-08", "2026-11-01"],
}
# Zones whose clocks do what no machine of the campaign stands in.
CLOCKS = ZONES | {
    "Pacific/Chatham": ["2026-04-05", "2026-09-27"],  # at a quarter to four
    "America/St_Johns": ["2010-11-07", "2011-03-13"],  # at a minute past midnight, and back into the day before
    "Antarctica/Casey": ["2021-10-03"],  # by three hours, at a minute past midnight
}
DIMENSIONS = ["user", "account_group", "event", "ip_address"]


# ---- frames and what plain Python knows of them ------------------------------------------------------------------


def draw(dice, midnight):
    """Draw events around a turn of the clock, some on the very moment, some without a date, some twice."""
    rows = []
    for _ in range(dice.choice([0, 1, 5, 30])):
        seconds = dice.choice(
            [dice.randint(-40 * 86_400, 40 * 86_400), dice.randint(-12, 12) * 1800, dice.randint(-120, 120) * 60]
        )
        moment = midnight + timedelta(seconds=seconds, microseconds=dice.choice([0, 0, -1, 1]))
        row = {name: dice.choice([None, *TEXTS]) for name in COLUMNS}
        row |= {"date": dice.choice([moment] * 9 + [None]), "event": dice.choice(TEXTS[:2]), "extra": None}
        row["resources"] = dice.choice([None, [], [{"type": "testName", "name": "t"}] * 2])
        rows += [row] * dice.choice([1, 1, 2])
    return rows


def frame_of(rows, midnight):
    """Read rows as the API would send them; the receipt speaks of more days than they have."""
    events = [{field: row[name] for field, name in FIELDS.items()} for row in rows]
    frame = taf.read_pages([json.dumps({"auditEvents": events}, default=datetime.isoformat).encode()])
    start, end = midnight - timedelta(days=41), midnight + timedelta(days=41, minutes=30)
    frame.attrs = {
        ATTRS_KEY: {
            "source": "api",
            "requested": {},
            "resolved": {"start": iso(start), "end": iso(end)},
            "scope": {"aid": None, "all_account_groups": True},
            "complete": True,
            "events": len(frame),
            "pages": 1,
        }
    }
    return frame


def work(frame, rows, dice, midnight, path):
    """Do to a frame one of the things that people do, and the same to the rows; their order is nobody's."""
    what = dice.choice(["concat", "concat", "kind", "since", "sort", "shuffle", "zone", "category", "parquet", "parts"])
    moment = dice.choice([row["date"] for row in rows if row["date"]] or [midnight])
    if what == "concat":
        others = draw(dice, midnight)
        return pd.concat([frame_of(others, midnight), frame], ignore_index=dice.random() < 0.5), rows + others
    if what == "kind":
        return frame[frame["event"] == "x"], [row for row in rows if row["event"] == "x"]
    if what == "since":
        return frame[frame["date"] >= moment], [row for row in rows if row["date"] and row["date"] >= moment]
    if what == "sort":
        return frame.sort_values(["user", "date"]), rows
    if what == "shuffle":
        return frame.sample(frac=1, random_state=dice.randrange(99)), rows
    if what == "zone":
        return frame.assign(date=frame["date"].dt.tz_convert(dice.choice(list(CLOCKS)))), rows
    if what == "category":
        return frame.astype(dict.fromkeys(["uid", "user", "aid", "event"], "category")), rows
    taf.write_parquet(frame, path)
    if what == "parquet":
        if dice.random() < 0.5:
            pl.read_parquet(path).write_parquet(path)
        return dice.choice([taf.read_parquet, pd.read_parquet])(path), rows
    earlier, later = taf.read_parquet(path, end=moment), taf.read_parquet(path, start=moment)
    return pd.concat([later, earlier, frame[frame["date"].isna()]]), rows


# ---- the sums ----------------------------------------------------------------------------------------------------


def turn(moment, freq, zone):
    """What a wall clock and calendar show of a moment, down to the period."""
    wall = moment.astimezone(ZoneInfo(zone))
    if freq == "h":
        return wall.date(), wall.hour, wall.utcoffset()
    if freq == "MS":
        return wall.year, wall.month
    return wall.date() - timedelta(days=wall.weekday() if freq == "W" else 0)


def sums(frame, rows, dice):
    """Check that whatever is counted adds up to the rows; yield all that came out."""
    # DuckDB often, since its sessions have a time zone, which is the machine's.
    library = dice.choice([lambda _: frame, LIBRARIES["duckdb"], dice.choice(list(LIBRARIES.values()))])
    events = library(to_arrow(frame))
    dates = [row["date"] for row in rows if row["date"]]
    assert len(taf.explode_resources(frame)) == sum(len(row["resources"] or []) for row in rows)

    summary = taf.summarize(events, by=dice.sample(DIMENSIONS, dice.choice([1, 2])), top=dice.choice([None, 1, 3]))
    assert summary["events"].sum() == len(rows)
    assert not rows or abs(summary["share"].sum() - 1) < 1e-9
    ends = [summary["first_event"].min(), summary["last_event"].max()]
    assert ends == [min(dates), max(dates)] if dates else pd.isna(ends).all()
    yield summary

    for freq in ["h", *dice.sample(["D", "W", "MS"], 2)]:
        zone, by = dice.choice(list(CLOCKS)), dice.choice([None, dice.sample(DIMENSIONS, dice.choice([1, 2]))])
        counts = taf.activity(events, freq=freq, by=by, top=dice.choice([None, 1]), tz=zone)
        found = Counter()
        for period, number in counts.groupby("period")["events"].sum().items():
            found[turn(period.to_pydatetime(), freq, zone)] += number
        assert +found == Counter(turn(moment, freq, zone) for moment in dates), f"{freq} in {zone}"
        if freq == "h":
            clock = Counter((wall.weekday(), wall.hour) for wall in (at.astimezone(ZoneInfo(zone)) for at in dates))
            week = [[clock[day, hour] for hour in range(24)] for day in range(7)]
            assert hours_of_week(counts).to_numpy().tolist() == week, zone
        yield counts


def digest(frames, *files):
    """Sum up what came out."""
    said = hashlib.sha256()
    for frame in frames:
        said.update(str(frame.dtypes).encode() + pd.util.hash_pandas_object(frame).to_numpy().tobytes())
    for file in files:
        said.update(file.read_bytes())
    return said.hexdigest()


def one_frame(seed, folder):
    dice = random.Random(seed)
    zone = dice.choice(list(CLOCKS))
    midnight = datetime.fromisoformat(dice.choice(CLOCKS[zone])).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    rows = draw(dice, midnight)
    frame = frame_of(rows, midnight)
    for _ in range(dice.randint(1, 4)):
        frame, rows = work(frame, rows, dice, midnight, folder / "worked")
    files = [folder / "events.parquet", folder / "events.csv", folder / "events.jsonl"]
    for write, file in zip([taf.write_parquet, write_csv, write_jsonl], files, strict=True):
        write(frame, file)
    return digest(sums(frame, rows, dice), *files)


def from_a_server(folder):
    """Fetch, and keep in an archive, days when clocks change in Europe."""
    period, now = [datetime(2026, 3, day, tzinfo=UTC) for day in (28, 30)], datetime(2026, 4, 2, 12, tzinfo=UTC)
    with Sandbox(Organisation(events=2_000, seed=1, end=now, days=20), now=now, rate_limit=None) as api:
        client = taf.Client(token=api.token, base_url=api.url, progress=False)
        some = client.fetch_events(start=date(2026, 3, 28), end="2026-03-30T02:00:00+02:00", all_account_groups=True)
        assert len(some) == len(api.truth(*period, all_account_groups=True))
        archive = taf.Archive(folder / "archive")
        archive.sync(client, start="2026-03-27", all_account_groups=True)
    kept = archive.load(start="2026-03-28", end="2026-03-30")
    assert kept.equals(some)
    return digest([kept.drop(columns="resources")], *sorted((folder / "archive" / "events").rglob("*.parquet")))


# ---- six machines ------------------------------------------------------------------------------------------------


def run(frames):
    """Do what one machine does: a line for each frame."""
    here = datetime(2026, 7, 1)
    assert here.astimezone() == here.replace(tzinfo=ZoneInfo(os.environ["TZ"])), "TZ is not felt"
    with tempfile.TemporaryDirectory() as folder:
        yield from_a_server(Path(folder))
        for seed in range(frames):
            try:
                yield one_frame(seed, Path(folder))
            except Exception as error:
                error.add_note(f"seed {seed}")
                raise


def started(zone, frames):
    environment = os.environ | {"TZ": zone, "PYTHONPATH": os.pathsep.join(sys.path)}
    program = [sys.executable, __file__, str(frames)]
    return subprocess.run(program, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.full
@pytest.mark.campaign(full=6 * 300, middle=2 * 15)
def test_counts_add_up_to_the_events_on_machines_of_six_zones(cases):
    zones = spread(list(ZONES), max(2, cases // 300))  # in the middle setting, the first and the last
    with ThreadPoolExecutor(2) as pool:
        machines = dict(zip(zones, pool.map(started, zones, [cases // len(zones)] * len(zones)), strict=True))
    for zone, machine in machines.items():
        assert machine.returncode == 0, f"TZ={zone}\n{machine.stderr}"
        lines = enumerate(zip(machine.stdout.split(), machines["UTC"].stdout.split(), strict=True), start=-1)
        assert [seed for seed, (here, in_utc) in lines if here != in_utc] == [], f"seeds with TZ={zone}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in run(int(sys.argv[1])))
