"""The explorer: linked views of events in Jupyter, and the selection as a frame and as code.

`mosaic-widget` draws the views, and DuckDB counts for them in the kernel. The widget was chosen because it works
without internet, keeps every view linked on millions of events, and reports what is selected in a form that can be
turned into a filter of a frame. The alternative was an Altair chart over a small cube of counts, which has no rows to
show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd
import pyarrow as pa

from te_audit_frames.analysis.archived import is_archive
from te_audit_frames.checks.in_memory import read_column
from te_audit_frames.errors import InvalidArgument
from te_audit_frames.report.explorer_database import Database, whole_seconds
from te_audit_frames.report.explorer_selection import NOTHING, Range, Selection, find_conversions, merge_values
from te_audit_frames.report.explorer_spec import TABLE, WIDTH, make_spec
from te_audit_frames.report.explorer_zone import name_zone
from te_audit_frames.safe_text import excerpt
from te_audit_frames.schema import ARROW_SCHEMA, COLUMNS, to_events

if TYPE_CHECKING:
    import ipywidgets
    from mosaic_widget import MosaicWidget


def explore(events: Any, *, tz: str | tzinfo = "UTC") -> Explorer:
    """Show events in linked views in Jupyter: choose in one, and all others follow.

    The views are time (drag to select a period), event types, people, account groups, addresses (click to select one,
    Shift-click for more), hours of the week (drag), and the rows. A view is left out if the events lack its column.
    Needs the extra `explore`.

    Parameters
    ----------
    events : pandas.DataFrame, DuckDB relation, Polars frame, pyarrow.Table, or Archive
        Events. At least the column `date` is needed. They are copied into a database in memory.
    tz : str or datetime.tzinfo
        The time zone of the hours of the week, such as ``"Europe/Berlin"``: one with a name, or an offset of whole
        quarters of an hour. Time itself is shown in UTC.

    Returns
    -------
    Explorer
        Jupyter shows it if it is the last line of a cell. Its `events` are the selected events.

    Raises
    ------
    InvalidArgument
        The extra `explore` is not installed, `tz` is not such a time zone, there are no events, DuckDB cannot read
        them, a column holds values other than text that cannot be matched with the text shown, or `events` is neither
        a supported frame nor an archive.
    NotAnAuditFrame
        The column `date` is missing, or its dates have no time zone.
    ArchiveError, FileError, StoreError
        The archive cannot be read.

    Notes
    -----
    The browser asks the kernel, so views do not answer while a cell is running. For the same reason, `events` and
    `code` include a choice only in a cell that is run after it.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login."}]}'])
    >>> explorer = taf.explore(events)
    >>> explorer
    <Explorer: 1 of 1 event selected>
    >>> explorer.code
    'events'
    """
    for module in ("duckdb", "mosaic_widget"):
        try:
            import_module(module)
        except ImportError:
            raise InvalidArgument(
                f"explore() needs the package {module.replace('_', '-')}; install it with: "
                "pip install 'te-audit-frames[explore]'"
            ) from None
    zone = name_zone(tz)
    return Explorer(events, Database.of(events, zone), zone)


class Explorer:
    """Linked views of events, and what is selected in them. Made by `explore`.

    It can be shown in several cells; the last choice made in any of them counts. Showing it again keeps that choice
    until somebody chooses in the new views, where nothing is marked yet.

    Examples
    --------
    >>> import te_audit_frames as taf
    >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login."}]}'])
    >>> len(taf.explore(events).events)
    1
    """

    def __init__(self, events: Any, database: Database, zone: str) -> None:
        # A copy, because later changes of the caller's frame would not reach the database.
        self._source = events.copy(deep=False) if isinstance(events, pd.DataFrame) else events
        self._conversions = find_conversions(events, database.facets) if isinstance(events, pd.DataFrame) else {}
        self._database, self._zone = database, zone
        self._params: Mapping[str, Any] = {}
        self._counted = ("true", database.rows)
        self._shown: list[ipywidgets.Widget] = []
        self._closed = False

    def close(self) -> None:
        """Remove the views from all cells, and free the database. `events` and `code` still answer.

        What Jupyter shows is kept in memory until the kernel ends, and so are its events. An explorer is also a context
        manager that closes at the end.

        Examples
        --------
        >>> import te_audit_frames as taf
        >>> events = taf.read_pages([b'{"auditEvents": [{"date": "2026-01-01T09:00:00Z", "event": "User login."}]}'])
        >>> explorer = taf.explore(events)
        >>> explorer.close()
        >>> explorer
        <Explorer: closed>
        """
        if self._closed:
            return
        self._closed = True
        for shown in self._shown:
            _close(shown)
        self._shown.clear()
        self._database.connection.close()

    def __enter__(self) -> Explorer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # copy() and deepcopy() end here too. A database and views in a browser cannot be in two places.
        raise InvalidArgument(
            "an Explorer cannot be copied or pickled, because its database and views live in this kernel. Keep "
            "explorer.events, which is a frame, or explorer.code, which selects the same events again."
        )

    def _make_views(self) -> tuple[MosaicWidget, ipywidgets.Widget]:
        """Return new views, and the box that shows them with the selection.

        Each place gets views of its own. The widget cannot be shown twice: both places would lose their connection.
        """
        import ipywidgets
        from mosaic_widget import MosaicWidget

        database = self._database
        counts = {facet: len(texts) for facet, texts in database.facets.items()}
        dated = database.rows > database.undated
        spec = make_spec(counts, dated=dated, resources=database.resources, zone=self._zone)
        views = MosaicWidget(spec, con=database.connection.copy())
        summary = ipywidgets.Label()
        # A text area shows text, never markup.
        line = ipywidgets.Textarea(disabled=True, rows=2, layout={"width": f"{WIDTH}px"})
        clear = ipywidgets.Button(description="Select everything", tooltip="Take back every choice")

        touched = False

        def describe() -> None:
            summary.value, line.value = self._counts(), self.code

        def choose(_: object) -> None:
            # New views report that nothing is chosen in them. Only what somebody does there counts.
            nonlocal touched
            touched = touched or _has_choice(views.params)
            if touched:
                self._params = views.params
                describe()

        def start_again(_: object) -> None:
            self._params = {}
            describe()
            # The widget draws everything again if its specification changes; then nothing is selected.
            views.spec = {**views.spec, "meta": {"cleared": views.spec.get("meta", {}).get("cleared", 0) + 1}}

        views.observe(choose, names="params")
        clear.on_click(start_again)
        describe()
        box = ipywidgets.VBox([ipywidgets.HBox([clear, summary]), line, views])
        self._shown.append(box)
        return views, box

    @property
    def events(self) -> pd.DataFrame:
        """The selected events as an audit frame.

        The receipt of the events goes along: it is cut to the period that is selected, and notes the other choices as
        a filter. Events of an archive or a relation are read when you ask for them, so later changes show here but not
        in the views.

        Raises
        ------
        InvalidArgument
            DuckDB can no longer read the relation, for example because its connection is closed.
        ArchiveError, FileError, StoreError
            The archive can no longer be read.
        """
        selection = self._selection
        if is_archive(self._source):
            loaded = self._source.load(start=selection.start, end=selection.end)
            return replace(selection, start=None, end=None).apply(loaded, {})
        if isinstance(self._source, pd.DataFrame):
            return selection.apply(self._source, self._conversions)
        return _to_frame(self._source, selection.to_sql())

    @property
    def code(self) -> str:
        """The line of Python that selects the same events from the variable `events`, or `archive` for an archive."""
        if is_archive(self._source):
            return self._selection.to_code({}, name="archive", load=True)
        if isinstance(self._source, pd.DataFrame):
            return self._selection.to_code(self._conversions)
        sql = self._selection.to_sql()
        if _is_relation(self._source):
            return f"events.filter({sql!r})" if sql else "events"
        return f"duckdb.sql({f'FROM events WHERE {sql}'!r})" if sql else "events"

    def __repr__(self) -> str:
        return "<Explorer: closed>" if self._closed else f"<Explorer: {self._counts()}>"

    def _repr_mimebundle_(self, **options: object) -> dict[str, Any]:
        if self._closed:
            return {"text/plain": repr(self)}
        _, box = self._make_views()
        # A front end without widgets shows the text.
        return {**box._repr_mimebundle_(**options), "text/plain": repr(self)}

    @property
    def _selection(self) -> Selection:
        params = self._params
        chosen = {name: params.get(f"by_{name}", {}).get("value") for name in ("time", "week", *self._database.facets)}
        start, end = whole_seconds(*map(_moment, chosen["time"])) if chosen["time"] else (None, None)
        hours, days = (_units(limits) for limits in chosen["week"] or (None, None))
        if start is not None and start == end:  # a brush between two seconds: nothing is in it
            end, hours = start + timedelta(seconds=1), NOTHING
        choices = [
            merge_values(chosen[facet], texts) for facet, texts in self._database.facets.items() if chosen[facet]
        ]
        return Selection(start, end, choices, days, hours, self._zone)

    def _counts(self) -> str:
        predicate = self._params.get("all", {}).get("predicate") or "true"
        if predicate != self._counted[0]:  # the widget sends each choice several times
            found = self._database.connection.query(f"SELECT count(*) FROM {TABLE} WHERE {predicate}")  # noqa: S608  # nosec B608
            self._counted = predicate, found.fetchall()[0][0]
        rows = self._database.rows
        return f"{self._counted[1]:,} of {rows:,} event{'s' * (rows != 1)} selected"


def _close(widget: ipywidgets.Widget) -> None:
    """Close a widget and its parts, which ipywidgets would keep otherwise."""
    for child in getattr(widget, "children", ()):
        _close(child)
    for part in ("layout", "style"):
        if hasattr(widget, part):
            getattr(widget, part).close()
    widget.unobserve_all()
    widget.close()


def _has_choice(params: Mapping[str, Any]) -> bool:
    return any(param.get("value") for name, param in params.items() if name.startswith("by_"))


def _moment(value: Any) -> datetime:
    """Return an end of a brush, which is text or milliseconds since 1970."""
    moment = pd.Timestamp(value, unit="ms", tz="UTC") if isinstance(value, int | float) else pd.Timestamp(value)
    return (moment.tz_localize(UTC) if moment.tzinfo is None else moment.tz_convert(UTC)).to_pydatetime()


def _units(limits: list[float] | None) -> Range | None:
    """Return the first and the last whole number n for which n + 0.5 is within limits."""
    if limits is None:
        return None
    low, high = limits
    return -int(-(low - 0.5) // 1), int((high - 0.5) // 1)


def _is_relation(events: Any) -> bool:
    return type(events).__name__ == "DuckDBPyRelation"


def _to_frame(source: Any, sql: str) -> pd.DataFrame:
    """Return the rows of a relation or frame that a condition in SQL selects, as an audit frame."""
    import duckdb

    if _is_relation(source):
        try:
            found = source.filter(sql).to_arrow_table() if sql else source.to_arrow_table()
        except duckdb.Error as error:
            raise InvalidArgument(
                "events: DuckDB can no longer read the relation that was explored. Keep its connection open and its "
                f"tables in place, or explore a frame: {excerpt(str(error))}"
            ) from None
    else:
        with duckdb.connect(":memory:") as connection:
            events = source.collect() if hasattr(source, "collect") else source
            connection.register("events", events)
            found = connection.sql(f"FROM events WHERE {sql or 'true'}").to_arrow_table()
    present = [name for name in COLUMNS if name in found.column_names]
    table = pa.table({name: read_column(found[name], name).cast(ARROW_SCHEMA.field(name).type) for name in present})
    return to_events(table)
