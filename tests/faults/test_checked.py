"""Servers of every kind, and all kinds mixed: a fetch that says it is complete has every event, and each only once.

Otherwise it ends in an error, whose `.partial` and `.missing` tell the truth. To run one case again:
``pytest tests/faults/test_checked.py --seed N``.
"""

import dataclasses
import json
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd
import pytest
from support.checked import MINUTE, NOW, SECOND, keys
from support.drawn_servers import draw

import te_audit_frames as taf
from te_audit_frames.schema import in_order, to_events

FAR = timedelta(days=900)
AGREEING = 5 * MINUTE  # clocks that differ by no more are both right
MOST_REQUESTS = (
    12  # for each page: the question itself, three times again, once more in parts, and the cuts of all those
)
PARTS = 4  # of the campaign, so that they can run side by side
SLOW = 30  # real seconds; a case takes a small part of one


@dataclass
class Outcome:
    """How one question ended."""

    frame: object
    receipt: object
    error: object
    before: Counter
    after: Counter
    asked_at: datetime
    slack: timedelta
    requests: int = 0
    displaced: dict = field(default_factory=dict)

    @property
    def in_both(self):
        return self.before & self.after

    @property
    def in_either(self):
        return self.before | self.after


def run(case):
    """Ask the questions of a case, one after the other with one client; yield each with its outcome."""
    clock, api = case.start()
    with api:
        client = case.client(api, clock)
        for question in case.questions:
            scope = {name: question[name] for name in ("aid", "all_account_groups") if name in question}
            spent = len(api.requests)
            before, asked_at = keys(api.truth(NOW - FAR, NOW + FAR, **scope)), clock.server_now
            frame, receipt, error = ask(client, question, streamed=case.streamed)
            after = keys(api.truth(NOW - FAR, NOW + FAR, **scope))
            displaced = {key: abs(ahead) for one, ahead in api.displaced() for key in keys([one])}
            slack = clock.server_now - asked_at + 2 * SECOND
            spent = len(api.requests) - spent
            yield question, Outcome(frame, receipt, error, before, after, asked_at, slack, spent, displaced)


def ask(client, question, *, streamed):
    """Fetch; return what came, the receipt, and the error if there was one."""
    if not streamed:
        try:
            frame, error = client.fetch_events(**question), None
        except taf.FetchError as caught:
            frame, error = caught.partial, caught
        return frame, taf.receipt(frame), error
    pieces, error, batches = [], None, client.iter_batches(**question)
    try:
        pieces.extend(batches)
    except taf.FetchError as caught:
        error = caught
    return to_events(in_order(pieces)), batches.receipt, error


# ---- what must hold --------------------------------------------------------------------------------------------------


def judge(case, question, outcome):
    """Return what is wrong with an outcome, or None, and how many lost events lay beyond the margin."""
    error, receipt = outcome.error, outcome.receipt
    if receipt.complete != (error is None):
        return f"the receipt says complete={receipt.complete}", 0
    if outcome.requests > MOST_REQUESTS * (len(case.log) / case.options["page_size"] + 10):
        return f"{outcome.requests} requests", 0
    if receipt.period is None:
        return (None if error is not None and len(outcome.frame) == 0 else "no period, and yet events"), 0
    low, high = receipt.period.start, receipt.period.end
    if wrong := misplaced_period(case, question, outcome, low, high):
        return wrong, 0
    low, high = max(low, question.get("start", low)), min(high, question.get("end", high))
    if error is None and receipt.events != len(outcome.frame):
        return f"the receipt counts {receipt.events}, the frame has {len(outcome.frame)}", 0

    came = keys(outcome.frame)
    missing = error.missing if error is not None else []
    surplus = [key for key in (came - within(outcome.in_either, low, high, case)).elements() if vouched(key, missing)]
    if surplus:
        return f"{len(surplus)} events too many, such as {surplus[0]}", 0
    required = within(outcome.in_both, low, high, case, inner=True)
    lost = [key for key in (required - came).elements() if vouched(key, missing)]
    unexcused = [key for key in lost if not is_beyond_margin(key, case, outcome)]
    if unexcused:
        return f"{len(lost)} of {required.total()} events missing, such as {unexcused[0]}", 0
    if len(lost) > max(case.options.get("misplaced", 0), 2):
        return f"{len(lost)} events missing, which are more than single ones out of order", 0
    return None, len(lost)


