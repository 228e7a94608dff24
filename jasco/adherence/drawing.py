"""Parts that the panels of an adherence figure share: colours, lanes and legends."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, RIGHT, WRONG = "#20262e", "#12806a", "#d1495b"
FAINT, GROUND = "#9aa2ad", "#f3f4f6"
WIDTH, LETTER = 12.0, 0.10
"""Width of the figure, and of a letter in it (inches)."""

_LANES = ("requested", "extracted")


def label_lanes(ax: Axes) -> None:
    """Label the two rows, requested on top."""
    ax.set_ylim(-0.02, 2.02)
    ax.set_yticks([1.5, 0.5], _LANES)


def add_legend(ax: Axes, marks: list[tuple[str, str, str]]) -> None:
    """Legend beside the title of the panel."""
    for marker, colour, text in marks:
        ax.plot([], [], marker, color=colour, mfc="none" if marker == "o" else colour, label=text)
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.5, 0.99), ncols=len(marks), frameon=False,
        fontsize=8.5, labelcolor=INK, borderaxespad=0, handletextpad=0.3, columnspacing=1.6,
    )  # fmt: skip
