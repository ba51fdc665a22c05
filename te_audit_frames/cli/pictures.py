"""A plot as a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from te_audit_frames.cli.options import ending
from te_audit_frames.storage.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save(draw: Callable[[], Axes], path: str | os.PathLike[str]) -> None:
    """Draw a plot into a file; like all our files it is replaced whole, and its owner's alone.

    Parameters
    ----------
    draw : callable
        Returns the Axes, as the plot functions do.
    path : str or PathLike
        Its ending, .png, .svg or .pdf, says the format.

    Raises
    ------
    FileError
        The file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.use("Agg")  # a command opens no window, and needs no display
    figure = draw().get_figure(root=True)
    assert figure is not None  # noqa: S101 - axes that were just drawn on have one  # nosec B101
    with atomic_write(path) as picture:
        figure.savefig(picture, format=ending(os.fspath(path))[1:], dpi=150, bbox_inches="tight")
    plt.close(figure)
