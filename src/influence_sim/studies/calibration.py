"""Fit parameters to target statistics: what posts and dashboards can say about them, and what they cannot.

A Latin hypercube over the ranges is played once; approximate Bayesian computation keeps the nearest points and corrects them by
regression, an optimiser can look for the nearest point of all. Facts that are held out have no part in either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from influence_sim.record import RunResult
from influence_sim.record.measures import MEASURES, Facts, over
from influence_sim.scenario.errors import closest
from influence_sim.scenario.schema import Scenario
from influence_sim.studies.platform import log_slope, top_share
from influence_sim.studies.statistics import SEED

Array = np.ndarray[Any, Any]
FLAT = 0.9  # a posterior as wide as this share of the prior has learnt nothing
TOGETHER = 0.9  # two parameters so correlated in the posterior are known only together
LEAST_VIEWS = 1.0
# (points, replications) -> one row per point and replication with the statistics.
Evaluate = Callable[[pd.DataFrame, range], pd.DataFrame]
POSTS = ("views", "followers", "likes")


class Free(BaseModel):
    """A parameter that is fitted: its range is the prior, uniform on its scale."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    low: float = Field(description="Least value")
    high: float = Field(description="Largest value")
    log: bool = Field(False, description="Whether steps are factors")

    @model_validator(mode="after")
    def _rises(self) -> Free:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"`low` must be below `high`, and above 0 with `log`; got {self.low:g} and {self.high:g}")
        return self


class Target(BaseModel):
    """A fact: its value, and how precisely it is known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    value: float = Field(description="Value of the statistic")
    sd: float = Field(gt=0, description="Standard deviation of what is known about it")


class Calibration(BaseModel):
    """The question: which parameters, which facts, and how much to play."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    scenario: str = Field(description="Scenario file; its first strategy plays, or nobody advertises")
    parameters: dict[str, Free] = Field(min_length=1, description="Keys as for `--set`")
    targets: dict[str, Target] = Field(default_factory=dict, description="Facts that are fitted, by name of a statistic")
    held_out: dict[str, Target] = Field(default_factory=dict, description="Facts that are only compared with afterwards")
    posts: str | None = Field(None, description="CSV of posts with columns views, followers, likes: its statistics are targets")
    posts_held_out: tuple[str, ...] = Field((), description="Statistics of the posts that are held out")
    points: int = Field(200, ge=20, le=1_000_000, description="Points of the Latin hypercube")
    worlds: int = Field(2, ge=1, description="Worlds of each point")
    keep: float = Field(0.2, gt=0, le=1, description="Share of points that is kept, the nearest ones")
    draws: int = Field(20, ge=5, description="Draws from the posterior that are played in unseen worlds to check it")
    trials: int = Field(0, ge=0, description="Trials of the optimiser that looks for the nearest point; 0: none")
    seed: int = Field(1, ge=0, description="Seed of the sample and of the draws")

    @field_validator("targets", "held_out")
    @classmethod
    def _known(cls, facts: dict[str, Target]) -> dict[str, Target]:
        unknown = [name for name in facts if name not in STATISTICS]
        if unknown:
            near = closest(unknown[0], STATISTICS)
            meant = f"; did you mean `{near}`?" if near else "."
            raise ValueError(f"no statistic is called {', '.join(unknown)}{meant} There are: {', '.join(STATISTICS)}")
        return facts

    @model_validator(mode="after")
    def _enough(self) -> Calibration:
        both = set(self.targets) & set(self.held_out)
        if both:
            raise ValueError(f"a fact is fitted or held out, not both: {', '.join(sorted(both))}")
        if not self.targets and self.posts is None:
            raise ValueError("nothing to fit to: give `targets` or `posts`")
        return self


# ------------------------------------------------------------------ statistics