def vouched(key, missing):
    """Tell whether a fetch says that it has all events of this date. Events without one are vouched for at the end."""
    return not any(low <= key[0] < high for low, high in missing) if key[0] is not None else not missing


def within(events, low, high, case, *, inner=False):
    """Keep the events of the period. One without a date is there if its place is; near the bounds it may be either."""

    def is_inside(key):
        if key[0] is not None:
            return low <= key[0] < high
        place = datetime.fromisoformat(case.places[key[2]])
        return low + 2 * SECOND < place < high - 2 * SECOND if inner else True

    return Counter({key: count for key, count in events.items() if is_inside(key)})


def is_beyond_margin(key, case, outcome):
    """Tell whether an event stands so far out of order that it may be lost where order was relied upon."""
    if case.policy["workers"] == 1 or case.policy.get("verify") == "full":
        return False  # relies on no order
    margin = outcome.receipt.checked.get("margin_seconds")
    if margin is None and outcome.error is not None:
        margin = one_page(case)
    return margin is not None and outcome.displaced.get(key, 0) >= max(margin, 1)


def one_page(case):
    """Return the seconds of the page that covers the least, at most a quarter of an hour."""
    dates = [datetime.fromisoformat(one["date"]).timestamp() for one in case.log if "date" in one]
    size = case.options["page_size"]
    return min([900.0, *(late - early for early, late in zip(dates, dates[size - 1 :], strict=False))])


def misplaced_period(case, question, outcome, low, high):
    """Return what is wrong with the period that a window or an open end resolved to, or a bound that was given."""
    date = outcome.asked_at + case.options.get("date_error", timedelta(0))
    local = outcome.asked_at + case.local_error
    nows = [outcome.asked_at, date, *([local] if abs(local - date) <= AGREEING + outcome.slack else [])]
    if case.options.get("stated_range") == "example" and not outcome.in_either:
        return None  # without rows, nothing contradicts the range
    if high < min([*nows, question.get("end", date)]) - 2 * SECOND:
        return f"the period ends too early, at {high}"
    latest = question["start"] if "start" in question else outcome.asked_at - question["window"] + outcome.slack
    if "retention" in case.options:
        latest = max(latest, outcome.asked_at - case.options["retention"] + outcome.slack)
    if low > latest and low < high:
        return f"the period starts too late, at {low}"
    return None


# ---- the campaign ----------------------------------------------------------------------------------------------------


def try_case(seed):
    """Run one case; return it, its outcomes, and what went wrong beside them."""
    case = draw(seed)
    began = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", taf.AuditFramesWarning)
            outcomes = list(run(case))
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the list, with its seed
        return case, [], f"raised {type(error).__name__}, which is no FetchError: {error}"
    took = time.monotonic() - began
    return case, outcomes, f"took {took:.0f} s" if took > SLOW else None


