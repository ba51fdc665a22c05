"""Servers drawn at random: a history, how the server is, what is asked of it, and by which client."""

import inspect
import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import te_audit_frames as taf
from support.checked import DAY, HOUR, MINUTE, NOW, SECOND, Time, client_of, event, practice

SPANS = [90 * SECOND, 20 * MINUTE, 8 * HOUR, 5 * DAY, 80 * DAY, 500 * DAY]
PAGE_SIZES = [3, 10, 20, 50, 100, 200]
MOST_PAGES = 50
WORKERS = [1, 1, 2, 3, 4, 8, 8, 16, 32]
NEVER = timedelta(0)


@dataclass
class Case:
    """One drawn case.

    `places` are the dates beside which events without one stand, by uid.
    """

    seed: int
    log: list[dict[str, Any]]
    places: dict[str, Any]
    options: dict[str, Any]
    step: float
    local_error: timedelta
    questions: list[dict[str, Any]]
    policy: dict[str, Any]
    streamed: bool

    def start(self):
        """Return the clock, the server and the client of the case, new each time."""
        clock = Time(step=self.step, local_error=self.local_error)
        api = practice(self.log, clock, seed=self.seed, **self.options)
        return clock, api

    def client(self, api, clock):
        return client_of(api, clock, **self.policy)

    def words(self):
        groups = dict(Counter(one["aid"] for one in self.log))
        how = ", ".join(f"{name}={value}" for name, value in self.options.items())
        asked = "; then ".join(", ".join(f"{name}={value}" for name, value in one.items()) for one in self.questions)
        clocks = f"{self.step:.2g} s an answer, local clock {self.local_error} ahead"
        return (
            f"seed {self.seed}: {len(self.log)} events, by group {groups}; server {how}; {clocks}; "
            f"client {self.policy}{', streamed' * self.streamed}; asked {asked}"
        )

    @property
    def traits(self):
        """Name what is unusual about the server and the client."""
        plain = {"page_size", "include_start", "include_end", "relative_links", "order", "account_groups"}
        names = {name for name, value in self.options.items() if name not in plain and value}
        details = {"longest_range_keeps", "put_back", "misplaced_by", "most_arrivals", "arrival_delay", "stray_status"}
        names -= details | {"arrivals_stand", "cursors"}
        names |= {"cursors by row"} if self.options["cursors"] == "row" else set()
        names |= {"local clock off"} if self.local_error else set()
        return names | {"streamed" if self.streamed else "fetched", f"{self.policy['workers']} workers"}


def draw(seed):
    """Draw a case; the same for the same seed."""
    dice = random.Random(f"checked {seed}")
    span = dice.choice(SPANS)
    options = _draw_server(dice, span)
    # Where groups follow one another, small ones behind a large one are the easiest to lose.
    log, places = _draw_log(dice, span, uneven=dice.random() < (0.8 if "grouped" in options else 0.4))
    options["page_size"] = dice.choice([size for size in PAGE_SIZES if size * MOST_PAGES >= len(log)])
    policy = {"workers": dice.choice(WORKERS), "retries": dice.choice([0, 2])}
    if "verify" in inspect.signature(taf.Client).parameters and dice.random() < 0.08:
        policy["verify"] = "full"
    count = dice.choice([2, 3]) if options.get("stray_answers") else 1
    questions = [_draw_question(dice, span, log, options) for _ in range(count)]
    return Case(
        seed=seed,
        log=log,
        places=places,
        options=options,
        step=dice.choice([0.0, 0.05, 0.3, 2.0]),
        local_error=dice.choice([-2 * MINUTE, 2 * MINUTE, -3 * DAY, 3 * DAY]) if dice.random() < 0.1 else NEVER,
        questions=questions,
        policy=policy,
        streamed=dice.random() < 0.25,
    )


# ---- the history -----------------------------------------------------------------------------------------------------


def _draw_log(dice, span, *, uneven):
    low, high = dice.choices([(0, 3), (10, 60), (60, 300), (300, 1_200), (2_500, 3_000)], [5, 35, 44, 14, 2])[0]
    count = dice.randint(low, high)
    seconds = int(span.total_seconds() * 1.2)
    ago = [dice.randrange(1, seconds) for _ in range(count)]
    for _ in range(dice.choice([0, 0, 1, 2, 3])):  # bursts
        begins, length = dice.randrange(1, seconds), dice.choice([1, 30, 600])
        for number in range(count):
            if dice.random() < 0.2:
                ago[number] = min(begins + dice.randrange(length), seconds)
    aids = ["1", "2", "3", "4"][: dice.choice([1, 2, 3, 4])]
    weights = [40 if uneven else 1, *[1] * (len(aids) - 1)]
    groups = dice.choices(aids, weights, k=count)
    log = [event(NOW - one * SECOND, number, aid) for number, (one, aid) in enumerate(zip(ago, groups, strict=True))]
    if dice.random() < 0.2 and log:  # true duplicates, of which some lie on both sides of a page
        for _ in range(dice.choice([1, 5, 20])):
            log += [dict(dice.choice(log))] * dice.choice([1, 1, 3])
        log += [dict(dice.choice(log))] * dice.choice([0, 0, 30])
    log.sort(key=lambda one: one["date"])
    places = {}
    if dice.random() < 0.04 and len(log) > 10:
        for number in range(dice.choice([1, 1, 2])):
            position = dice.randrange(5, len(log) - 5)
            uid = f"undated {number}"
            without = {name: value for name, value in log[position].items() if name != "date"} | {"uid": uid}
            # Beside the dated event before it in the list.
            dated = next(one for one in reversed(log[: position + 1]) if "date" in one)
            places[uid] = dated["date"]
            log.insert(position + 1, without)
    return log, places