def post_statistics(views: Array, followers: Array, likes: Array) -> dict[str, float]:
    """Return what a list of posts says, the same for simulated and real ones; posts without views or followers are left out.

    Examples
    --------
    >>> found = post_statistics(np.array([10.0, 100.0, 1000.0]), np.array([10.0, 100.0, 1000.0]), np.array([1.0, 10.0, 100.0]))
    >>> round(found["views_slope"], 6), round(found["like_per_view"], 6)
    (1.0, 0.1)
    """
    fine = (views >= LEAST_VIEWS) & (followers > 0)
    v, f, k = views[fine], followers[fine], likes[fine]
    names = ("views_per_follower", "views_slope", "views_spread", "like_per_view", "like_slope", "views_top_decile")
    if len(v) < 3 or np.ptp(f) == 0:
        return dict.fromkeys(names, math.nan)
    slope = float(log_slope(f, v))
    rest = np.log(v) - slope * np.log(f)
    liked = k > 0
    told = (
        float(np.median(v / f)), slope, float(rest.std(ddof=1)), float(k.sum() / v.sum()),
        float(log_slope(v[liked], k[liked])) if liked.sum() > 2 and np.ptp(v[liked]) > 0 else math.nan, float(top_share(v, 0.1)),
    )  # fmt: skip
    return dict(zip(names, told, strict=True))


OF_POSTS = tuple(post_statistics(np.zeros(0), np.zeros(0), np.zeros(0)))
OF_RUNS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "likes_per_view": lambda t: over(t["organic_likes"], t["organic_views"]),
    "comments_per_view": lambda t: over(t["comments_total"], t["views_total"]),
    "shares_per_view": lambda t: over(t["shares_total"], t["views_total"]),
    "follows_per_like": lambda t: over(t["follows_total"], t["likes_total"]),
    "views_per_person_day": lambda t: over(t["views_total"], t["person_days"]),
    "seconds_per_view": lambda t: over(t["watch_seconds"], t["views_total"]),
    "posts_per_creator_day": lambda t: over(t["posts_total"], t["creator_days"]),
    "post_seconds": lambda t: t["post_seconds"],
    "purchases_per_1000_people_day": lambda t: over(1000 * t["expected_purchases"], t["person_days"]),
    "views_gini": lambda t: t["views_gini"],
}
# With a strategy that buys: what its dashboard shows.
OF_CAMPAIGNS = ("cpm", "click_through_rate", "conversion_rate", "view_through_rate", "engagement_rate_views", "cpe", "awareness_lift")
STATISTICS = (*OF_POSTS, *OF_RUNS, *OF_CAMPAIGNS)


def statistics(result: RunResult, scenario: Scenario) -> dict[str, float]:
    """Return every statistic of a run; those of posts read organic posts that are at least two days old."""
    posts, people = result.posts, scenario.market.people
    own = (posts["brand"] < 0) & (posts["day"] >= 0)
    mature = own & (posts["day"] <= scenario.horizon - 3)
    totals = {
        **result.totals, "comments_total": float(np.sum(result.daily["comments"])), "shares_total": float(np.sum(result.daily["shares"])),
        "person_days": float(people.population * scenario.horizon),
        "creator_days": float(scenario.market.creators.count * scenario.horizon),
        "posts_total": float(own.sum()), "post_seconds": float(np.median(posts["duration_s"][own])) if own.any() else math.nan,
    }  # fmt: skip
    facts = Facts(totals, scenario.market.brand.price, scenario.market.brand.margin)
    return {
        **post_statistics(*(np.asarray(posts[name], float)[mature] for name in POSTS)),
        **{name: function(totals) for name, function in OF_RUNS.items()},
        **{name: MEASURES[name].function(facts) for name in OF_CAMPAIGNS},
    }


def read_posts(path: Any) -> pd.DataFrame:
    """Read a CSV of posts.

    Raises
    ------
    ValueError
        When columns are missing, hold no numbers, or fewer than ten posts can be used.
    """
    try:
        table: pd.DataFrame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or str(error).splitlines()[0]}") from error
    missing = [name for name in POSTS if name not in table.columns]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has: {', '.join(map(str, table.columns))}")
    numbers = table[list(POSTS)].apply(pd.to_numeric, errors="coerce")
    bad = numbers.isna().any(axis=1) | (numbers < 0).any(axis=1)
    if bad.any():
        raise ValueError(f"{path}, line {int(np.argmax(bad)) + 2}: views, followers and likes must be numbers from 0 on")
    if int(((numbers["views"] >= LEAST_VIEWS) & (numbers["followers"] > 0)).sum()) < 10:
        raise ValueError(f"{path} has fewer than ten posts with views and followers")
    return pd.DataFrame(numbers)


