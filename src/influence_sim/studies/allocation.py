"""The best split of a budget over channels and timings, found by search and reported only from worlds the search never saw.

Common random numbers in the search (every split meets the same worlds), then the leading splits and the usual ones again in
unseen worlds: the best of many noisy values is partly the luckiest, and only new worlds take the luck out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from influence_sim.scenario.schema import Objective, Scenario
from influence_sim.strategies import TIMINGS
from influence_sim.strategies.split import Part
from influence_sim.studies.robustness import frontier, worst_tenth
from influence_sim.studies.statistics import compare_pair, holm, linearised_ratio, mean_interval, ratio_interval

if TYPE_CHECKING:
    from influence_sim.studies.play import Play

Array = np.ndarray[Any, Any]
LEVELS = (10, 25, 50, 75, 100)  # percents of the budget at which channels are played alone
UNITS = 100  # shares are whole percents: finer ones change the orders of a small budget hardly
ALPHA = 0.05
INDUSTRY = (47, 23)  # percent on the smallest creators and on the largest; ads get the rest (survey headline 2020)


class Channel(BaseModel):
    """What money can go into: a strategy that orders everything on one morning, and bounds on its share."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    strategy: str = Field(description="Registered strategy")
    params: dict[str, Any] = Field(default_factory=dict, description="Its parameters, but `start` and `timing`")
    floor: float = Field(0.0, ge=0, le=1, description="Least share of the budget, in whole percents")
    ceiling: float = Field(1.0, ge=0, le=1, description="Largest share of the budget, in whole percents")

    @model_validator(mode="after")
    def _bounds(self) -> Channel:
        for name in ("floor", "ceiling"):
            if abs(getattr(self, name) * UNITS - round(getattr(self, name) * UNITS)) > 1e-9:
                raise ValueError(f"{name} must be a whole percentage such as 0.25; got {getattr(self, name):g}")
        if self.floor > self.ceiling:
            raise ValueError(f"floor ({self.floor:g}) is above ceiling ({self.ceiling:g})")
        try:
            Part(strategy=self.strategy, share=0, params=self.params)
        except ValidationError as error:
            raise ValueError(error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")) from error
        return self


class Allocation(BaseModel):
    """The question: which channels, under which bounds, for what goal, and how hard to look."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    scenario: str = Field(description="Scenario file with market, budget, days and seeds; its strategies are not used")
    channels: dict[str, Channel] = Field(min_length=2, description="Channels by label")
    keep: bool = Field(False, description="Whether part of the budget may be kept; otherwise shares add up to all of it")
    timings: tuple[str, ...] = Field(("burst",), min_length=1, description="Registered timings to choose from, the same for all channels")
    start: int = Field(2, ge=0, description="First day of the campaign")
    goal: Objective = Field("profit", description="What is made as large, or as cheap, as can be")
    caution: float = Field(0.0, ge=0, le=1, description="Weight of the mean of the worst tenth of worlds against the mean of all")
    known: dict[str, dict[str, float]] = Field(default_factory=dict, description="Splits to compare with: label -> {channel: share}")
    trials: int = Field(40, ge=2, le=100_000, description="Splits tried")
    batch: int = Field(8, ge=1, description="Splits asked for at a time")
    worlds: int = Field(10, ge=3, description="Worlds of the search")
    finalists: int = Field(6, ge=1, description="Leading splits checked again")
    check_worlds: int = Field(30, ge=5, description="Unseen worlds of the check")
    random_search: bool = Field(True, description="Whether as many random splits are tried for comparison")
    sampler: Literal["tpe", "cmaes"] = Field("tpe", description="Optimiser (Optuna)")
    seed: int = Field(1, ge=0, description="Seed of the search")

    @model_validator(mode="after")
    def _possible(self) -> Allocation:
        unknown_timings = sorted(set(self.timings) - set(TIMINGS))
        if unknown_timings:
            raise ValueError(f"no timing is called {', '.join(unknown_timings)}; there are: {', '.join(TIMINGS)}")
        if "keep" in self.channels:
            raise ValueError("no channel may be called `keep`: that is the money not spent (`keep: true`)")
        if sum(c.floor for c in self.channels.values()) > 1 + 1e-9:
            raise ValueError("the floors add up to more than the budget")
        if not self.keep and sum(c.ceiling for c in self.channels.values()) < 1 - 1e-9:
            raise ValueError("the ceilings add up to less than the budget; raise one, or allow `keep: true`")
        for name, shares in self.known.items():
            unknown = set(shares) - set(self.channels)
            if unknown:
                raise ValueError(f"known split `{name}` names channels that are not there: {', '.join(sorted(unknown))}")
            if sum(shares.values()) > 1 + 1e-9:
                raise ValueError(f"the shares of known split `{name}` add up to more than 1")
        return self

    @property
    def bounds(self) -> dict[str, tuple[int, int]]:
        """Floor and ceiling of every channel in whole percents, in the order of the labels; `keep` among them."""
        found = {label: (round(c.floor * UNITS), round(c.ceiling * UNITS)) for label, c in self.channels.items()}
        return dict(sorted({**found, **({"keep": (0, UNITS)} if self.keep else {})}.items()))

    @property
    def most_runs(self) -> int:
        """How many runs the search, its check and the curves take when no split comes twice; the control's are among them."""
        searches = 1 + self.random_search
        final = len(usual(self)) + searches * self.finalists + 1
        alone = len(LEVELS) * len(self.channels)
        return (searches * self.trials + alone + 1) * self.worlds + (final + 1) * self.check_worlds


class Split(NamedTuple):
    """Whole percents by channel (sorted by label), and a timing."""

    percents: tuple[tuple[str, int], ...]
    timing: str

    @property
    def words(self) -> str:
        """The split as people write it: the largest share first."""
        told = sorted((p for p in self.percents if p[1]), key=lambda p: (-p[1], p[0]))
        return ", ".join(f"{label} {percent} %" for label, percent in told) or "nothing"


# (splits, replications) -> `split` (index), `replication`, `spend`, `gained` (incremental purchases), `reach`, in any order.
Evaluate = Callable[[Sequence[Split], range], pd.DataFrame]


def percents_of(weights: Mapping[str, float], bounds: Mapping[str, tuple[int, int]]) -> tuple[tuple[str, int], ...]:
    """Return whole percents that add up to 100, obey the bounds, and beyond the floors are as proportional to weights as can be.

    Examples
    --------
    >>> percents_of({"b": 3.0, "a": 1.0}, {"a": (0, 100), "b": (0, 60)})
    (('a', 40), ('b', 60))
    """
    labels = sorted(bounds)
    share = {label: float(bounds[label][0]) for label in labels}
    open_, left = set(labels), UNITS - sum(share.values())
    while left > 1e-9 and open_:
        total = sum(weights[label] for label in open_)
        parts = {label: left * (weights[label] / total if total > 0 else 1 / len(open_)) for label in sorted(open_)}
        full = {label for label in open_ if share[label] + parts[label] >= bounds[label][1] - 1e-12}
        # Whoever would go over the ceiling gets it exactly; the others share what is left in the next turn.
        for label in sorted(full or open_):
            given = bounds[label][1] - share[label] if full else parts[label]
            share[label] += given
            left -= given
        open_ = open_ - full if full else set()
    whole = {label: math.floor(share[label] + 1e-9) for label in labels}
    missing = UNITS - sum(whole.values())
    by_rest = sorted(labels, key=lambda label: (whole[label] - share[label], label))
    for label in by_rest * UNITS:
        if missing <= 0:
            break
        if whole[label] < bounds[label][1]:
            whole[label] += 1
            missing -= 1
    return tuple((label, whole[label]) for label in labels)


def usual(question: Allocation) -> dict[str, Split]:
    """Return the splits everybody compares with: equal, the industry's where there are three channels, each alone, and the user's."""
    bounds, timing = question.bounds, question.timings[0]
    spent = [label for label in bounds if label != "keep"]

    def split(weights: Mapping[str, float]) -> Split:
        return Split(percents_of({label: weights.get(label, 0.0) for label in bounds}, bounds), timing)

    found = {"equal split": split(dict.fromkeys(spent, 1.0))}
    if len(spent) == 3 and not question.known:
        first, second, rest = question.channels
        found["47/23/30"] = split({first: INDUSTRY[0], second: INDUSTRY[1], rest: UNITS - sum(INDUSTRY)})
    found |= {f"{label} alone": split({label: 1.0}) for label in spent}
    if question.keep:
        found["as much kept as may be"] = split({"keep": 1.0})
    found |= {name: split({**shares, "keep": max(0.0, 1 - sum(shares.values()))}) for name, shares in question.known.items()}
    return found


def goal_values(question: Allocation, runs: pd.DataFrame, unit: float) -> Array:
    """Return (splits, replications) of the goal, more is better; purchases per USD stand for their cost."""
    table = runs.sort_values(["split", "replication"], kind="stable")
    shape = (int(table["split"].nunique()), -1)
    spend, gained, reach = (table[name].to_numpy(float).reshape(shape) for name in ("spend", "gained", "reach"))
    if question.goal == "profit":
        return np.asarray(gained * unit - spend)
    if question.goal == "cost_per_incremental_purchase":
        return np.stack([linearised_ratio(g, s) if s.any() else np.zeros_like(g) for g, s in zip(gained, spend, strict=True)])
    return np.asarray(gained if question.goal == "incremental_purchases" else reach)


def score(values: Array, caution: float) -> Array:
    """Return the score of (..., n) values: their mean, and with caution the mean of their worst tenth."""
    return np.asarray((1 - caution) * values.mean(axis=-1) + caution * worst_tenth(values))


@dataclass
class _Tried:
    """Splits already played in the search's worlds, with their scores; the same split is never played twice."""

    question: Allocation
    evaluate: Evaluate
    unit: float
    values: dict[Split, Array] = field(default_factory=dict)

    def scores(self, splits: Sequence[Split]) -> list[float]:
        new = [split for split in dict.fromkeys(splits) if split not in self.values]
        if new:
            found = goal_values(self.question, self.evaluate(new, range(self.question.worlds)), self.unit)
            self.values |= dict(zip(new, found, strict=True))
        return [float(score(self.values[split], self.question.caution)) for split in splits]


def search(question: Allocation, tried: _Tried, random: bool = False) -> list[Split]:
    """Return the splits an optimiser tried, in the order of trials; `tried` keeps what they gave in the search's worlds."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers: dict[str, Callable[[], Any]] = {
        "tpe": lambda: optuna.samplers.TPESampler(seed=question.seed, n_startup_trials=max(10, question.trials // 4)),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(seed=question.seed),
        "random": lambda: optuna.samplers.RandomSampler(seed=question.seed + 1),
    }
    study = optuna.create_study(direction="maximize", sampler=samplers["random" if random else question.sampler]())
    bounds, timings = question.bounds, sorted(question.timings)
    if not random:  # the usual splits are trials too, so the search never does worse than they in its own worlds
        for split in dict.fromkeys(usual(question).values()):
            free = {label: (percent - bounds[label][0]) / UNITS for label, percent in split.percents}
            study.enqueue_trial({**{f"share {k}": math.exp(-max(v, 1e-3)) for k, v in free.items()}, "timing": split.timing})
    splits: list[Split] = []
    while len(splits) < question.trials:
        trials = [study.ask() for _ in range(min(question.batch, question.trials - len(splits)))]
        asked = []
        for trial in trials:
            # -ln of uniforms, normalised, is uniform on the simplex (a Dirichlet law with all ones).
            weights = {label: -math.log(trial.suggest_float(f"share {label}", 1e-6, 1.0 - 1e-6)) for label in bounds}
            asked.append(Split(percents_of(weights, bounds), str(trial.suggest_categorical("timing", timings))))
        for trial, value in zip(trials, tried.scores(asked), strict=True):
            study.tell(trial, value)
        splits += asked
    return splits


class Found(NamedTuple):
    """What a search found.

    Attributes
    ----------
    checked : the finalists and the usual splits in unseen worlds, best first: name, split, timing, goal with interval, worst tenth,
        difference to the winner with interval and p (Holm), whether it is a near-tie, and whether it is on the frontier
    trials : every split tried, with its score in the search's worlds
    winner : the split with the best score in unseen worlds
    flat : whether even the worst split of the search cannot be told from the winner
    within : (low, high) of the 95 % interval of that difference: a narrow one means that the split hardly matters, a wide one that
        the worlds were too few to tell
    optimism : score of the winner in the search's worlds minus that in unseen ones
    """

    checked: pd.DataFrame
    trials: pd.DataFrame
    winner: Split
    flat: bool
    within: tuple[float, float]
    optimism: float


def allocate(question: Allocation, evaluate: Evaluate, unit: float) -> Found:
    """Search, check in unseen worlds, compare in pairs.

    Parameters
    ----------
    evaluate
        Plays splits; the same replications are the same worlds.
    unit
        Gross profit of one purchase, USD.
    """
    tried = _Tried(question, evaluate, unit)
    splits = search(question, tried)
    others = search(question, tried, random=True) if question.random_search else []

    def ranked(of: Sequence[Split]) -> list[Split]:
        scores = dict(zip(of, tried.scores(of), strict=True))
        return sorted(scores, key=lambda split: -scores[split])

    order = ranked(splits)
    named: dict[Split, str] = {}
    for name, split in usual(question).items():
        named.setdefault(split, name)
    for k, split in enumerate(order[: question.finalists], 1):
        named.setdefault(split, f"found {k}")
    named.setdefault(order[-1], "worst tried")
    for k, split in enumerate(ranked(others)[: question.finalists], 1):
        named.setdefault(split, f"random search {k}")
    final = list(named)
    unseen = range(question.worlds, question.worlds + question.check_worlds)
    runs = evaluate(final, unseen)
    checked, winner = _checked(question, named, goal_values(question, runs, unit), runs)
    rows = [
        {"trial": k, "search": kind, **dict(split.percents), "timing": split.timing, "score": value}
        for kind, some in ((question.sampler, splits), ("random", others))
        for k, (split, value) in enumerate(zip(some, tried.scores(some), strict=True))
    ]
    worst = checked.loc[checked["words"].eq(order[-1].words) & checked["timing"].eq(order[-1].timing)].iloc[0]
    after = float(checked.iloc[0]["score"])
    within = (float(worst["behind_lo"]), float(worst["behind_hi"]))
    return Found(checked, pd.DataFrame(rows), winner, bool(worst["near_tie"]), within, tried.scores([winner])[0] - after)


def _checked(question: Allocation, named: Mapping[Split, str], values: Array, runs: pd.DataFrame) -> tuple[pd.DataFrame, Split]:
    final = list(named)
    scores = score(values, question.caution)
    best = int(scores.argmax())
    pairs = [compare_pair(values[k], values[best]) for k in range(len(final))]
    adjusted = holm([math.nan if k == best else pair.p for k, pair in enumerate(pairs)])
    edge = set(frontier({str(k): (v.mean(), float(worst_tenth(v))) for k, v in enumerate(values)}))
    spend, gained = (runs.groupby("split")[name] for name in ("spend", "gained"))
    rows = []
    for k, split in enumerate(final):
        mean = mean_interval(values[k])
        if question.goal == "cost_per_incremental_purchase":
            mean = ratio_interval(runs.loc[runs["split"] == k, "gained"].to_numpy(), runs.loc[runs["split"] == k, "spend"].to_numpy())
        difference = pairs[k].difference
        told = (difference.lo > 0 or difference.hi < 0) and adjusted[k] <= ALPHA
        rows.append({
            "name": named[split], "words": split.words, "timing": split.timing, **dict(split.percents), "mean": mean.value,
            "mean_lo": mean.lo, "mean_hi": mean.hi, "worst_tenth": float(worst_tenth(values[k])), "score": float(scores[k]),
            "behind": difference.value, "behind_lo": difference.lo, "behind_hi": difference.hi, "p_holm": float(adjusted[k]),
            "near_tie": not told, "on_frontier": str(k) in edge, "spend": float(spend.mean()[k]), "gained": float(gained.mean()[k]),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    return table.sort_values("score", ascending=False, kind="stable").reset_index(drop=True), final[best]


def curves(question: Allocation, evaluate: Evaluate, unit: float, levels: Sequence[int] = LEVELS) -> pd.DataFrame:
    """Return what each channel alone gives at several shares of the budget, the rest kept: the range that was simulated.

    Columns: channel, percent, spend, and the goal's mean with its interval; purchases and USD, not their cost.
    """
    asked = [
        Split(((label, level), ), question.timings[0])
        for label, (_, ceiling) in question.bounds.items() if label != "keep"
        for level in sorted({min(level, ceiling) for level in levels} - {0})
    ]  # fmt: skip
    runs = evaluate(asked, range(question.worlds))
    value = runs["reach"] if question.goal == "reach" else runs["gained"]
    if question.goal == "profit":
        value = runs["gained"] * unit - runs["spend"]
    rows = []
    for k, split in enumerate(asked):
        mine = runs["split"] == k
        estimate = mean_interval(value[mine].to_numpy(float))
        rows.append((*split.percents[0], float(runs.loc[mine, "spend"].mean()), *estimate))
    return pd.DataFrame(rows, columns=["channel", "percent", "spend", "value", "lo", "hi"])


def entry_of(question: Allocation, split: Split) -> dict[str, Any]:
    """Return a split as an arm of a scenario: {strategy: split, params: ...}."""
    parts = {
        label: {"strategy": c.strategy, "share": percent / UNITS, "params": {**c.params, "timing": split.timing}}
        for label, percent in split.percents if percent and label != "keep" for c in [question.channels[label]]
    }  # fmt: skip
    return {"strategy": "split", "params": {"start": question.start, "parts": parts}}


def player(question: Allocation, scenario: Scenario, play: Play) -> Evaluate:
    """Return the function that plays splits in the scenario's market: one arm each, all in the same worlds."""
    from influence_sim.scenario.schema import StrategyEntry
    from influence_sim.studies.runner import control_label

    def arm(split: Split) -> StrategyEntry:
        return StrategyEntry.model_validate(entry_of(question, split))

    def evaluate(splits: Sequence[Split], replications: range) -> pd.DataFrame:
        asked = scenario.model_copy(update={"strategies": {f"s{k}": arm(split) for k, split in enumerate(splits)}})
        runs = play([asked], replications)
        control = control_label(asked)
        without = runs[runs["strategy"] == control].set_index("replication")["expected_purchases"]
        found = runs[runs["strategy"] != control]
        gained = found["expected_purchases"].to_numpy() - without.loc[found["replication"]].to_numpy()
        number = found["strategy"].str.removeprefix("s").astype(int)
        return found[["replication", "spend", "reach"]].assign(split=number, gained=gained)

    return evaluate


__all__ = ["Allocation", "Channel", "Found", "Split", "allocate", "curves", "entry_of", "percents_of", "player", "usual"]
