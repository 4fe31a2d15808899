"""Scenario discovery: the box of futures in which a plan fails, found by PRIM (Bryant & Lempert 2010) and said in words.

The only file that knows the EMA workbench, whose interface differs between versions.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]
LEAST_MASS = 0.05
ALPHA = 0.05


class Box(NamedTuple):
    """Bounds on some inputs, and how well they tell failures.

    Attributes
    ----------
    limits : input -> (low, high); None where the box reaches the end of what was played
    coverage : share of all failures that lie in the box
    density : share of the box's futures that fail
    mass : share of all futures that lie in the box
    failures, futures : how many of each were played
    """

    limits: dict[str, tuple[float | None, float | None]]
    coverage: float
    density: float
    mass: float
    failures: int
    futures: int


def check_installed() -> None:
    """Raise ModuleNotFoundError without the extra `discovery`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of optional parts
        import ema_workbench  # noqa: F401


def find_box(inputs: pd.DataFrame, failed: Array) -> Box | None:
    """Return the box on the peeling trajectory with the best harmonic mean of coverage and density; None without a useful one.

    Bounds that chance would give as well (quasi-p above 5 %) are dropped from it.

    Parameters
    ----------
    inputs : (n, d)
        Numbers, one row a future.
    failed : (n,)
        Whether the plan failed there.

    Raises
    ------
    ModuleNotFoundError
        Without the extra `discovery`.
    """
    y = np.asarray(failed, float)
    if not 0 < y.sum() < len(y):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import warns of optional parts, PRIM of boxes it cannot shrink
        from ema_workbench.analysis import prim

        x = inputs.astype(float)  # integer columns fail with pandas 3 (EMAworkbench#451)
        try:
            found = prim.Prim(x, y, threshold=float(y.mean()), mass_min=LEAST_MASS)
        except TypeError:  # 3.0 has no threshold
            found = prim.Prim(x, y, mass_min=LEAST_MASS)
        box = found.find_box()
    if box is None:
        return None
    path = box.peeling_trajectory
    good = 2 * path["coverage"] * path["density"] / (path["coverage"] + path["density"]).where(lambda s: s > 0, np.nan)
    at = int(good.fillna(0.0).to_numpy().argmax())
    limits, low, high = {}, x.min(), x.max()
    chance: dict[str, Any] = box.qp[at] if at < len(box.qp) else {}
    for name in x.columns:
        ends = [float(v) for v in box.box_lims[at][name]]
        bounds = (ends[0] if ends[0] > low[name] else None, ends[1] if ends[1] < high[name] else None)
        p = [v for v in np.atleast_1d(chance.get(name, 0.0)) if v >= 0]  # -1: that end is not bounded
        if bounds != (None, None) and (not p or min(p) <= ALPHA):
            limits[str(name)] = bounds
    if not limits:
        return None
    inside = contains(limits, inputs)
    return Box(limits, float(y[inside].sum() / y.sum()), float(y[inside].mean()), float(inside.mean()), int(y.sum()), len(y))


def contains(limits: dict[str, tuple[float | None, float | None]], inputs: pd.DataFrame) -> Array:
    """Return which rows (n,) lie within the limits."""
    inside = np.ones(len(inputs), bool)
    for name, (low, high) in limits.items():
        x = inputs[name].to_numpy(float)
        inside &= (x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))
    return inside


def say_box(strategy: str, box: Box | None, failed: int, futures: int) -> str:
    """Return in words under which futures a plan fails."""
    if failed == 0:
        return f"{strategy} fails in none of {futures} sampled futures."
    if failed == futures:
        return f"{strategy} fails in all of {futures} sampled futures."
    if box is None:
        return f"{strategy} fails in {failed} of {futures} sampled futures, which no simple box of conditions describes."
    parts = []
    for name, (low, high) in box.limits.items():
        said = f"is between {low:.3g} and {high:.3g}" if low is not None and high is not None else ""
        said = said or (f"is above {low:.3g}" if low is not None else f"is below {high:.3g}")
        parts.append(f"{name} {said}")
    return (
        f"{strategy} fails when {' and '.join(parts)}: {box.density:.0%} of such futures fail, and they hold {box.coverage:.0%} "
        f"of all {failed} failures ({futures} sampled futures)."
    )
