"""Measures of discovery: who is seen, by whom, through what, how fast, and how alike feeds become.

Tables are mappings of equally long columns, as in `RunResult` (a DataFrame is one too). Views, followers
and follows are real people's. Unless a measure says otherwise it is about organic posts of modelled
creators: what a brand's posts get is bought, not discovered. `docs/reference/discovery.md` has all
definitions on one page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from influence_sim.engine.state import FOLLOW, HEATED, SOURCES
from influence_sim.record.cascades import cascade_tree, structural_virality
from influence_sim.record.result import RunResult

Array = np.ndarray[Any, Any]
Table = Mapping[str, Any]
#: Sources through which modelled posts are seen.
SEEN_THROUGH = SOURCES[FOLLOW : HEATED + 1]
TIMES = 10.0  # views above so many times the followers: a post outran its author (assumption: the usual wording)
MIN_AGENT_VIEWS = 10  # a size class is reported where its median post has at least this many
SHUFFLES = 20
_SEED = 20_262


# -------------------------------------------------------------- inequality


def gini(values: Any) -> float:
    """Return the Gini coefficient of counts: 0 all equal, near 1 one has everything; NaN without any.

    Source: Gini 1912; half the mean absolute difference over the mean.

    Examples
    --------
    >>> gini([1, 1, 1, 1])
    0.0
    >>> gini([0, 0, 0, 4])
    0.75
    """
    x = np.sort(np.asarray(values, dtype=float))
    total = float(x.sum())
    if len(x) == 0 or total <= 0:
        return math.nan
    rank = np.arange(1, len(x) + 1)
    return float((2 * rank - len(x) - 1) @ x / (len(x) * total))


def lorenz(values: Any) -> tuple[Array, Array]:
    """Return the Lorenz curve: shares of items, smallest first, and their share of the total (Lorenz 1905).

    Examples
    --------
    >>> lorenz([3, 1])[1].tolist()
    [0.0, 0.25, 1.0]
    """
    x = np.sort(np.asarray(values, dtype=float))
    total = x.sum()
    shares = np.cumsum(x) / total if total > 0 else np.full(len(x), np.nan)
    return np.linspace(0, 1, len(x) + 1), np.concatenate([[0.0], shares])


def top_share(values: Any, share: float) -> float:
    """Return what part of the total the largest `share` of items has; the last item counts in part.

    Examples
    --------
    >>> top_share([6, 2, 1, 1], 0.25)
    0.6
    """
    items, total = lorenz(values)
    if len(items) < 2 or not math.isfinite(total[-1]):
        return math.nan
    return 1.0 - float(np.interp(1.0 - share, items, total))


# -------------------------------------------------------------- audiences


class SizeClass(NamedTuple):
    """Posts of creators with `low` to `high` followers: the share that outran their authors, NaN for a `reason`."""

    low: float
    high: float
    posts: int
    median_agent_views: float
    share: float
    reason: str


def organic(posts: Table) -> dict[str, Array]:
    """Return the organic posts of modelled creators."""
    columns = {str(name): np.asarray(posts[name]) for name in posts}
    keep = ~columns["sponsored"].astype(bool) & (columns["brand"].astype(np.int64) < 0)
    return {name: values[keep] for name, values in columns.items()}


def outran(posts: Table, people_per_agent: float, least: float = MIN_AGENT_VIEWS) -> list[SizeClass]:
    """Return P(views > 10 x followers) per decade of followers, of organic posts with followers.

    A class counts only where its median post has `least` views by simulated people: below that the share
    says how coarse the simulation is. Classes are for reporting; no rule reads them.
    """
    p = organic(posts)
    followers, views = p["followers"].astype(float), p["views"].astype(float)
    known = followers > 0
    decade = np.floor(np.log10(followers, where=known, out=np.full(len(followers), -1.0)) + 1e-12)
    found = []
    for d in np.unique(decade[known]):
        mine = known & (decade == d)
        median = float(np.median(views[mine])) / people_per_agent
        enough = median >= least
        share = float((views[mine] > TIMES * followers[mine]).mean()) if enough else math.nan
        reason = "" if enough else f"the median post has {median:.3g} views by simulated people, {least:g} are needed"
        found.append(SizeClass(10.0**d, 10.0 ** (d + 1), int(mine.sum()), median, share, reason))
    return found


def first_thousand(posts: Table, end: float) -> tuple[Array, Array]:
    """Return days since posting and the share of organic posts with 1,000 views by then.

    Posts of the last days had little time: they count as long as they were watched (Kaplan & Meier 1958).
    Posts from before day 0 are left out, for their first views are not simulated.

    Parameters
    ----------
    posts : table with `posted` and `first_1000_days` (NaN: not yet)
    end : day on which the run ended

    Examples
    --------
    >>> posts = {"posted": [0, 0, 1], "first_1000_days": [0.5, np.nan, 0.5], "sponsored": [0, 0, 0], "brand": [-1, -1, -1]}
    >>> [x.round(2).tolist() for x in first_thousand(posts, 2)]
    [[0.0, 0.5], [0.0, 0.67]]
    """
    p = organic(posts)
    young = p["posted"] >= 0
    reached = p["first_1000_days"][young].astype(float)
    happened = np.isfinite(reached)
    time = np.where(happened, reached, end - p["posted"][young])
    days = np.unique(time[happened])
    at_risk = len(time) - np.searchsorted(np.sort(time), days)
    events = np.bincount(np.searchsorted(days, time[happened]), minlength=len(days))
    left = np.cumprod(1.0 - events / at_risk) if len(days) else days
    return np.concatenate([[0.0], days]), np.concatenate([[0.0], 1.0 - left])


def source_shares(posts: Table) -> dict[str, float]:
    """Return the share of organic posts' views by source, and `non_followers`: by people who did not follow the author."""
    p = organic(posts)
    total = float(p["views"].sum())
    if total <= 0:
        return dict.fromkeys((*SEEN_THROUGH, "non_followers"), math.nan)
    shares = {name: float(p[f"views_{name}"].sum()) / total for name in SEEN_THROUGH}
    return shares | {"non_followers": 1.0 - float(p["views_from_followers"].sum()) / total}