def targets_of_posts(posts: pd.DataFrame, resamples: int = 500) -> dict[str, Target]:
    """Return the statistics of real posts with their bootstrap standard deviations; undefined ones are left out."""
    rng, columns = np.random.default_rng(SEED), [posts[name].to_numpy(float) for name in POSTS]
    whole = post_statistics(*columns)
    drawn = [rng.integers(0, len(posts), len(posts)) for _ in range(resamples)]
    draws = pd.DataFrame([post_statistics(*(column[rows] for column in columns)) for rows in drawn])
    spread = draws.std(ddof=1)
    return {name: Target(value=value, sd=float(spread[name])) for name, value in whole.items() if math.isfinite(value) and spread[name] > 0}


# ----------------------------------------------------------------------- fit


def sample(parameters: Mapping[str, Free], points: int, seed: int) -> pd.DataFrame:
    """Return a Latin hypercube over the ranges, a row a point."""
    from scipy.stats import qmc

    return at(parameters, qmc.LatinHypercube(len(parameters), rng=seed).random(points))


def at(parameters: Mapping[str, Free], unit: Array) -> pd.DataFrame:
    """Return the values at shares (n, D) of the ranges."""
    columns = {}
    for k, (name, free) in enumerate(parameters.items()):
        low, high = (math.log(x) if free.log else x for x in (free.low, free.high))
        value = low + unit[:, k] * (high - low)
        columns[name] = np.clip(np.exp(value) if free.log else value, free.low, free.high)
    return pd.DataFrame(columns)


def unit_of(parameters: Mapping[str, Free], points: pd.DataFrame) -> Array:
    """Return points as shares (n, D) of the ranges."""
    found = []
    for name, free in parameters.items():
        low, high, x = (np.log(v) if free.log else np.asarray(v, float) for v in (free.low, free.high, points[name].to_numpy(float)))
        found.append((x - low) / (high - low))
    return np.stack(found, axis=1)


class Posterior(NamedTuple):
    """What is believed after the facts.

    Attributes
    ----------
    draws : points with a weight each, corrected by regression
    summary : per parameter median, 95 % interval, the prior's range, how wide the posterior is against the prior, and whether
        it is flat (nothing learnt)
    together : pairs of parameters that are known only together, with their correlation
    distance : of the farthest point kept, in standard deviations of the facts
    """

    draws: pd.DataFrame
    weights: Array
    summary: pd.DataFrame
    together: list[tuple[str, str, float]]
    distance: float


