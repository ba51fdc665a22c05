"""Resources of events, one row per resource that an event touched."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from te_audit_frames.errors import NotAnAuditFrame
from te_audit_frames.schema import RESOURCES, SOURCES, require_columns


def explode_resources(events: pd.DataFrame) -> pd.DataFrame:
    """Return one row per resource that an event touched.

    As with `pandas.DataFrame.explode`, all rows of an event have its index label.

    Parameters
    ----------
    events : pandas.DataFrame
        Events. Only the column `resources` is required.

    Returns
    -------
    pandas.DataFrame
        One row per resource, in the order of the events. `resource_type` and `resource_name` (both ``str``) replace
        `resources`; the other columns are repeated. Events without resources have no row.

    Raises
    ------
    NotAnAuditFrame
        The column `resources` is missing, or does not hold lists of resources with `type` and `name`.

    Examples
    --------
    >>> import pandas as pd
    >>> import te_audit_frames as taf
    >>> touched = [{"type": "testName", "name": "Shop"}, {"type": "testName", "name": "Till"}]
    >>> events = pd.DataFrame({"event": ["Test deleted.", "User login."], "resources": [touched, None]})
    >>> taf.explode_resources(events)
               event resource_type resource_name
    0  Test deleted.      testName          Shop
    0  Test deleted.      testName          Till
    """
    require_columns(events.columns, ["resources"])
    lists = _lists(events["resources"])
    resources = pc.list_flatten(lists)
    touching = events.take(pc.list_parent_indices(lists).to_numpy())
    place = list(touching.columns).index("resources")
    for field in ("name", "type"):
        texts = pd.array(pc.struct_field(resources, field), dtype="str")
        touching.insert(place, f"resource_{field}", texts)
    return touching.drop(columns="resources")


def _lists(resources: pd.Series) -> pa.Array:
    try:
        array = pa.array(resources, from_pandas=True) if len(resources) else pa.array([], RESOURCES)
        array = array.cast(RESOURCES)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise NotAnAuditFrame(f"column 'resources' cannot be read as {RESOURCES}: {error}. {SOURCES}") from None
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