def discovered_follows(posts: Table) -> dict[str, Array]:
    """Return per creator: follows after an organic post, and those after a source other than `follow` (discovery)."""
    p = organic(posts)
    creator, row = np.unique(p["creator"].astype(np.int64), return_inverse=True)
    sums = {name: np.bincount(row, p[name], minlength=len(creator)) for name in ("follows", "follows_discovered")}
    return {"creator": creator, "follows": sums["follows"], "discovered": sums["follows_discovered"]}


def stage_funnel(stages: Table) -> dict[str, Array]:
    """Return per test stage: posts whose stage ended, the share that passed, mean impressions and days it took."""
    stage = np.asarray(stages["stage"], np.int64) if len(stages) else np.zeros(0, np.int64)
    levels, row, ended = np.unique(stage, return_inverse=True, return_counts=True)

    def mean(values: Any) -> Array:
        return np.bincount(row, np.asarray(values, float), minlength=len(levels)) / ended

    if len(levels) == 0:
        return {name: np.zeros(0) for name in ("stage", "ended", "pass_rate", "impressions", "days")}
    days = np.asarray(stages["ended"]) - np.asarray(stages["entered"])
    means = {"pass_rate": mean(stages["passed"]), "impressions": mean(stages["impressions"]), "days": mean(days)}
    return {"stage": levels, "ended": ended, **means}


# ----------------------------------------------------------- homogenisation


class Likeness(NamedTuple):
    """Mean likeness of two people's feeds, the same when feeds are dealt at random, and how many people."""

    observed: float
    random: float
    people: int


def post_likeness(person: Any, post: Any, catalogue: int) -> Likeness:
    """Return the mean Jaccard index of the posts two people were shown, over pairs of people.

    Chaney, Stewart & Engelhardt (2018, RecSys, doi:10.1145/3240323.3240370) measure homogenisation so.

    Parameters
    ----------
    person, post : equally long columns
        One row an impression.
    catalogue : int
        How many posts there were.

    Returns
    -------
    Likeness
        `random` is what two people have in common who draw as many different posts, each equally likely.
        Above it, the feed concentrates people on the same posts. (Dealing out the posts that were shown
        would not do: it keeps how often each was shown, and with it the mean number of posts in common.)
        NaN with fewer than two people.
    """
    who, common = _in_common(person, post, counts=False)
    if len(who) < 2:
        return Likeness(math.nan, math.nan, len(who))
    pairs = np.triu_indices(len(who), 1)
    both = np.diag(common)[pairs[0]] + np.diag(common)[pairs[1]]
    chance = np.diag(common)[pairs[0]] * np.diag(common)[pairs[1]] / catalogue
    return Likeness(float(np.mean(common[pairs] / (both - common[pairs]))), float(np.mean(chance / (both - chance))), len(who))


