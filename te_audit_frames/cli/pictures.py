"""A plot as a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from te_audit_frames.cli.options import ending
from te_audit_frames.storage.staging import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def save(axes: Axes, path: str | os.PathLike[str]) -> None:
    """Write the figure of a plot, and close it; like all our files it is replaced whole, and its owner's alone.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        As the plot functions return it.
    path : str or PathLike
        Its ending, .png, .svg or .pdf, says the format.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    from matplotlib import pyplot as plt

    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101 - axes that were just drawn on have one
    with replacing(path) as picture:
        figure.savefig(picture, format=ending(os.fspath(path))[1:], dpi=150, bbox_inches="tight")
    plt.close(figure)
