"""Zones: by which clock each person's hours are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from te_audit_frames.errors import InvalidArgument
from te_audit_frames.periods import parse_zone

Zones = str | tzinfo | Mapping[str, str | tzinfo]


@dataclass(frozen=True, eq=False)
class Clocks:
    """The time zone of each person.

    Attributes
    ----------
    zones : list of datetime.tzinfo
        The different zones.
    of : numpy.ndarray of int64
        The zone of each person.
    notes : tuple of str
        What the caller should know about how they were assigned.
    """

    zones: list[tzinfo]
    of: npt.NDArray[np.int64]
    notes: tuple[str, ...] = ()

    @classmethod
    def assign(cls, tz: Zones, people: pd.DataFrame, groups: pd.DataFrame) -> Clocks:
        """Give everybody a zone.

        Parameters
        ----------
        tz : str, tzinfo, or mapping of str to these
            One zone for all, or zones by `uid`, `user`, `aid` or `account_group_name`. A person's own zone comes
            before that of the account group in which they did most.
        people : pandas.DataFrame
            `uid` and `user`.
        groups : pandas.DataFrame
            `person`, `aid`, `account_group_name` and `events`; needed for a mapping only.

        Raises
        ------
        InvalidArgument
            A zone does not exist, or the mapping is empty.
        """
        if not isinstance(tz, Mapping):
            return cls([parse_zone(tz)], np.zeros(len(people), dtype="int64"))
        if not tz:
            raise InvalidArgument('tz: the mapping is empty. For example tz={"EMEA Branches": "Europe/Berlin"}.')
        keys = [str(key) for key in tz]
        if len(twice := pd.Index(keys)[pd.Index(keys).duplicated()]):
            raise InvalidArgument(f"tz: {twice[0]!r} is there twice, as text and as another type. Keep one of them.")
        zones: list[tzinfo] = [parse_zone(zone) for zone in tz.values()]
        number = pd.Series(range(len(keys)), index=keys, dtype="float64")
        own = people["uid"].map(number).fillna(people["user"].map(number))
        placed = groups.assign(zone=groups["aid"].map(number).fillna(groups["account_group_name"].map(number)))
        uses = placed.dropna(subset=["zone"]).groupby(["person", "zone"])["events"].sum().reset_index()
        most = uses.sort_values(["events", "zone"], ascending=[False, True]).drop_duplicates("person")
        of = own.fillna(pd.Series(range(len(people)), index=people.index).map(most.set_index("person")["zone"]))
        number_of = np.asarray(of.fillna(len(zones)), dtype="int64")
        rest = int((number_of == len(zones)).sum())
        known = {*people["uid"], *people["user"], *groups["aid"], *groups["account_group_name"]}
        unused = [key for key in keys if key not in known]
        noun = "person has" if rest == 1 else "people have"
        notes = [f"{rest:,} {noun} no zone in `tz`, so that their hours are read in UTC"] if rest else []
        if unused:
            notes.append(f"names in `tz` that match nobody and no account group: {', '.join(map(repr, unused))}")
        return cls([*zones, UTC], number_of, tuple(notes))

    def local(self, person: npt.NDArray[np.int64], quarter: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the local quarter since 1970 of quarters in UTC."""
        result = np.empty(len(quarter), dtype="int64")
        of = self.of[person]
        for number in np.unique(of):
            chosen = of == number
            result[chosen] = _local(quarter[chosen], self.zones[number])
        return result


def _local(quarter: npt.NDArray[np.int64], zone: tzinfo) -> npt.NDArray[np.int64]:
    # pandas shifts each different quarter once: there are few of them, however many people share a zone.
    different, places = np.unique(quarter, return_inverse=True)
    moments = pd.DatetimeIndex((different * 900).astype("datetime64[s]")).tz_localize("UTC").tz_convert(zone)
    seconds = moments.tz_localize(None).as_unit("s").asi8
    return np.asarray(seconds // 900)[places]