def topic_likeness(person: Any, topic: Any) -> Likeness:
    """Return the mean cosine of the topics two people were shown, counted by impressions, over pairs of people.

    `random` is the mean over `SHUFFLES` deals of the same impressions: everybody gets as many as before
    and every topic is shown as often as before. Below it, personalisation keeps people apart. NaN with
    fewer than two people.
    """
    topics, rng = np.asarray(topic), np.random.default_rng(_SEED)

    def mean(deal: Array) -> tuple[float, int]:
        who, common = _in_common(person, deal, counts=True)
        if len(who) < 2:
            return math.nan, len(who)
        size = np.sqrt(np.diag(common))
        pairs = np.triu_indices(len(who), 1)
        return float(np.mean((common / np.outer(size, size))[pairs])), len(who)

    observed, people = mean(topics)
    return Likeness(observed, float(np.mean([mean(rng.permutation(topics))[0] for _ in range(SHUFFLES)])), people)


def _in_common(person: Any, item: Any, counts: bool) -> tuple[Array, Array]:
    """Return the people and, for each two, the number of items (or the product of counts) in common."""
    from scipy.sparse import coo_array

    who, row = np.unique(np.asarray(person), return_inverse=True)
    things, column = np.unique(np.asarray(item), return_inverse=True)
    table = coo_array((np.ones(len(row)), (row, column)), shape=(max(1, len(who)), max(1, len(things)))).tocsr()
    if not counts:
        table.data[:] = 1.0
    return who, (table @ table.T).toarray()


# ----------------------------------------------------------------- cascades


def cascades(events: Any) -> dict[str, Array]:
    """Return size, depth and structural virality of the share cascade of every post that was shared.

    The members of a cascade are the author and everybody who shared the post, all as simulated people;
    each hangs on the person along whose follow the post came, or on the author where the platform showed
    it. `depth` is the longest chain below the author. Source of the last: Goel, Anderson, Hofman & Watts
    2016, doi:10.1287/mnsc.2015.2158.

    Parameters
    ----------
    events : table of `read_events`

    Raises
    ------
    ValueError
        When the log leaves out people, shares, posts or rows: trees would have holes.
    """
    facts = getattr(events, "attrs", {}).get("events", {})
    if facts and (facts["people"] != "all" or facts["left_out"] or not {"post", "share"} <= set(facts["actions"])):
        raise ValueError("cascades need a log of all people, with the actions post and share, and no row left out")
    action = np.asarray(events["action"])
    post, person, via, time = (np.asarray(events[name]) for name in ("post", "person", "via", "time"))
    author = dict(zip(post[action == "post"].tolist(), person[action == "post"].tolist(), strict=True))
    shares = np.flatnonzero(action == "share")
    shares = shares[np.lexsort((time[shares], post[shares]))]
    rows, first = np.unique(post[shares], return_index=True)
    found = []
    for p, mine in zip(rows.tolist(), np.split(shares, first[1:]) if len(rows) else [], strict=True):
        _, once = np.unique(person[mine], return_index=True)  # where a post can be shared again, the first time counts
        mine = mine[np.sort(once)]
        parent = cascade_tree(np.concatenate([[author[p]], person[mine]]), np.concatenate([[-2], via[mine]])).parent
        parent[1:] = np.maximum(parent[1:], 0)
        found.append((p, len(parent), _depth(parent), structural_virality(parent)))
    table = np.array(found, dtype=float).reshape(len(found), 4)
    whole = {name: table[:, k].astype(np.int64) for k, name in enumerate(("post", "size", "depth"))}
    return {**whole, "structural_virality": table[:, 3]}


def _depth(parent: Array) -> int:
    """Return the longest way down to the root, which is member 0."""
    at, steps = parent.copy(), 0
    while (at >= 0).any():
        at, steps = np.where(at >= 0, parent[at], -1), steps + 1
    return steps


# ------------------------------------------------------------------ summary


