"""Review: findings on people whom nobody attacked, and attacks that were grafted onto them.

The folder that TE_AUDIT_FRAMES_HISTORIES names has the histories of `hours`, `*.jsonl.gz`, and `attacks.json` with the
events of each technique. Without them, the program measures nothing.

*Budget.* All weeks after the first 26 are under review at once: each is judged with everything before it. Findings are
counted per 100 weeks in which a person was active, for all people and for each half of them. Thresholds were chosen on
the first half.

*Detection.* Each attack (in the short setting, each that is required) is grafted onto 20 people and days that are
drawn with a seed. On such a day the person acted, and the history began at least 26 weeks before. The events of the
attack keep their time of day and get the person's `uid` and `user`. That person's whole week is reviewed together
with everybody else's, with all history before its Monday.

*Practice organisation.* Two years of its log without incidents give the budget once more. The last three weeks of a
year with incidents show whether each is found.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import te_audit_frames as taf
from benchmarks.hours import HISTORIES, WEEK, histories
from benchmarks.measure import Result, alone
from te_audit_frames.checks.baseline import Baseline, read_baseline
from te_audit_frames.sandbox import Sandbox

REQUIRED = (
    *("cloudtrail-delete", "cloudtrail-event-selectors", "cloudtrail-stop", "vpc-remove-flow-logs"),
    *("iam-backdoor-role", "iam-backdoor-user", "iam-create-admin-user", "iam-create-backdoor-role"),
    *("iam-create-user-login-profile", "iam-update-user-login-profile"),
)
BOUNDS = {"high": 1.0, "medium": 10.0, "low": 20.0}
FIRST = pd.Timedelta(weeks=26)
SEED = 20261101
GRAFTS = 20


@dataclass(frozen=True)
class Place:
    """A week of a history, and the person and day onto which attacks are grafted."""

    uid: str
    user: str
    day: pd.Timestamp
    monday: pd.Timestamp
    week: pd.DataFrame
    before: pd.DataFrame
    baseline: Baseline


Judge = Callable[[pd.DataFrame, Place], pd.DataFrame]
"""Returns one row per suspicious person, the most suspicious first: `uid`, and whether the person is `found`."""


def attacks() -> dict[str, pd.DataFrame]:
    """Read the attacks, by the last part of their name."""
    file = Path(HISTORIES) / "attacks.json"
    if not HISTORIES or not file.exists():
        return {}
    found = json.loads(file.read_text())
    return {
        name.rpartition(".")[2]: taf.read_pages([json.dumps({"auditEvents": events}).encode()])
        for name, events in found.items()
    }


def places(all_events: dict[str, pd.DataFrame]) -> Iterator[Place]:
    """Draw people and days, the same number from each history."""
    rng = np.random.default_rng(SEED)
    for history in all_events.values():
        events = history[["date", "aid", "account_group_name", "event", "uid", "user", "ip_address", "resources"]]
        days = events["date"].dt.floor("D")
        late = events.assign(day=days)[days >= days.min() + FIRST].drop_duplicates(["uid", "day"])
        people = np.sort(late["uid"].unique())
        for uid in rng.choice(people, GRAFTS // len(all_events), replace=False):
            theirs = late[late["uid"] == uid].sort_values("day")
            row = theirs.iloc[int(rng.integers(len(theirs)))]
            monday = row["day"] - pd.Timedelta(days=row["day"].day_of_week)
            week = events[(events["date"] >= monday) & (events["date"] < monday + WEEK)]
            before = events[events["date"] < monday]
            yield Place(uid, row["user"], row["day"], monday, week, before, read_baseline(before))


def grafted(place: Place, attack: pd.DataFrame) -> pd.DataFrame:
    """Return the events of the week with those of the attack."""
    dates = place.day + (attack["date"] - attack["date"].dt.floor("D"))
    moved = attack[place.week.columns].assign(date=dates, uid=place.uid, user=place.user)
    return pd.concat([place.week, moved], ignore_index=True).sort_values("date", kind="stable", ignore_index=True)


def ours(events: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Judge by the review."""
    found = taf.review(events, history=place.baseline)
    uids = set(found.findings.loc[found.findings["severity"].isin(["high", "medium"]), "uid"])
    return found.people.assign(found=found.people["uid"].isin(uids))[["uid", "found"]]


