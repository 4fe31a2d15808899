"""House style: one look for every figure, applied with `rc_context`, never globally.

Colours keep 3:1 against white and apart for colour-blind readers; colour never stands alone,
each series also has a line style, a marker and a direct label.
"""

from __future__ import annotations

import io
import math
import re
import textwrap
from collections.abc import Callable, Sequence
from functools import wraps
from html import escape
from typing import Any, NamedTuple, ParamSpec

import matplotlib as mpl
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

INK, MUTED, RULE = "#1B1B1B", "#595959", "#E6E6E6"
SERIES = ("#0072B2", "#D55E00", "#CC79A7", "#1B1B1B", "#009E73")
SERIES_TEXT = ("#005A8C", "#A84300", "#8C3F6A", "#1B1B1B", "#00694D")  # 4.5:1 on white, for words
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (2.6, 1.2)))
MARKERS = ("o", "s", "^", "D", "v")
WIDTH = 5.4  # inches; two stand beside each other on A4 and stay readable

HOUSE: Any = {
    "figure.figsize": (WIDTH, 3.8), "savefig.dpi": 200, "figure.constrained_layout.use": True,
    "figure.facecolor": "white", "axes.facecolor": "white", "savefig.facecolor": "white", "text.color": INK,
    # The other names serve readers whose computer has no DejaVu: SVG text is real text.
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans", "Verdana", "Helvetica", "Arial"],
    "font.size": 9, "axes.titlesize": 9.5, "axes.titleweight": "normal", "axes.titlelocation": "left", "axes.labelsize": 9,
    "axes.labelcolor": MUTED, "xtick.color": MUTED, "ytick.color": MUTED, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "axes.grid.axis": "y", "grid.color": RULE, "axes.axisbelow": True, "axes.edgecolor": "#8A8A8A",
    "lines.linewidth": 2.0, "legend.frameon": False, "axes.unicode_minus": True,
    "text.parse_math": False,  # a strategy may be called "$5 off"
    "svg.fonttype": "none", "svg.hashsalt": "influence-sim", "pdf.fonttype": 42,
    "axes.prop_cycle": cycler(color=list(SERIES)),
}

P = ParamSpec("P")


class Figure(NamedTuple):
    """A drawn figure, the numbers in it, and its description for those who cannot see it."""

    fig: MplFigure
    table: pd.DataFrame
    alt_text: str

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return to_svg(self, "figure", inline=True)


class Look(NamedTuple):
    """How one series looks in every figure of a comparison."""

    color: str
    text: str
    line: Any
    marker: str


def house(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw `function` in the house style and leave the caller's settings alone."""

    @wraps(function)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(HOUSE):
            return function(*args, **kwargs)

    return drawn


def series_style(index: int) -> Look:
    """Return colour, text colour, line style and marker of series `index` (five, then again)."""
    i = index % len(SERIES)
    return Look(SERIES[i], SERIES_TEXT[i], LINES[i], MARKERS[i])


def new(height: float = 3.8, rows: int = 1, columns: int = 1, width: float = WIDTH, **kwargs: Any) -> tuple[MplFigure, list[Axes]]:
    """Return a figure without pyplot (nothing global is kept open) and its axes, row by row."""
    fig = MplFigure(figsize=(width, height), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False, **kwargs)
    return fig, list(axes.ravel())


def finish(fig: MplFigure, title: str, subtitle: str, footer: str) -> None:
    """Put the finding above, what is plotted under it, and where it comes from below."""
    height = float(fig.get_figheight())
    inches = float(fig.get_figwidth())
    # Characters of each size that fit an inch, with room for a reader's wider font.
    sizes = ((title, 11), (subtitle, 16), (footer, 18.5))
    bold, plain, small = (textwrap.wrap(_keep(text), int(inches * fit)) or [""] for text, fit in sizes)
    head = 0.08 + 0.205 * len(bold) + 0.165 * len(plain) + 0.06
    foot = 0.05 + 0.135 * len(small)
    engine = fig.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0, foot / height, 1, 1 - (head + foot) / height))  # type: ignore[call-arg]
    top = 1 - 0.06 / height
    left = 0.065 / inches
    fig.text(left, top, "\n".join(bold), fontsize=11, fontweight="bold", va="top", linespacing=1.2)
    fig.text(left, top - (0.04 + 0.205 * len(bold)) / height, "\n".join(plain), fontsize=8.5, color=MUTED, va="top")
    fig.text(left, 0.04 / height, "\n".join(small), fontsize=7, color=MUTED, va="bottom")


def _keep(text: str) -> str:
    """Hold a number and its sign together at line ends."""
    return re.sub(r"(\bn =|Gini|\d) (?=[%\d])", "\\1\N{NO-BREAK SPACE}", text)