def discovery(run: RunResult, events: Any = None) -> dict[str, Array]:
    """Return the discovery measures of a run.

    Parameters
    ----------
    run : RunResult
    events : table of `read_events`, optional
        The run's whole log; cascades need it.

    Returns
    -------
    dict of equally long columns
        `measure`, `of` (class, source, stage, or empty), `value`, `unit`, `n` (what it is counted over) and
        `note`: why a value is NaN.
    """
    rows: list[tuple[str, str, float, str, int, str]] = []

    def add(measure: str, of: str, value: float, unit: str, n: int, note: str = "") -> None:
        rows.append((measure, of, float(value), unit, int(n), note or ("" if math.isfinite(value) else "nothing to count")))

    posts = organic(run.posts)
    views, n = posts["views"], len(posts["views"])
    add("views_gini", "", gini(views), "0 to 1", n)
    for share in (0.01, 0.1, 0.2):
        add("views_of_top", f"{share:.0%} of posts", top_share(views, share), "share of views", n)
    for name, value in source_shares(run.posts).items():
        measure = "views_by_source" if name in SEEN_THROUGH else "views_by_non_followers"
        add(measure, name if name in SEEN_THROUGH else "", value, "share of views", n)
    for c in outran(run.posts, run.people_per_agent):
        size, unit = f"{c.low:,.0f} to {c.high:,.0f} followers", f"share with views > {TIMES:g} x followers"
        add("outran_followers", size, c.share, unit, c.posts, c.reason)
    _add_speed(add, run, posts)
    follows = discovered_follows(run.posts)
    total, creators = float(follows["follows"].sum()), len(follows["creator"])
    discovered = float(follows["discovered"].sum())
    add("follows_by_discovery", "", discovered / total if total else math.nan, "share of follows", creators)
    add("follows_discovered", "per creator", discovered / creators if creators else math.nan, "follows", creators)
    add("follows_discovered_gini", "", gini(follows["discovered"]), "0 to 1", creators)
    kept = np.isin(run.stages.get("post", ()), posts["post"])
    funnel = stage_funnel({name: values[kept] for name, values in run.stages.items()})
    for k, stage in enumerate(funnel["stage"].tolist()):
        ended = int(funnel["ended"][k])
        add("stage_ended", f"stage {stage}", ended, "posts", ended)
        add("stage_passed", f"stage {stage}", funnel["pass_rate"][k], "share of posts", ended)
        add("stage_impressions", f"stage {stage}", funnel["impressions"][k], "impressions", ended)
        add("stage_days", f"stage {stage}", funnel["days"][k], "days", ended)
    _add_likeness(add, run)
    if events is not None:
        trees = cascades(events)
        kept = np.isin(trees["post"], posts["post"])
        _add_cascades(add, {name: values[kept] for name, values in trees.items()}, n)
    columns = ("measure", "of", "value", "unit", "n", "note")
    return {name: np.array([row[k] for row in rows]) for k, name in enumerate(columns)}


def _add_speed(add: Any, run: RunResult, posts: Table) -> None:
    end = float(len(next(iter(run.daily.values()), ())))
    days, share = first_thousand(run.posts, end)
    n = int((posts["posted"] >= 0).sum())
    for limit in (1, 7, 28):
        seen = n > 0 and end >= limit
        value = float(share[np.searchsorted(days, limit, side="right") - 1]) if seen else math.nan
        add("thousand_views", f"within {limit} d", value, "share of posts", n, "" if seen else f"the run has {end:g} days")
    half = np.flatnonzero(share >= 0.5)
    median, note = (float(days[half[0]]), "") if len(half) else (math.nan, "under half of the posts got there")
    add("thousand_views_days", "median post", median, "days", n, note)


def _add_likeness(add: Any, run: RunResult) -> None:
    items = run.feed_items
    seen = np.asarray(items["post"], np.int64) if items else np.zeros(0, np.int64)
    known = seen >= 0
    person = np.asarray(items["person"])[known] if items else seen
    tags = run.posts["tag"][seen[known]] if known.any() else seen[known]
    posts, topics = post_likeness(person, seen[known], len(run.posts["post"])), topic_likeness(person, tags)
    for name, found, unit in (("posts", posts, "mean Jaccard"), ("topics", topics, "mean cosine")):
        note = "" if found.people > 1 else "fewer than two people were sampled"
        add("likeness", name, found.observed, unit, found.people, note)
        add("likeness_at_random", name, found.random, unit, found.people, note)


def _add_cascades(add: Any, table: Table, posts: int) -> None:
    n = len(table["post"])
    note = "" if n else "no post was shared"
    add("cascades", "", n / posts if posts else math.nan, "shared posts per organic post", posts)
    for name in ("size", "depth", "structural_virality"):
        values = table[name] if n else np.array([math.nan])
        unit = {"size": "members", "depth": "generations"}.get(name, "mean distance")
        add(f"cascade_{name}", "mean", float(np.mean(values)), unit, n, note)
        add(f"cascade_{name}", "largest", float(np.max(values)), unit, n, note)
