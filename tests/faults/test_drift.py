"""However the schema drifts: one schema comes out, and every value that was sent is in its column or in `extra`."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlencode

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.rawserver import RawServer, client_of, whole

import te_audit_frames as taf
from te_audit_frames.client.decode import _decode_fast
from te_audit_frames.client.decode_fallback import decode_exactly
from te_audit_frames.schema import ARROW_SCHEMA, FIELDS, RESOURCES, in_order, to_events

START, SPAN = datetime(2026, 3, 1, 12, tzinfo=UTC), 60
SECOND = timedelta(seconds=1)
PERIOD = {"start": START, "end": START + SPAN * SECOND, "all_account_groups": False}
DTYPES = dict.fromkeys(ARROW_SCHEMA.names, "str")
DTYPES |= {"date": "datetime64[us, UTC]", "resources": pd.ArrowDtype(RESOURCES)}
ANYTHING = [None, True, False, 0, -7, 10**30, 1.5, "", "text", "2026-03-01", [], [[None]], {}, {"date": 1, "": [{}]}]
NEW_FIELDS = ["zone", "extra", "auditEvents", "account_group_name", "Date", "", "\0", "half \ud83d"]
KINDS = ["new", "null", "missing", "alike", "in part", "unfit"]


# ---- what is sent --------------------------------------------------------------------------------------------------


def plain(at):
    return {
        **{"date": at.isoformat(), "aid": "1234", "accountGroupName": "Main", "event": "Login failed.", "uid": "77"},
        **{"user": "Ann (ann@example.com)", "ipAddress": "::1", "resources": [{"type": "testName", "name": "home"}]},
    }


def forms(field, at):
    """List other forms of a field: what its column holds, with how it reads there; what it holds in part; what not."""
    if field == "date":
        text, elsewhere = at.isoformat(), at.astimezone(timezone(timedelta(hours=5, minutes=45)))
        alike = [text[:19], text[:19].lower() + "z", text[:19].replace("T", " ") + ".000000Z", elsewhere.isoformat()]
        unfit = ["", "soon", "2026-02-30T00:00:00Z", text + "\n", int(at.timestamp()), 1.5, True, [], {}, [text]]
        return [(one, text) for one in alike], [text[:19] + ".123456789Z"], unfit
    if field == "resources":
        named = [{"name": "7"}, {"type": "t"}, {"type": "t", "name": "n"}]
        alike = [([], []), ([None], [None]), ([{"name": 7}], [{"type": None, "name": "7"}])]
        alike += [(named, [{"type": None, "name": None} | one for one in named])]
        return alike, [[{"name": "n", "id": 1}], [{"zone": None}, None]], ["x", 7, True, {}, [7], [[]], [{"type": 1.5}]]
    alike = [7, 0, -(10**30), "", "null", "名前 🙂", "nul \0 in it", "x" * 3_000]
    return [(one, str(one)) for one in alike], ["half \ud83d"], [True, 1.5, -0.0, [], {}, ["a"], {"name": "Ann"}]


@dataclass
class Sent:
    """An event as it was sent, what a frame has to give back of it, and the fields of it that do not fit."""

    second: int
    event: object
    wanted: object
    unfit: list[str | None]


def drift(dice, second, fields, kinds, rate):
    """Send an event, of which some fields are not what they were."""
    at = START + second * SECOND
    event, wanted, unfit = plain(at), plain(at), []
    if "unfit" in kinds and dice.random() < 0.02:
        odd = dice.choice([one for one in ANYTHING if not isinstance(one, dict)])
        return Sent(second, odd, odd, [None])
    for field in fields:
        kind = dice.choice(kinds) if kinds and dice.random() < rate else None
        alike, in_part, misfits = forms(field, at)
        if kind == "new":
            new = {dice.choice(NEW_FIELDS): dice.choice(ANYTHING)}
            event, wanted = event | new, wanted | new
        elif kind == "alike":
            event[field], wanted[field] = dice.choice(alike)
        elif kind in ("in part", "unfit"):
            event[field] = wanted[field] = dice.choice(in_part if kind == "in part" else misfits)
            if kind == "unfit":
                unfit.append(field)
            else:
                wanted[f"{field}, in part"] = True
        elif kind:
            del wanted[field]
            event[field] = None
            if kind == "missing":
                del event[field]
    return Sent(second, event, wanted, [field for field in event if field in unfit])


class Drifting:
    """A log whose schema changes now and then, and with it from page to page."""

    def __init__(self, seed):
        self.dice = dice = random.Random(seed)
        self.size, self.pages = dice.choice([1, 4, 20]), []
        self.envelope, self.links = {}, {}
        if dice.random() < 0.2:
            self.envelope = {dice.choice(["startDate", "endDate", "total", ""]): dice.choice(ANYTHING)}
            self.links = {dice.choice(["first", "self", "previous"]): dice.choice(ANYTHING)}
        eras = [
            (dice.sample(list(FIELDS), dice.choice([1, 3, 6])), dice.sample(KINDS, dice.choice([0, 2, 6])), rate)
            for rate in dice.choices([0.05, 0.3, 1], k=dice.choice([1, 2, 4]))
        ]
        self.log = []
        for second in sorted(dice.choices(range(SPAN), k=dice.choice([3, 10, 30]))):
            self.log += [drift(dice, second, *eras[second * len(eras) // SPAN])] * dice.choice([1, 1, 1, 2])
        if dice.random() < 0.5:
            self.log.reverse()

    def answer(self, request):
        query = request.query
        low, high = ((datetime.fromisoformat(query[bound]) - START) // SECOND for bound in ("startDate", "endDate"))
        found, offset = [sent for sent in self.log if low <= sent.second <= high], int(query.get("at", 0))
        link = "?" + urlencode(query | {"at": offset + self.size, "cursor": f"{low}-{high}-{offset}"})
        self.pages.append(found[offset : offset + self.size])
        return whole(self.body(self.pages[-1], link if offset + self.size < len(found) else None))

    def body(self, page, link=None):
        links = self.links | ({"next": {"href": link, "verb": "GET"} if self.links else {"href": link}} if link else {})
        return json.dumps({"auditEvents": [sent.event for sent in page], "_links": links, **self.envelope}).encode()

    @property
    def saved(self):
        """All of the log, page by page."""
        return [self.log[place : place + self.size] for place in range(0, len(self.log), self.size)]


# ---- what must hold ------------------------------------------------------------------------------------------------


def rebuilt(frame):
    """Write the events of a frame as they may have been sent, each as JSON, which tells 1 from 1.0 and True."""
    events = []
    for row in pa.Table.from_pandas(frame, preserve_index=False).to_pylist():
        held = {field: row[name] for field, name in FIELDS.items() if row[name] is not None}
        if "date" in held:
            held["date"] = held["date"].isoformat()
        kept = {} if row["extra"] is None else json.loads(row["extra"])
        if isinstance(kept, dict):
            kept = held | kept | {f"{field}, in part": True for field in held.keys() & kept.keys()}
        events.append(kept)
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def faults_in(pages):
    """List of each page that has one the first value that does not fit: page, event, field, value."""
    faults = []
    for name, page in enumerate(pages, start=1):
        position, sent = next(((at, sent) for at, sent in enumerate(page) if sent.unfit), (None, None))
        if sent:
            value = sent.event if sent.unfit[0] is None else sent.event[sent.unfit[0]]
            faults.append((str(name), position, sent.unfit[0], json.dumps(value, separators=(",", ":"))))
    return faults


def fault_told(case, frame, read, *pages, **period):
    """Read with `errors="raise"`: return nothing if that gives the frame, or what the error names."""
    try:
        assert read(*pages, **period).equals(frame), case
    except taf.DecodeError as error:
        where = f"field {error.field!r} is" if error.field else "it is"
        assert str(error).startswith(f"page {error.page}, event {error.event}: {where} {error.value}, not "), case
        return error.page, error.event, error.field, error.value
    return None


@pytest.mark.full
@pytest.mark.filterwarnings("ignore::te_audit_frames.errors.AuditFramesWarning")
@pytest.mark.campaign(full=1_000, middle=40)
def test_one_schema_comes_out_and_nothing_is_lost(cases, tmp_path):
    met, path = Counter(), tmp_path / "events.parquet"
    with RawServer([b""]) as api:
        for seed in range(cases):
            case, log = f"seed {seed}", Drifting(seed)
            api._script = log.answer
            many, one = client_of(api, workers=log.dice.choice([1, 2, 8])), client_of(api, workers=1)

            frame = many.fetch_events(**PERIOD, errors="coerce")
            assert frame.dtypes.to_dict() == DTYPES, case
            assert rebuilt(frame) == Counter(json.dumps(sent.wanted, sort_keys=True) for sent in log.log), case
            unfit, said = sum(len(sent.unfit) for sent in log.log), taf.receipt(frame)
            assert (said.events, said.coerced, said.undated) == (len(frame), unfit, frame["date"].isna().sum()), case

            # Workers that meet an event without a date start again, which a stream cannot.
            batches = list((one if said.undated else many).iter_batches(**PERIOD, errors="coerce"))
            assert all(batch.schema.equals(ARROW_SCHEMA, check_metadata=True) for batch in batches), case
            bodies = [log.body(page) for page in log.saved]
            careful = [decode_exactly(body, body, "1", "coerce").batch for body in bodies]
            taf.write_parquet(frame, path)
            assert pq.ParquetFile(path).schema_arrow.remove_metadata().equals(ARROW_SCHEMA), case
            others = [to_events(in_order(batches)), to_events(in_order(careful))]
            others += [taf.read_parquet(path), taf.read_pages(bodies, errors="coerce")]
            assert [other.equals(frame) for other in others] == [True] * 4, case

            saved = faults_in(log.saved)
            assert fault_told(case, frame, taf.read_pages, bodies) == next(iter(saved), None), case
            log.pages.clear()
            told = fault_told(case, frame, one.fetch_events, **PERIOD)
            # A page that is read once more has the number that it had.
            assert told and told[1:] in [fault[1:] for fault in faults_in(log.pages)] if saved else told is None, case
            log.pages.clear()
            told = fault_told(case, frame, many.fetch_events, **PERIOD)
            assert told and told[1:] in [fault[1:] for fault in faults_in(log.pages)] if saved else told is None, case

            quick = sum(_decode_fast(body, body) is not None for body in bodies)
            met += {"quick": quick, "careful": len(bodies) - quick, "both": 0 < quick < len(bodies)}
            met += {"unfit": bool(unfit), "undated": said.undated > 0}
    assert all(met[each] > cases / 4 for each in ("unfit", "undated", "both")), met
    assert 1 / 3 < met["quick"] / met["careful"] < 3, met