def posterior(
    parameters: Mapping[str, Free], points: pd.DataFrame, values: pd.DataFrame, targets: Mapping[str, Target], keep: float = 0.2
) -> Posterior:
    """Return the posterior by rejection with local linear regression adjustment.

    Parameters
    ----------
    points
        From `sample`, a row a point.
    values
        Statistics of the same points (columns named as the targets), means over their worlds.
    keep
        Share of points kept.

    Raises
    ------
    ValueError
        When too few points have all statistics.

    Source: Beaumont, Zhang & Balding 2002, Genetics 162; on logits of the ranges, so that corrected points stay inside them
    (Hamilton et al. 2005).
    """
    names = list(targets)
    s = values[names].to_numpy(float)
    usable = np.isfinite(s).all(axis=1)
    kept_of = int(usable.sum())
    if kept_of < max(10, 2 * len(names)):
        raise ValueError(f"only {kept_of} of {len(s)} points have all of {', '.join(names)}; more points, or other statistics, are needed")
    # Units in which points vary, but at least what the fact itself leaves open.
    scale = np.maximum(np.std(s[usable], axis=0), [targets[name].sd for name in names])
    off = (s - np.array([targets[name].value for name in names])) / scale
    distance = np.where(usable, np.sqrt((off**2).sum(axis=1)), np.inf)
    n = min(kept_of, max(len(names) + len(parameters) + 5, round(keep * kept_of)))
    order = np.argsort(distance, kind="stable")[:n]
    edge = max(float(distance[order[-1]]), 1e-12)
    weights = np.maximum(1 - (distance[order] / edge) ** 2, 1e-3)  # Epanechnikov, never quite nothing
    unit = np.clip(unit_of(parameters, points)[order], 1e-4, 1 - 1e-4)
    logit = np.log(unit / (1 - unit))
    design = np.hstack([np.ones((n, 1)), off[order]])
    root = np.sqrt(weights)[:, None]
    slopes = _ridge(design * root, logit * root)
    noise = np.random.default_rng(SEED).normal(size=(n, len(names))) * np.array([targets[name].sd for name in names]) / scale
    corrected = logit - (off[order] - noise) @ slopes[1:]  # what the facts leave open stays open
    draws = at(parameters, 1 / (1 + np.exp(-corrected)))
    weights = weights / weights.sum()
    summary, shares = [], unit_of(parameters, draws)
    for k, (name, free) in enumerate(parameters.items()):
        median, low, high = (weighted_quantile(draws[name].to_numpy(), weights, q) for q in (0.5, 0.025, 0.975))
        mean = float(weights @ shares[:, k])
        width = math.sqrt(float(weights @ (shares[:, k] - mean) ** 2)) * math.sqrt(12)  # against a uniform prior
        summary.append((name, median, low, high, free.low, free.high, width, width > FLAT))
    table = pd.DataFrame(summary, columns=["parameter", "median", "lo", "hi", "prior_low", "prior_high", "width", "flat"])
    return Posterior(draws, weights, table, _together(list(parameters), shares, weights), float(edge))


def _ridge(x: Array, y: Array) -> Array:
    """Return the coefficients (k, d) of y (n, d) on x (n, k), whose first column is the constant.

    The penalty of each column of y is the one with the least leave-one-out error: a parameter that the statistics say nothing of
    must not be moved by chance.
    """
    best, chosen = np.full(y.shape[1], np.inf), np.zeros((x.shape[1], y.shape[1]))
    size = float((x**2).sum() / x.shape[1])
    for strength in (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 1e3):
        inverse = np.linalg.inv(x.T @ x + strength * size * np.diag([1e-9] + [1.0] * (x.shape[1] - 1)))
        coefficients = inverse @ x.T @ y
        leverage = np.clip(((x @ inverse) * x).sum(axis=1), 0.0, 0.99)
        error = (((y - x @ coefficients) / (1 - leverage)[:, None]) ** 2).sum(axis=0)
        better = error < best
        best[better], chosen[:, better] = error[better], coefficients[:, better]
    return chosen


def weighted_quantile(x: Array, weights: Array, q: float) -> float:
    """Return a quantile of weighted values."""
    order = np.argsort(x, kind="stable")
    reached = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(q, reached, x[order]))


def _together(names: Sequence[str], shares: Array, weights: Array) -> list[tuple[str, str, float]]:
    moved = shares - weights @ shares
    covariance = (moved * weights[:, None]).T @ moved
    sd = np.sqrt(np.diag(covariance))
    pairs = [(a, b, float(covariance[a, b] / (sd[a] * sd[b]))) for a in range(len(names)) for b in range(a) if sd[a] > 0 and sd[b] > 0]
    return [(names[a], names[b], r) for a, b, r in pairs if abs(r) > TOGETHER]


