"""The same question in variants of one scenario: is a difference still there when what should cause it is taken away?

A study is a scenario file and, beside it, variants that change some of its keys, and comparisons of two of its arms
(or of one arm with itself in another variant). Everything is paired: a replication is the same world in every arm, and in
every variant that does not change the world itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from influence_sim.record import RunResult
from influence_sim.record.measures import MEASURES, Facts, over
from influence_sim.scenario import Loaded, load_scenario
from influence_sim.scenario.layers import to_json
from influence_sim.scenario.schema import Scenario
from influence_sim.studies.compare import ALPHA, UNDECIDED
from influence_sim.studies.runner import CONTROL, arms, control_label, run_all
from influence_sim.studies.statistics import Estimate, holm, mean_interval, permutation_p

Array = np.ndarray[Any, Any]
Progress = Callable[[str, int, int], None]
HIGHER, LOWER = "higher", "lower"
ROWS = (
    "comparison", "variant", "measure", "kind", "a", "a_value", "a_lo", "a_hi", "b", "b_value", "b_lo", "b_hi", "value", "lo", "hi",
    "p_permutation", "p_holm", "verdict", "change", "change_lo", "change_hi", "worlds",
)  # fmt: skip
ARMS = ("variant", "strategy", "measure", "value", "lo", "hi", "unit")
# What a study asks beyond the industry's measures: the factors of sales per USD, and money.
OWN: dict[str, tuple[str, Callable[[Facts], float]]] = {
    "followers_per_usd": ("followers/USD", lambda f: over(f["follower_base"], f["spend"])),
    "views_per_follower": ("views/follower", lambda f: over(f["impressions"], f["follower_base"])),
    "views_per_usd": ("views/USD", lambda f: over(f["impressions"], f["spend"])),
    "sales_per_thousand_views": ("purchases/1000 views", lambda f: over(1000.0 * f.gained("expected_purchases"), f["impressions"])),
    "sales_per_engagement": ("purchases/engagement", lambda f: over(f.gained("expected_purchases"), f["engagements"])),
    "sales_per_post": ("purchases/post", lambda f: over(f.gained("expected_purchases"), f["posts_bought"])),
    "engagements": ("engagements", lambda f: f["engagements"]),
    "profit": ("USD", lambda f: f.price * f.margin * f.gained("expected_purchases") - f["spend"]),
    "credited_over_truth": ("ratio", lambda f: over(f["attributed_purchases"], f.gained("expected_purchases"))),
    "credited_sales": ("purchases", lambda f: f["attributed_purchases"]),
    "posts": ("posts", lambda f: f["posts_bought"]),
    "spend": ("USD", lambda f: f["spend"]),
    "days": ("days", lambda f: f["days"]),
    "engagement_of_all": ("likes/view", lambda f: over(f["organic_likes"], f["organic_views"])),
}


class StudyError(ValueError):
    """A study file says something that cannot be; the message says what."""


class Comparison(BaseModel):
    """Asks for a measure of arm `a` against arm `b`; without `b`, against `a` itself in the first variant or, as a level, against one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(description="What is compared, in words")
    measure: str = Field(description="A registered measure, one of `OWN`, or `share <tier>`: money for creators of a tier over all spent")
    a: str = Field(description="Label of a strategy")
    b: str | None = Field(None, description="Label of another one")
    kind: Literal["ratio", "difference", "elasticity", "level"] = Field(
        "ratio", description="a / b, a - b, log change over that of the budget, or the measure itself, which is one where nothing is wrong"
    )
    headline: bool = Field(False, description="Whether the title tells it; the first comparison always is told")
    meaning: dict[Literal["higher", "lower", "undecided"], str] = Field(
        default_factory=dict, description="What it means in plain words when a is higher, lower or not told apart as the market is"
    )

    @model_validator(mode="after")
    def _budgets(self) -> Comparison:
        if self.kind in ("elasticity", "level") and self.b is not None:
            raise ValueError(f"`kind: {self.kind}` is about one arm: leave `b` out")
        return self

    @property
    def everywhere(self) -> bool:
        """Whether it can be asked in the first variant too."""
        return self.b is not None or self.kind == "level"

    @property
    def null(self) -> float:
        """The value that says nothing happens, on the scale of the influence values."""
        return 1.0 if self.kind == "elasticity" else 0.0

    def shown(self, value: float) -> float:
        """Return a value of the scale of influence values as readers see it."""
        return math.exp(value) if self.kind in ("ratio", "level") and math.isfinite(value) else value


