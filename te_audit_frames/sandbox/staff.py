"""People of the practice organisation: identities, offices, habits and addresses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from te_audit_frames.sandbox import names
from te_audit_frames.sandbox.event_log import Integers

ADMIN, AUTOMATION = 0, 1
_FIRST_BARE_NAME = 2
FIRST_NAMED = _FIRST_BARE_NAME + len(names.BARE_NAMES)

ADDRESSES_EACH = 3
ODD_ADDRESSES = 240


class Staff:
    """Person 0 is the administrator, person 1 the automation, then the bare names, then everyone else."""

    def __init__(self, rng: np.random.Generator, *, headcount: int) -> None:
        self.headcount = headcount
        self.office = rng.permutation(headcount) % len(names.OFFICES)
        aids = list(names.ACCOUNT_GROUPS)
        self.home = np.array([aids.index(names.OFFICES[office].aid) for office in self.office])
        self.busyness = rng.lognormal(0, 0.9, headcount)
        self.busyness[AUTOMATION] = 0
        self.busyness[ADMIN] = self.busyness.sum() * 0.004
        self.starts_at = rng.normal(9, 0.8, headcount).clip(6.5, 12) * 3_600
        self.addresses = _usual_addresses(rng, headcount) + _odd_addresses(rng)
        self._uids = [str(uid) for uid in (rng.permutation(9_000)[:headcount] + 1_000).tolist()]
        self._names = self._name_everyone(rng)
        self._later_names = self._rename_some(rng)
        # When a person takes the later name, as a fraction of the log. 2 means never.
        self._renamed_after = np.full(headcount, 2.0)
        self._renamed_after[list(self._later_names)] = rng.uniform(0.2, 0.8, len(self._later_names))

    def _name_everyone(self, rng: np.random.Generator) -> list[str]:
        offices = [office.users() for office in names.OFFICES]
        orders = [iter(rng.permutation(len(office)).tolist()) for office in offices]
        everyone = [offices[office][next(orders[office])] for office in self.office.tolist()]
        users = [f"{name} ({mailbox})" for name, mailbox in everyone]
        users[AUTOMATION] = names.AUTOMATION
        users[_FIRST_BARE_NAME:FIRST_NAMED] = names.BARE_NAMES
        return users

    def _rename_some(self, rng: np.random.Generator) -> dict[int, str]:
        """Give a few people another family name; the mailbox stays."""
        some = rng.choice(np.arange(FIRST_NAMED, self.headcount), 2 + self.headcount // 25, replace=False).tolist()
        later: dict[int, str] = {}
        for person in some:
            name, mailbox = self._names[person].removesuffix(")").split(" (")
            given, family = name.split(" ")
            others = [other for other in names.OFFICES[self.office[person]].family_names() if other != family]
            later[person] = f"{given} {others[int(rng.integers(len(others)))]} ({mailbox})"
        return later

    def identities(self) -> list[tuple[str, str]]:
        """Return (uid, user) of everyone, and then once more of everyone under their later name, if any."""
        later = [self._later_names.get(person, name) for person, name in enumerate(self._names)]
        return list(zip(self._uids * 2, self._names + later, strict=True))

    def renamed_at(self, first: int, stop: int) -> Integers:
        """Return the epoch second from which each person uses the later name; it is after `stop` if there is none."""
        return (first + self._renamed_after * (stop - first)).astype(np.int64)

    def usual_places(self, rng: np.random.Generator, who: Integers) -> Integers:
        """Draw an address for each of these people: mostly the office, else home, sometimes on the road."""
        place = np.searchsorted([0.74, 0.96], rng.random(len(who)), side="right")
        return who * ADDRESSES_EACH + place

    @staticmethod
    def office_place(person: int) -> int:
        """Return the index of this person's office address."""
        return person * ADDRESSES_EACH

    def odd_places(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Draw addresses that belong to nobody on the staff."""
        return self.headcount * ADDRESSES_EACH + rng.integers(0, ODD_ADDRESSES, count)


def _usual_addresses(rng: np.random.Generator, headcount: int) -> list[str]:
    """Return an office address, a home address (IPv6) and a provider's block for everyone."""
    shapes = ("198.51.100.{1}", "2001:db8:{0:x}::{1:x}", "99.{0}.0.0/16")
    pairs = rng.integers(1, 255, (headcount * ADDRESSES_EACH, 2)).tolist()
    return [shapes[index % ADDRESSES_EACH].format(*pair) for index, pair in enumerate(pairs)]


def _odd_addresses(rng: np.random.Generator) -> list[str]:
    pairs = rng.integers(1, 255, (ODD_ADDRESSES, 2)).tolist()
    return [
        f"203.0.113.{low}" if index % 4 else f"2001:db8:bad:{high:x}::{low:x}"
        for index, (high, low) in enumerate(pairs)
    ]