# ---- the server ------------------------------------------------------------------------------------------------------


def _draw_server(dice, span):
    def sometimes(share):
        return dice.random() < share

    options = {
        "order": dice.choice(["newest", "newest", "oldest"]),
        "include_start": dice.random() < 0.7,
        "include_end": dice.random() < 0.7,
        "relative_links": sometimes(0.2),
        "cursors": dice.choice(["offset", "offset", "row"]),
        "account_groups": dice.choice(["listed", "refused"]),
    }
    if sometimes(0.2):
        options["stated_range"] = dice.choice(["none", "none", "example"])
    # A part that is not stated could not be noticed by anyone, and one that is short of a minute counts as the whole.
    elif sometimes(0.25) and span >= 8 * HOUR:
        options["longest_range"] = span / dice.choice([1.5, 3, 7])
        options["longest_range_keeps"] = dice.choice(["newest", "oldest"])
    if sometimes(0.05):
        options["widest_range"] = span + dice.choice([0, 1, 2]) * SECOND
    if sometimes(0.07):
        options["retention"] = span * dice.choice([0.4, 0.9, 2])
    if sometimes(0.15):
        options["stated_end"] = dice.choice(["end of day", "in 3 days", "9999"])
    if sometimes(0.1):
        options["date_error"] = dice.choice([-2 * MINUTE, 2 * MINUTE, -3 * DAY, 3 * DAY])
    options |= _draw_order(dice, sometimes)
    options |= _draw_change(dice, sometimes, options)
    options |= _draw_links(dice, sometimes)
    if sometimes(0.1):
        options["interim"] = dice.choice([(102,), (103,), (102, 103)])
    if sometimes(0.08):
        options |= {"stray_answers": dice.choice([2, 3, 5, 9]), "stray_status": dice.choice([204, 304])}
    return options


def _draw_order(dice, sometimes):
    options = {}
    if sometimes(0.15):
        by = dice.choice([5 * SECOND, 2 * MINUTE, 10 * MINUTE, 10 * MINUTE, 48 * HOUR]) * dice.choice([1, -1])
        options |= {"misplaced": dice.choice([1, 1, 1, 2, 3]), "misplaced_by": by}
    if sometimes(0.08):
        options["disorder"] = dice.choice([2 * SECOND, MINUTE, 10 * MINUTE, DAY, timedelta.max])
    if sometimes(0.06):
        options["reversed_pages"] = True
    if sometimes(0.2):
        options["grouped"] = True
    return options


def _draw_change(dice, sometimes, options):
    change = {}
    if sometimes(0.3):
        change |= {"arrivals": dice.choice([0.3, 1, 3]), "most_arrivals": dice.choice([1, 5, 40])}
        # An event that is late by more than a minute lands where pages were read, so few of them come at once.
        late = [0, 3, 3, 30, 30, *[120] * (change["arrivals"] < 1)]
        change["arrival_delay"] = dice.choice(late) * SECOND
        change["arrivals_stand"] = dice.choice(["by date", "by arrival"])
    if sometimes(0.1):
        change["removals"] = dice.choice([0.2, 1, 3])
    # What is removed in the middle of the pages shifts them, and nobody could notice.
    is_in_the_middle = {"misplaced", "disorder", "grouped"} & options.keys() and options["cursors"] == "offset"
    if is_in_the_middle:
        change.pop("removals", None)
        options.pop("retention", None)
    return change


def _draw_links(dice, sometimes):
    options = {}
    if sometimes(0.15):
        options["bare_links"] = True
    elif sometimes(0.2):
        options["changed_links"] = dice.choice(["scope", "window", "dates"])
        options["put_back"] = dice.choice(["honoured", "honoured", "honoured", "refused"])
    if "changed_links" not in options and sometimes(0.15):
        options["sliding_links"] = True
    if sometimes(0.04):
        options["repeated_next"] = True
    return options


# ---- the question ----------------------------------------------------------------------------------------------------


def _draw_question(dice, span, log, options):
    times = {
        "window": {"window": span},
        "since": {"start": NOW - span},
        "up to now": {"start": NOW - span, "end": NOW},
        "past": {"start": NOW - span, "end": NOW - span / 4},
        "ahead": {"start": NOW - span, "end": NOW + DAY},
    }
    aids = sorted({one["aid"] for one in log})
    scopes = [{"all_account_groups": False}, {"all_account_groups": True}, {"all_account_groups": True}]
    scopes += [{"aid": dice.choice(aids)}] if aids else []
    scope = {"all_account_groups": True} if options.get("grouped") else dice.choice(scopes)
    if options.get("stray_answers") and aids:
        scope = {"aid": dice.choice(aids)}
    return times[dice.choice(list(times))] | scope