def nearest(
    parameters: Mapping[str, Free], targets: Mapping[str, Target], evaluate: Evaluate, replications: range, trials: int, seed: int,
    start: Sequence[Mapping[str, float]] = (), batch: int = 8,
) -> pd.DataFrame:  # fmt: skip
    """Return the trials of an optimiser (Optuna's TPE) that looks for the point nearest to the facts, nearest first."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    for point in start:
        study.enqueue_trial(dict(point))
    rows: list[dict[str, float]] = []
    while len(rows) < trials:
        asked = [study.ask() for _ in range(min(batch, trials - len(rows)))]
        points = pd.DataFrame([{k: t.suggest_float(k, f.low, f.high, log=f.log) for k, f in parameters.items()} for t in asked])
        found = evaluate(points, replications).groupby("point")[list(targets)].mean()
        columns = [found[name].to_numpy(float) for name in targets]
        for k, trial in enumerate(asked):
            off = [(float(values[k]) - t.value) / t.sd for t, values in zip(targets.values(), columns, strict=True)]
            distance = math.sqrt(sum(x * x for x in off)) if all(map(math.isfinite, off)) else 1e6
            study.tell(trial, distance)
            rows.append({**{str(name): float(v) for name, v in points.iloc[k].items()}, "distance": distance})
    return pd.DataFrame(rows).sort_values("distance", kind="stable").reset_index(drop=True)


def resample(found: Posterior, draws: int, seed: int) -> pd.DataFrame:
    """Return draws from the posterior, a row each."""
    rows = np.random.default_rng(seed).choice(len(found.draws), draws, p=found.weights)
    return found.draws.iloc[rows].reset_index(drop=True)


def predictive(
    values: pd.DataFrame, targets: Mapping[str, Target], held_out: Mapping[str, Target], unreached: Sequence[str] = ()
) -> pd.DataFrame:
    """Return, for every fact, what posterior draws predict and whether it lies in the 95 % range, its own uncertainty included.

    Parameters
    ----------
    values
        Statistics of draws played in unseen worlds, a row a run.
    unreached
        Targets that were left out of the fit because no point came near.
    """
    rows = []
    for kind, facts in (("fitted", targets), ("held out", held_out)):
        for name, fact in facts.items():
            x = values[name].to_numpy(float)
            x = x[np.isfinite(x)]
            median, low, high = (float(np.quantile(x, q)) if len(x) else math.nan for q in (0.5, 0.025, 0.975))
            inside = len(x) > 0 and low - 1.96 * fact.sd <= fact.value <= high + 1.96 * fact.sd
            rows.append(("out of reach" if name in unreached else kind, name, fact.value, fact.sd, median, low, high, inside))
    return pd.DataFrame(rows, columns=["kind", "statistic", "fact", "fact_sd", "median", "lo", "hi", "inside"])


def out_of_reach(values: pd.DataFrame, targets: Mapping[str, Target]) -> list[str]:
    """Return the facts that no point of the sample comes near: beyond everything played by more than two of their own deviations.

    Fitted to them, regression would only extrapolate, and bend what other facts say.
    """
    far = [max(values[name].min() - fact.value, fact.value - values[name].max()) > 2 * fact.sd for name, fact in targets.items()]
    return [name for name, is_far in zip(targets, far, strict=True) if is_far]


def say_posterior(found: Posterior, checks: pd.DataFrame, number: Any) -> list[str]:
    """Return the fit in sentences: what is known, what the facts say nothing about, and what was not fitted."""
    known = found.summary[~found.summary["flat"]]
    lines = [f"{r['parameter']}: {number(r['median'])} (95 % interval {number(r['lo'])} to {number(r['hi'])}), from a range of "
             f"{number(r['prior_low'])} to {number(r['prior_high'])}." for r in known.to_dict("records")]  # fmt: skip
    flat = found.summary.loc[found.summary["flat"], "parameter"].tolist()
    if flat:
        lines.append(f"The facts say nothing about {', '.join(flat)}: any value of the range fits as well.")
    for a, b, r in found.together:
        how = "both may be larger, or both smaller" if r > 0 else "more of one makes up for less of the other"
        lines.append(f"{a} and {b} are known only together (correlation {r:.2f}): {how}.")
    far = checks.loc[checks["kind"] == "out of reach", "statistic"].tolist()
    if far:
        lines.append(f"Out of reach: no point in these ranges comes near {', '.join(far)}; left out, for it could only bend the rest.")
    for kind in ("fitted", "held out"):
        mine = checks[checks["kind"] == kind]
        if len(mine):
            wrong = mine.loc[~mine["inside"], "statistic"].tolist()
            text = f"{len(mine) - len(wrong)} of {len(mine)} facts that were {kind} lie in what the fitted model predicts in unseen worlds"
            lines.append(text + (f"; not {', '.join(wrong)}." if wrong else "."))
    return lines