@pytest.mark.campaign(full=4_000, middle=48, short=12)
@pytest.mark.parametrize("part", range(PARTS))
def test_complete_means_every_event_once(cases, part, request, record_property):
    only = request.config.getoption("--seed")
    if only is not None and part:
        pytest.skip("--seed asks for one case, and it runs in part 0")
    seeds = range(part, cases, PARTS) if only is None else [only]
    failures, ends, completed, drawn, unseen, seen = [], Counter(), Counter(), Counter(), 0, 0
    for seed in seeds:
        case, outcomes, fault = try_case(seed)
        drawn.update(case.traits)
        faults = [fault] if fault else []
        for question, outcome in outcomes:
            wrong, lost = judge(case, question, outcome)
            if wrong:
                faults.append(f"{question}: {wrong}; {outcome.error!r}")
            ends[type(outcome.error).__name__ if outcome.error is not None else "complete"] += 1
            unseen += lost > 0
            is_far = any(ahead > 15 * 60 for ahead in outcome.displaced.values())
            seen += is_far and not lost and bool(outcome.receipt.checked.get("differences"))
        completed.update(case.traits if all(outcome.error is None for _, outcome in outcomes) else [])
        if faults:
            failures.append("\n  ".join([case.words(), *faults]))
    by_trait = ", ".join(f"{trait} {completed[trait]}/{count}" for trait, count in sorted(drawn.items()))
    record_property(
        "counted",
        f"  questions ended: {dict(ends.most_common())}\n  complete, of the cases drawn: {by_trait}\n"
        f"  single events out of order beyond the margin: seen by {seen} fetches, lost unseen by {unseen}",
    )
    assert not failures, f"{len(failures)} of {len(seeds)} cases failed\n" + "\n".join(failures[:10])
    if len(seeds) > 10:
        assert ends["complete"] > 0.5 * sum(ends.values()), "few fetches were complete, so little was tested"
        assert len(drawn) > 15, "few kinds of servers were drawn"


# ---- the judge itself ------------------------------------------------------------------------------------------------


def perfect(case, question):
    """Return the outcome of a fetch that brings exactly the truth."""
    _, api = case.start()
    scope = {name: question[name] for name in ("aid", "all_account_groups") if name in question}
    low, high = question.get("start", NOW - FAR), question.get("end", NOW)
    low = NOW - question["window"] if "window" in question else low
    truth = api.truth(low, high, **scope)
    frame = taf.read_pages([json.dumps({"auditEvents": truth}).encode()])
    receipt = dataclasses.replace(
        taf.receipt(frame),
        complete=True,
        events=len(frame),
        resolved={"start": low.isoformat(), "end": high.isoformat()},
        checked={"margin_seconds": None},
    )
    everything = keys(api.truth(NOW - FAR, NOW + FAR, **scope))
    return Outcome(frame, receipt, None, everything, everything, NOW, 2 * SECOND)


@pytest.mark.full  # a test of the campaign itself
def test_the_judge_finds_what_is_missing_doubled_or_wrongly_vouched_for():
    judged = 0
    for seed in range(40):
        case = draw(seed)
        case.log = case.log[-150:]
        question = case.questions[0]
        good = perfect(case, question)
        dated = good.frame[good.frame["date"].notna()]
        if not len(dated) or "retention" in case.options:
            continue
        judged += 1
        assert judge(case, question, good) == (None, 0), case.words()

        def wrong(rows, good=good, case=case, question=question, **changes):
            receipt = dataclasses.replace(good.receipt, events=len(rows), **changes.pop("receipt", {}))
            return judge(case, question, dataclasses.replace(good, frame=rows, receipt=receipt, **changes))[0]

        middle = dated.index[len(dated) // 2]
        without = good.frame.drop(middle)
        assert "missing" in wrong(without), case.words()
        assert "too many" in wrong(pd.concat([good.frame, good.frame.loc[[middle]]])), case.words()
        date = good.frame["date"][middle].to_pydatetime()
        error = taf.FetchError("practice")
        error.missing = [(date, date + SECOND)]
        failed = {"error": error, "receipt": {"complete": False}}
        assert wrong(without, **failed) is None, case.words()
        error.missing = [(date + SECOND, date + MINUTE)]
        assert "missing" in wrong(without, **failed), case.words()
        early = {"start": good.receipt.resolved["start"], "end": (NOW - FAR).isoformat()}
        assert "too early" in wrong(good.frame, receipt={"resolved": early}), case.words()
    assert judged > 20