class Variant(BaseModel):
    """Keys that change, and why that is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    why: str = Field(description="What is taken away or changed, in words")
    set: dict[str, Any] = Field(default_factory=dict, description="Keys of a scenario as for `--set`")


class Study(BaseModel):
    """Variants of one scenario, the first as it is, and what is compared in each."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    variants: dict[str, Variant] = Field(min_length=1)
    comparisons: tuple[Comparison, ...] = Field(min_length=1)
    shown: tuple[str, ...] = Field((), description="Measures the page lists for every arm besides")

    @property
    def base(self) -> str:
        """The first variant: the market as it is."""
        return next(iter(self.variants))


def load_study(path: Path) -> Study:
    """Read a study file.

    Raises
    ------
    StudyError
        When it is not one.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return Study.model_validate(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))
    except (ValidationError, YAMLError, OSError) as error:
        raise StudyError(f"{path}: {error}") from error


def scenarios_of(study: Study, file: Path, changes: Iterable[str] = ()) -> dict[str, Loaded]:
    """Return the scenario of every variant; `changes` (``key=value``) come last."""
    found = {}
    for name, variant in study.variants.items():
        said = [f"{key}={value if isinstance(value, str) else to_json(value)}" for key, value in variant.set.items()]
        found[name] = load_scenario(file, [*said, *changes])
    labels = {label for comparison in study.comparisons for label in (comparison.a, comparison.b) if label}
    unknown = labels - set(found[study.base].scenario.strategies)
    if unknown:
        raise StudyError(f"{file}: comparisons name arms it does not have: {', '.join(sorted(unknown))}")
    return found


def run_variants(scenarios: Mapping[str, Scenario], jobs: int | None = None, progress: Progress | None = None) -> pd.DataFrame:
    """Run every arm of every variant and return the totals, a row per variant, arm and replication."""
    tell = progress or (lambda variant, done, total: None)
    rows = []
    for name, scenario in scenarios.items():
        results = run_all(scenario, jobs, lambda done, total, _, name=name: tell(name, done, total))  # type: ignore[misc]
        rows += [{"variant": name, "strategy": r.strategy, "replication": r.replication, **totals_of(r, scenario)} for r in results]
    return pd.DataFrame(rows)


def totals_of(result: RunResult, scenario: Scenario) -> dict[str, float]:
    """Return the totals of a run, with the money that creators of each tier got (by followers when they posted)."""
    posts = result.posts
    hired = (posts["brand"] == 0) & posts["sponsored"] & (posts["format"] == "post")
    paid = {
        f"spend on {tier}": float(posts["spend"][hired & (posts["followers"] >= low) & (posts["followers"] < high)].sum())
        for tier, (low, high) in scenario.tiers.items()
    }
    return {**result.totals, **paid}


def measure_of(name: str) -> tuple[str, Callable[[Facts], float]]:
    """Return the unit and the function of a measure by its name.

    Raises
    ------
    StudyError
        When there is none.
    """
    if name.startswith("share "):
        tier = name.removeprefix("share ")
        return "share of money", lambda f: over(f[f"spend on {tier}"], f["spend"])
    if name in OWN:
        return OWN[name]
    if name in MEASURES:
        return MEASURES[name].unit, MEASURES[name].function
    raise StudyError(f"no measure is called `{name}`; there are: {', '.join([*OWN, *MEASURES])}")


class Cells:
    """The runs of a study: measures of an arm in a variant as influence values, one per replication.

    The influence value of replication r is T + (n - 1) (mean of T without one - T without r), for a measure T of mean totals:
    its mean is T, and its spread that of T (the jackknife's; Efron & Tibshirani 1993, ch. 11). So ratios of means, and
    differences and ratios of these, are compared as paired means are.
    """

    def __init__(self, runs: pd.DataFrame, scenarios: Mapping[str, Scenario]) -> None:
        self.scenarios = scenarios
        numbers = [c for c in runs.columns if c not in ("variant", "strategy", "replication")]
        self._columns = numbers
        self._cells = {
            key: part.sort_values("replication")[numbers].to_numpy(float)
            for key, part in runs.groupby(["variant", "strategy"], sort=False)
        }

    def values(self, measure: str, variant: str, label: str, log: bool = False) -> Array:
        """Return the influence values (n,) of a measure or of its logarithm; NaN where it is not defined in every subset."""
        scenario, function = self.scenarios[variant], measure_of(measure)[1]
        arm, control = (self._cells[variant, which] for which in (label, control_label(scenario)))
        n, brand = len(arm), scenario.market.brand

        def value(a: Array, c: Array) -> float:
            totals, without = (dict(zip(self._columns, row.tolist(), strict=True)) for row in (a, c))
            found = function(Facts(totals, brand.price, brand.margin, without))
            return found if not log else math.log(found) if found > 0 else math.nan

        whole = value(arm.mean(axis=0), control.mean(axis=0))
        if n < 2:
            return np.full(n, whole)
        subsets = [(table.sum(axis=0) - table) / (n - 1) for table in (arm, control)]
        left = np.array([value(a, c) for a, c in zip(*subsets, strict=True)])
        influence: Array = whole + (n - 1) * (left.mean() - left)
        return influence

    def contrast(self, comparison: Comparison, variant: str, base: str) -> Array:
        """Return the influence values of a comparison in a variant, on the scale on which it is additive."""
        log = comparison.kind != "difference"
        first = self.values(comparison.measure, variant, comparison.a, log)
        if comparison.kind == "level":
            return first
        if comparison.b is not None:
            return first - self.values(comparison.measure, variant, comparison.b, log)
        change: Array = first - self.values(comparison.measure, base, comparison.a, log)
        if comparison.kind != "elasticity":
            return change
        spent = [float(self.values("spend", v, comparison.a).mean()) for v in (variant, base)]
        return change / math.log(spent[0] / spent[1]) if spent[0] != spent[1] else np.full_like(change, math.nan)


class Answered(NamedTuple):
    """The tables of a study."""

    rows: pd.DataFrame
    arms: pd.DataFrame


def answers(study: Study, runs: pd.DataFrame, scenarios: Mapping[str, Scenario]) -> Answered:
    """Return every comparison in every variant, with paired BCa intervals, and the measures of every arm.

    p-values of one comparison are adjusted over its variants (Holm). `change` is how far the comparison moves from the first
    variant; for ratios it is a factor.
    """
    cells, rows = Cells(runs, scenarios), list[dict[str, Any]]()
    for comparison in study.comparisons:
        of = [_row(cells, comparison, name, study.base) for name in study.variants if comparison.everywhere or name != study.base]
        for row, p in zip(of, holm([row["p_permutation"] for row in of]), strict=True):
            null = comparison.shown(comparison.null)
            told = (row["lo"] > null or row["hi"] < null) and p <= ALPHA
            row |= {"p_holm": p, "verdict": (HIGHER if row["lo"] > null else LOWER) if told else UNDECIDED}
        rows += of
    wanted = dict.fromkeys([*(comparison.measure for comparison in study.comparisons), *study.shown])
    table = [
        (name, label, measure, *mean_interval(cells.values(measure, name, label)), measure_of(measure)[0])
        for measure in wanted
        for name, scenario in scenarios.items()
        for label in arms(scenario)
        if label not in (control_label(scenario), CONTROL)
    ]
    return Answered(pd.DataFrame(rows, columns=list(ROWS)), pd.DataFrame(table, columns=list(ARMS)))


def _row(cells: Cells, comparison: Comparison, variant: str, base: str) -> dict[str, Any]:
    difference = cells.contrast(comparison, variant, base)
    found = Estimate(*(comparison.shown(x) for x in mean_interval(difference)))
    moved = Estimate(math.nan, math.nan, math.nan)
    if comparison.everywhere and variant != base:
        moved = Estimate(*(comparison.shown(x) for x in mean_interval(difference - cells.contrast(comparison, base, base))))
    sides = dict[str, Any]()
    for side, at, label in (("a", variant, comparison.a), ("b", variant if comparison.everywhere else base, comparison.b or comparison.a)):
        told = mean_interval(cells.values(comparison.measure, at, label))
        sides |= {side: label, **dict(zip((f"{side}_value", f"{side}_lo", f"{side}_hi"), told, strict=True))}
    return {
        "comparison": comparison.name, "variant": variant, "measure": comparison.measure, "kind": comparison.kind, **sides,
        "value": found.value, "lo": found.lo, "hi": found.hi, "p_permutation": permutation_p(difference - comparison.null),
        "change": moved.value, "change_lo": moved.lo, "change_hi": moved.hi, "worlds": len(difference),
    }  # fmt: skip


def say_row(row: Mapping[str, Any], number: Callable[[float], str]) -> str:
    """Return a comparison in a variant in words, with its interval; one that cannot be told apart says so."""
    if not math.isfinite(row["value"]):
        return "not defined here"
    sure = math.isfinite(row["lo"])
    interval = f" (95 % interval {number(row['lo'])} to {number(row['hi'])})" if sure else " (too few worlds for an interval)"
    unit = {"ratio": " times", "difference": "", "elasticity": "", "level": " times"}[row["kind"]]
    text = f"{number(row['value'])}{unit}{interval}"
    return f"{UNDECIDED}: {text}" if row["verdict"] == UNDECIDED else text


def grouped(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the variants by verdict, in order."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["verdict"], []).append(row["variant"])
    return found
