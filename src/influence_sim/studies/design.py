"""Designs of experiments: which points of a space of parameters are played.

Sobol and Morris samples are SALib's, Latin hypercubes SciPy's; all are drawn in the unit cube and laid over the ranges.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

Array = np.ndarray[Any, Any]
Kind = Literal["grid", "oat", "lhs", "sobol", "morris", "table"]
SAMPLED = ("lhs", "sobol", "morris")
Scalar = bool | int | float | str


class Range(BaseModel):
    """The values a parameter takes: all of `values`, or those between `low` and `high`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    values: tuple[Scalar, ...] | None = Field(None, description="a list of values", min_length=1)
    low: float | None = Field(None, description="a number: least value")
    high: float | None = Field(None, description="a number: largest value")
    levels: int = Field(5, ge=2, le=1000, description="Values between low and high in a grid or one at a time")
    scale: Literal["linear", "log"] = Field("linear", description="Whether steps are sums or factors")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if (self.values is None) != (len(bounds) == 2) or (self.values is not None and bounds):
            raise ValueError("needs either `values: [...]`, or both `low` and `high`")
        if bounds and not bounds[0] < bounds[1]:
            raise ValueError(f"`low` must be below `high`; got {bounds[0]:g} and {bounds[1]:g}")
        if self.scale == "log" and (not bounds or bounds[0] <= 0):
            raise ValueError("`scale: log` needs `low` above 0")
        return self

    def at(self, share: Array, whole: bool) -> list[Any]:
        """Return the values at shares (n,) of the range, 0 to 1; a list is divided into equal parts."""
        if self.values is not None:
            last = len(self.values) - 1
            return [self.values[min(last, int(u * len(self.values)))] for u in share.tolist()]
        assert self.low is not None
        assert self.high is not None
        low, high = (math.log(x) if self.scale == "log" else x for x in (self.low, self.high))
        found = low + np.asarray(share) * (high - low)
        found = np.clip(np.exp(found) if self.scale == "log" else found, self.low, self.high)
        # Ten digits say the same in every file, and on every machine.
        return [int(x) for x in np.rint(found)] if whole else [float(f"{x:.10g}") for x in found.tolist()]

    def every(self, whole: bool) -> list[Any]:
        """Return the values of a grid, each once."""
        found = list(self.values) if self.values is not None else self.at(np.linspace(0.0, 1.0, self.levels), whole)
        return list(dict.fromkeys(found))


class Design(BaseModel):
    """How the space of parameters is covered."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Kind = Field(description="The kind of design")
    parameters: dict[str, Range] = Field(default_factory=dict, description="keys as for `--set`, with the values they take")
    points: int | None = Field(None, ge=1, le=1_000_000, description="Points of `lhs`; N of `sobol`, a power of two: N (D + 2) points")
    trajectories: int | None = Field(None, ge=2, le=100_000, description="Of `morris`: D + 1 points each")
    levels: int = Field(4, ge=4, le=1000, multiple_of=2, description="Levels of `morris`, an even number")
    second_order: bool = Field(False, description="Whether `sobol` can tell interactions of two: N (2 D + 2) points")
    seed: int = Field(1, ge=0, le=2**32 - 1, description="Seed of the sample")
    file: str | None = Field(None, description="Of `table`: a CSV or Parquet file, one point a row, one column a parameter")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needs = {"lhs": "points", "sobol": "points", "morris": "trajectories", "table": "file"}
        own = needs.get(self.kind)
        if own and getattr(self, own) is None:
            raise ValueError(f"`kind: {self.kind}` needs `{own}`")
        alien = [name for name in ("points", "trajectories", "file") if name != own and getattr(self, name) is not None]
        if alien:
            raise ValueError(f"`kind: {self.kind}` does not use `{alien[0]}`")
        if (self.kind == "table") == bool(self.parameters):
            raise ValueError("`kind: table` has its parameters in its file" if self.parameters else "`parameters` are missing")
        if self.kind == "sobol" and self.points is not None and self.points & (self.points - 1):
            raise ValueError(f"`points` of `sobol` must be a power of two; got {self.points}")
        return self


@dataclass(frozen=True)
class Sample:
    """The points of a design.

    `points` are mappings of full keys to values, where None leaves a value as it is; `unit` (n, D) are the shares of the ranges
    of sampled designs, and `problem` what SALib calls so: analyses take both.
    """

    kind: str
    points: list[dict[str, Any]]
    unit: Array | None = None
    about: dict[str, Any] = field(default_factory=dict)


def salib_problem(names: Sequence[str]) -> dict[str, Any]:
    """Return SALib's description of a sample in the unit cube."""
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}


def sample_of(design: Design, whole: Mapping[str, bool]) -> Sample:
    """Return the points of any design but a table.

    Parameters
    ----------
    design
        With full keys.
    whole
        Which of them take whole numbers only.
    """
    names, ranges = list(design.parameters), list(design.parameters.values())
    about: dict[str, Any] = {
        "names": names,
        "bounds": [None if part.low is None else [part.low, part.high] for part in ranges],
        "parameters": {name: part.model_dump(exclude_none=True) for name, part in design.parameters.items()},
    }
    if design.kind == "grid":
        every = [part.every(whole[name]) for name, part in design.parameters.items()]
        return Sample("grid", [dict(zip(names, values, strict=True)) for values in itertools.product(*every)], about=about)
    if design.kind == "oat":
        base = dict.fromkeys(names)
        moved = [{**base, name: value} for name, part in design.parameters.items() for value in part.every(whole[name])]
        return Sample("oat", [base, *moved], about=about)
    unit = _unit_sample(design, names)
    columns = [part.at(unit[:, k], whole[name]) for k, (name, part) in enumerate(zip(names, ranges, strict=True))]
    points = [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
    about |= {"problem": salib_problem(names), "N": design.points or design.trajectories, "seed": design.seed}
    about |= {"levels": design.levels} if design.kind == "morris" else {}
    about |= {"second_order": design.second_order} if design.kind == "sobol" else {}
    return Sample(design.kind, points, unit, about)


def _unit_sample(design: Design, names: Sequence[str]) -> Array:
    """Return shares of the ranges (n, D)."""
    if design.kind == "lhs":
        from scipy.stats import qmc

        found: Array = qmc.LatinHypercube(len(names), rng=design.seed).random(design.points or 0)
        return found
    from influence_sim.studies.loop import ExecutorError

    try:
        from SALib.sample import morris, sobol
    except ModuleNotFoundError as missing:
        raise ExecutorError(f"`kind: {design.kind}` needs the package SALib: pip install 'influence-sim[analysis]'") from missing
    problem = salib_problem(names)
    if design.kind == "sobol":
        drawn = sobol.sample(problem, design.points, calc_second_order=design.second_order, seed=design.seed)
    else:
        drawn = morris.sample(problem, design.trajectories, num_levels=design.levels, seed=design.seed)
    return np.asarray(drawn, float)