def wrap(name: str, width: int = 18, lines: int = 2) -> str:
    """Break a name for a label, also after an underscore; a very long one is cut with an ellipsis."""
    broken = textwrap.wrap(str(name).replace("_", "_ "), width, break_long_words=True) or [""]
    parts = [part.replace("_ ", "_") for part in broken]
    if len(parts) > lines:
        parts = [*parts[: lines - 1], parts[lines - 1][: width - 1] + "…"]
    return "\n".join(parts)


def spread(wanted: Sequence[float], gap: float, low: float = 0.0, high: float = 1.0) -> list[float]:
    """Move label positions so that neighbours are at least `gap` apart and stay inside if there is room."""
    order = sorted(range(len(wanted)), key=lambda i: (wanted[i], i))
    placed = [min(max(wanted[i], low), high) for i in order]
    for k in range(1, len(placed)):
        placed[k] = max(placed[k], placed[k - 1] + gap)
    if placed and placed[-1] > high:
        placed[-1] = high
        for k in range(len(placed) - 2, -1, -1):
            placed[k] = min(placed[k], placed[k + 1] - gap)
    result = [0.0] * len(wanted)
    for k, i in enumerate(order):
        result[i] = placed[k]
    return result


def end_labels(ax: Axes, items: Sequence[tuple[str, float, float, Look]]) -> None:
    """Write each series' name at its end (label, x, y, look), moved apart where they would collide."""
    shown = [item for item in items if math.isfinite(item[2])]
    if not shown:
        return
    figure: Any = ax.get_figure()
    names = [wrap(item[0], 16) for item in shown]
    inches = 0.62 * figure.get_figheight() / max(1, len(figure.axes))
    gap = 0.15 * max(name.count("\n") + 1 for name in names) / inches
    to_axes = ax.transAxes.inverted()
    ends = [to_axes.transform(ax.transData.transform((x, y))) for _, x, y, _ in shown]
    heights = spread([float(end[1]) for end in ends], gap)
    for (_, _, _, look), name, end, height in zip(shown, names, ends, heights, strict=True):
        start = (min(float(end[0]), 1.0), float(end[1]))
        ax.annotate(
            name, xy=start, xycoords="axes fraction", xytext=(1.05, height), textcoords="axes fraction", color=look.text,
            fontsize=8.5, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": look.color, "lw": 0.7, "shrinkA": 1, "shrinkB": 1},
        )


def short(value: float, _position: Any = None) -> str:
    """Return a number for an axis or label: 950, 1.2k, 3.4M; a true minus; an en dash if there is none."""
    if not math.isfinite(value):
        return "–"
    size = abs(value)
    for limit, divisor, unit in ((999.5e6, 1e9, "bn"), (999.5e3, 1e6, "M"), (9999.5, 1e3, "k")):
        if size >= limit:
            text = f"{value / divisor:.3g}{unit}"
            break
    else:
        text = f"{value:,.0f}" if size >= 999.5 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def percent(value: float, _position: Any = None) -> str:
    """Return a share as percent, `0.123` as `12 %`."""
    if not math.isfinite(value):
        return "–"
    size = abs(100 * value)
    text = f"{100 * value:,.0f}" if size >= 9.95 or size < 1e-12 else f"{100 * value:.2g}"
    return f"{text} %".replace("-", "\N{MINUS SIGN}")


def empty(ax: Axes, why: str) -> None:
    """Say in the picture why there is nothing to draw."""
    ax.set_axis_off()
    ax.text(0.5, 0.5, textwrap.fill(why, 60), transform=ax.transAxes, ha="center", va="center", color=MUTED)


def to_svg(figure: Figure, name: str, inline: bool = False) -> str:
    """Return the figure as SVG with `<title>` and `<desc>`, the same bytes each time.

    Parameters
    ----------
    name : prefix of every id, so that several figures can stand in one page.
    inline : leave out what only a file of its own needs (prologue, namespaces).
    """
    buffer = io.StringIO()
    with mpl.rc_context(HOUSE):
        figure.fig.savefig(buffer, format="svg", metadata={"Date": None})
        figure.fig.set_layout_engine("none")  # laid out once: a second layout starts from the first and moves it a little
    text = buffer.getvalue()
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.S)  # version and addresses: nothing of the figure
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.S)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = text.replace("url(#", f"url(#{name}-").replace('xlink:href="#', f'href="#{name}-').replace('xlink:href="', 'href="')
    text = re.sub(r"<!DOCTYPE.*?>\s*", "", text, flags=re.S)
    text = re.sub(r'\s+xmlns:xlink="[^"]*"', "", text)
    if inline:
        text = re.sub(r"<\?xml.*?\?>\s*", "", text)
        text = re.sub(r'\s+xmlns="[^"]*"', "", text)
    title = escape(name.replace("_", " "))
    named = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    head = f'<title id="{name}-title">{title}</title><desc id="{name}-desc">{escape(figure.alt_text)}</desc>'
    return re.sub(r"<svg\b([^>]*)>", lambda m: f"<svg{m.group(1)} {named}>{head}", text, count=1)
