"""A key, and events and people to give pseudonyms to."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import strategies as st

from te_audit_frames.exchange.keyed import Keyed
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, to_events
from te_audit_frames.users import USERS_SCHEMA, to_frame

KEY = "for tests only: 5f1d7c0a9e2b4836"
KEYED = Keyed(KEY)
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ADA = "Ada Quillfeather (ada@quillfeather.example)"
TEXTS = [name for name in COLUMNS if name not in ("date", "resources")]

NASTY = st.none() | st.text(
    st.sampled_from("aZ0 \t\n\r\0\u00a0\u2028\u202eé\u0301ßſİı🦊名@()\"',;=+-/%:.<>{}[]\\|")
    | st.characters(codec="utf-8"),
    max_size=12,
)
ADDRESSES = NASTY | st.sampled_from(
    ["1.2.3.4", " 1.2.3.4", "1.2.3.4/24", "::ffff:1.2.3.4", "1.2.3.4,::1", "FE80::1%e", "::1"]
)
RESOURCE_LISTS = st.none() | st.lists(st.none() | st.fixed_dictionaries({"type": NASTY, "name": NASTY}), max_size=3)
ROWS = st.lists(
    st.fixed_dictionaries(dict.fromkeys(TEXTS, NASTY) | {"ip_address": ADDRESSES, "resources": RESOURCE_LISTS}),
    max_size=6,
)


def frame(*rows):
    """Events at different moments."""
    dated = [{"date": START + timedelta(minutes=n), **row} for n, row in enumerate(rows)]
    return to_events(pa.Table.from_pylist(dated, ARROW_SCHEMA))


def directory(count):
    """People in the order of their identifiers, as `fetch_users` returns them."""
    groups = [
        {"aid": f"{n:04}", "account_group_name": f"Group {n:04}", "roles": [f"Role {m}" for m in range(9)]}
        for n in range(20)
    ]
    rows = [
        {"uid": f"{n:04}", "name": f"Name {n:04}", "email": f"{n:04}@x.example", "memberships": groups}
        for n in range(count)
    ]
    return to_frame(pa.Table.from_pylist(rows, USERS_SCHEMA))