def _ranked(score: pd.Series, least: float) -> pd.DataFrame:
    score = score.sort_values(ascending=False, kind="stable")
    score = score[score > 0]
    return pd.DataFrame({"uid": score.index, "found": (score > least).to_numpy()})


def new_in_file(events: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Call each person's first use of a text in the week a finding: the week is the file."""
    first = events.drop_duplicates(["uid", "event"])
    return _ranked(first.groupby("uid").size(), 0)


def new_for_person(events: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Call a text a finding if the person has not used it in the history."""
    known = pd.MultiIndex.from_frame(place.before[["uid", "event"]])
    new = events[~pd.MultiIndex.from_frame(events[["uid", "event"]]).isin(known)].drop_duplicates(["uid", "event"])
    return _ranked(new.groupby("uid").size(), 0)


def three_sigma(events: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Call a day a finding if its events exceed the mean of the person's active days by three standard deviations."""
    before = place.before.assign(day=place.before["date"].dt.floor("D")).groupby(["uid", "day"]).size()
    bound = before.groupby("uid").mean() + 3 * before.groupby("uid").std().fillna(0)
    now = events.assign(day=events["date"].dt.floor("D")).groupby(["uid", "day"]).size()
    over = now - bound.reindex(now.index.get_level_values("uid")).fillna(0).to_numpy()
    return _ranked(over.groupby("uid").max(), 0)


def fixed_day(events: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Call an event a finding if it is not between 9 and 17 UTC, or is at a weekend."""
    hour = events["date"].dt.hour
    odd = events[(hour < 9) | (hour >= 17) | (events["date"].dt.day_of_week >= 5)]
    return _ranked(odd.groupby("uid").size(), 0)


def shipped(events: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Call five deletions in nine minutes a finding, as a rule of Elastic does."""
    deleted = events[events["event"].str.contains("deleted")].sort_values("date")
    fifth = deleted.groupby("uid")["date"].shift(-4) - deleted["date"]
    return _ranked(deleted[fifth <= pd.Timedelta("9min")].groupby("uid").size(), 0)


PEERS: dict[str, Judge] = {
    "review": ours,
    "new for the person": new_for_person,
    "new in this file": new_in_file,
    "mean + 3 sigma of events a day": three_sigma,
    "9 to 17 UTC, working days": fixed_day,
    "five deletions in nine minutes": shipped,
}


def budget(name: str, events: pd.DataFrame) -> pd.DataFrame:
    """Return one row per week of a person: the number of findings of each severity."""
    start = events["date"].min().floor("D") + FIRST
    start += pd.Timedelta(days=-start.day_of_week % 7)
    now = events[events["date"] >= start]
    found = taf.review(now, history=events[events["date"] < start]).findings
    active = _weeks(now["uid"], now["date"]).drop_duplicates()
    counts = pd.crosstab([found["uid"], _weeks(found["uid"], found["first_event"])["monday"]], found["severity"])
    rows = active.merge(counts.rename_axis(["uid", "monday"]).reset_index(), on=["uid", "monday"], how="left")
    return rows.reindex(columns=["uid", "monday", *BOUNDS]).fillna(0).assign(history=name)


def _weeks(uid: pd.Series, date: pd.Series) -> pd.DataFrame:
    days = date.dt.floor("D")
    return pd.DataFrame({"uid": uid, "monday": days - pd.to_timedelta(days.dt.day_of_week, unit="D")})


def half_of(uid: str) -> int:
    """Return the half of the people that somebody belongs to, by a hash, which does not depend on the others."""
    return hashlib.sha256(uid.encode()).digest()[0] % 2


def run(full: bool) -> list[Result]:
    """Measure the budget, then detection, beside simple peers."""
    all_events, techniques = histories(), attacks()
    if not all_events or not techniques:
        return []
    rows = pd.concat([budget(name, events) for name, events in all_events.items()])
    half = rows["uid"].map(half_of)
    parts = {"all": rows, **dict(list(rows.groupby("history")))}
    parts |= {"first half of the people": rows[half == 0], "second half": rows[half == 1]}
    results = []
    for severity, bound in BOUNDS.items():
        for what, part in parts.items():
            figure = 100 * part[severity].sum() / len(part)
            said = f"{severity} findings in 100 active weeks, {what} ({part[severity].sum():.0f} in {len(part)})"
            results.append(Result(said, f"{figure:.2f}", f"at most {bound:g}", figure <= bound))
    results += practice(range(3 if full else 1))
    if not full:
        techniques = {name: attack for name, attack in techniques.items() if name in REQUIRED}
    return results + detection(list(places(all_events)), techniques)


def practice(seeds: range) -> list[Result]:
    """Review the practice organisation: two years without incidents, and the three weeks in which incidents happen."""
    weeks, counts = 0, dict.fromkeys(BOUNDS, 0.0)
    found: dict[str, list[str]] = {}
    others = pd.Series(0, index=["high", "medium"])
    for seed in seeds:
        with Sandbox(events=20_000, days=730, seed=seed, habits=True, page_size=1_000) as api:
            rows = budget("practice", taf.Client(token=api.token, base_url=api.url).fetch_events(window="104w"))
        weeks += len(rows)
        counts = {name: counts[name] + rows[name].sum() for name in BOUNDS}
        with Sandbox(events=20_000, days=365, seed=seed, incidents=True, page_size=1_000) as api:
            client = taf.Client(token=api.token, base_url=api.url)
            events, users, incidents = client.fetch_events(window="365d"), client.fetch_users(), api.incidents
        late = taf.between(events, start=events["date"].max() - 3 * WEEK)
        findings = taf.review(late, history=events, users=users).findings
        findings = findings[findings["severity"] != "info"]
        known = pd.Series(False, index=findings.index)
        for incident in incidents:
            theirs = (findings["uid"] == incident.uid) & (findings["last_event"] >= incident.start)
            theirs &= findings["first_event"] < incident.end
            known |= theirs
            found.setdefault(incident.kind, []).append(next(iter(findings.loc[theirs, "severity"]), "not found"))
        others += findings.loc[~known, "severity"].value_counts().reindex(others.index, fill_value=0)
    results = [
        Result(
            f"{name} findings in 100 active weeks, practice organisation ({counts[name]:.0f} in {weeks})",
            f"{100 * counts[name] / weeks:.2f}",
            f"at most {bound:g}",
            100 * counts[name] / weeks <= bound,
        )
        for name, bound in BOUNDS.items()
    ]
    for kind, severities in found.items():
        said = f"practice organisation, {kind}: severity in {len(severities)} drawn years"
        results.append(Result(said, ", ".join(severities), "found", "not found" not in severities))
    return [
        *results,
        Result("practice organisation: other high findings", str(others["high"]), "0", others["high"] == 0),
        Result("practice organisation: other medium findings", str(others["medium"])),
    ]


def detection(everywhere: list[Place], techniques: dict[str, pd.DataFrame]) -> list[Result]:
    """Graft every attack onto every place, and let every peer judge."""
    results = []
    for peer, judge in PEERS.items():
        quiet = [judge(place.week, place) for place in everywhere]
        people = sum(place.week["uid"].nunique() for place in everywhere)
        noise = 100 * sum(int(one["found"].sum()) for one in quiet) / people
        results.append(Result(f"{peer}: people found in 100 active weeks without an attack ({people})", f"{noise:.1f}"))
        rows = []
        begun = time.monotonic()
        for name, attack in techniques.items():
            print(f"{peer}: {name}, after {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
            for place in everywhere:
                ranked = judge(grafted(place, attack), place)
                found = ranked.loc[ranked["found"], "uid"].tolist()
                rows.append((name, place.uid in found, place.uid in ranked["uid"].tolist()[:3]))
        table = pd.DataFrame(rows, columns=["attack", "found", "first"])
        needed = table[table["attack"].isin(REQUIRED)]
        promised = peer == "review"
        for column, what, bound in (("found", "medium or more", 100.0), ("first", "among the first three", 80.0)):
            figure = 100 * needed[column].mean()
            said = f"{peer}: required attacks, victim {what} ({needed[column].sum()} of {len(needed)})"
            results.append(
                Result(said, f"{figure:.0f} %", f"at least {bound:g} %", figure >= bound)
                if promised
                else Result(said, f"{figure:.0f} %")
            )
        if promised:
            for name, some in table.groupby("attack"):
                mark = "" if name in REQUIRED else ", not required"
                figure = f"{some['found'].sum()} and {some['first'].sum()} of {len(some)}"
                results.append(Result(f"{name}{mark}: found, among the first three", figure))
    return results


if __name__ == "__main__":
    alone(run)
