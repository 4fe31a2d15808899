"""What each part of the feed promises, seen from outside: which slots people get under public settings."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import EMPTY, EXPLORE, FOLLOW, HEATED, NEGATIVE, OUTSIDE, OUTSIDE_AD, PAID
from influence_sim.events import Heating
from influence_sim.feeds import FeedPolicy, policies
from influence_sim.scenario.parameters import Market
from influence_sim.world.build import build_world
from influence_sim.world.columns import World
from small_worlds import differing, market_of, outputs

Array = np.ndarray[Any, Any]
# Everything is modelled, nothing is tested: what is served is what was ranked.
CLOSED: dict[str, Any] = {
    "people.agents": 200, "people.population": 200, "people.views_per_day": 40, "people.views_sigma": 0, "people.topics": 5,
    "creators.count": 30, "creators.posts_per_day": 2, "creators.opening_posts": 4, "creators.shared_sounds": 0,
    "feed.outside_posts": 0, "feed.stages": 0, "feed.exploration_share": 0, "feed.candidates_interest": 40, "feed.tries": 8,
    "feed.rounds_per_day": 4, "feed.slots_per_request": 10, "brand.posts_per_day": 0, "creators.other_deals": 0,
}  # fmt: skip
# As many requests as it takes, but each finds (nearly) everything there is.
ALL: dict[str, Any] = {"feed.candidates_interest": 64, "feed.candidates_follow": 0, "feed.candidates_trending": 0, "feed.tries": 300}
# One request a person and day.
ONE: dict[str, Any] = {"people.views_per_day": 10, "feed.rounds_per_day": 1}


class Slots(NamedTuple):
    """Served slots in order of (day, round, person, place)."""

    day: Array
    now: Array
    person: Array
    request: Array
    place: Array  # in the request
    post: Array
    source: Array
    action: Array
    sharer: Array


class Listener:
    """Keeps every slot."""

    def __init__(self) -> None:
        self.rows: list[Array] = []
        self.requests = 0

    def round(self, s: Simulation, r: int, new_posts: Array) -> None:
        x, n = s.slots, s.world.size
        person = np.repeat(np.arange(n), np.diff(x.start))
        at = np.arange(len(person)) - x.start[person]
        size = s.market.feed.slots_per_request
        now = np.full(len(person), s.day + r / s.market.feed.rounds_per_day)
        first = (at % size == 0).cumsum() - 1 + self.requests
        self.requests = int(first[-1]) + 1 if len(first) else self.requests
        columns = (np.full(len(person), s.day), now, person, first, at % size, x.post, x.source, x.action, x.sharer)
        self.rows.append(np.array(columns, float))

    def evening(self, s: Simulation) -> None:
        return


def settings(values: dict[str, Any] | None = None, policy: str = "for_you") -> Market:
    """Return the closed market under a policy; `values` win over the policy."""
    row = {f"feed.{k}": v for k, v in FeedPolicy.registry[policy].values.items()}
    return market_of({**CLOSED, **row, "feed.policy": policy, **(values or {})}, {})


def watch(market: Market, days: int = 1, world: World | None = None, events: Any = ()) -> tuple[Simulation, Slots]:
    """Return the simulation after `days` and everything it served."""
    s = Simulation(world or build_world(market, 3), market, horizon=days, events=events)
    s.log = Listener()
    s.run()
    found = np.concatenate(s.log.rows, axis=1)
    whole = [x.astype(np.int64) for x in found]
    return s, Slots(*whole[:1], found[1], *whole[2:])


def modelled(x: Slots) -> Slots:
    """Return the slots that hold modelled posts."""
    return Slots(*(column[x.post >= 0] for column in x))


def match(s: Simulation, x: Slots) -> Array:
    """Return the cosine of the person's true tastes with the post."""
    tastes = s.people.interests.astype(float)
    tastes /= np.linalg.norm(tastes, axis=1, keepdims=True)
    return np.asarray((tastes[x.person] * s.themes[x.post]).sum(axis=1))


def views(s: Simulation) -> Array:
    return np.asarray(s.posts.impressions[: s.post_count])


def in_order(x: Slots, score: Array) -> float:
    """Return the mean over requests of the rank correlation between place and falling score."""
    found = []
    for request in np.unique(x.request):
        at = np.flatnonzero(x.request == request)
        if len(at) > 4:
            found.append(np.corrcoef(np.argsort(np.argsort(-score[at])), x.place[at])[0, 1])
    return float(np.mean(found))


# ------------------------------------------------------------------ ranking

# One post a creator, all equally long and new, nobody known: nothing but the match differs.
EQUAL: dict[str, Any] = {
    **ONE, "creators.count": 60, "creators.opening_posts": 1, "creators.posts_per_day": 0, "creators.duration_sigma": 0,
    "feed.freshness_exponent": 0, "feed.same_tag_penalty": 0, "feed.rank_noise": 0.02, "feed.initial_knowledge": 1, "response.match": 3,
    "graph.follows_per_person": 0, "graph.friends_per_person": 0,
}  # fmt: skip


def test_interest_with_perfect_knowledge_shows_the_best_matches_in_order() -> None:
    s, x = watch(settings({**EQUAL, "feed.candidates_interest": 64, "feed.tries": 300}, "interest"))
    assert in_order(x, match(s, x)) > 0.93
    everything = s.people.interests / np.linalg.norm(s.people.interests, axis=1, keepdims=True) @ s.themes[: s.post_count].T
    own = s.creators.person[s.posts.creator[: s.post_count]]
    everything[own, np.arange(s.post_count)] = -1
    tenth = np.sort(everything, axis=1)[:, -10]
    assert (match(s, x) >= 0.95 * tenth[x.person]).mean() > 0.97


ONLY: dict[str, Any] = {f"feed.value_{name}": 0 for name in ("like", "comment", "playtime", "play", "share", "follow", "negative")}


def test_one_term_of_the_value_orders_by_its_prediction() -> None:
    base = {**EQUAL, **ALL, **ONLY}
    s, x = watch(settings({**base, "feed.value_like": 5}))
    assert in_order(x, match(s, x)) > 0.93
    # Without match all that differs is the length: the longest is watched longest, the shortest most often played.
    lengths = {**base, "response.match": 0, "creators.duration_sigma": 1, "creators.duration_median": 5, "creators.duration_min": 1}
    s, x = watch(settings({**lengths, "feed.value_playtime": 0.1}))
    assert in_order(x, s.posts.duration[x.post]) > 0.95
    s, x = watch(settings({**lengths, "feed.value_play": 1}))
    short = s.posts.duration[x.post]
    assert in_order(x, -np.minimum(short, s.market.feed.play_seconds)) > 0.7  # they differ by tenths of a second


@pytest.mark.parametrize("outside", [0, 0.3])
def test_the_unit_of_the_value_is_arbitrary(outside: float) -> None:
    values = {"feed.outside_posts": outside, "feed.stages": 2, "feed.exploration_share": 0.2, "feed.stage_quota": 10}
    terms = {f"feed.value_{name}": x for name, x in (("like", 3), ("comment", 20), ("playtime", 0.05), ("play", 0.3), ("share", 9))}
    s, _ = watch(settings({**values, **terms}), 3)
    again, _ = watch(settings({**values, **{name: 4 * x for name, x in terms.items()}}), 3)
    assert differing(outputs(s), outputs(again), skip=["posts.score"]) == []
    # Multiples that are no powers of two round differently in the last bit; a handful of slots may turn.
    third, _ = watch(settings({**values, **{name: 3 * x for name, x in terms.items()}}), 3)
    assert np.abs(views(s) - views(third)).sum() <= 0.001 * views(s).sum()


def test_a_tag_seen_today_gives_way_to_others() -> None:
    def repeats(penalty: float) -> float:
        s, x = watch(settings({"feed.same_tag_penalty": penalty}), 2)
        tag = s.posts.tag[x.post]
        counts = np.zeros((s.world.size, 2, 5))
        np.add.at(counts, (x.person, x.day, tag), 1)
        return float(((counts / counts.sum(axis=2, keepdims=True)) ** 2).sum(axis=2).mean())

    none, strong = repeats(0), repeats(0.5)
    print(f"chance that two posts of a day share the topic: {none:.3f}, with the strongest penalty {strong:.3f}")
    assert strong < 0.75 * none
    assert strong < 0.35  # five topics: .2 is even


def test_author_decay_of_one_has_no_effect() -> None:
    tables = [outputs(watch(settings({"feed.author_decay": d, "feed.author_floor": f}), 2)[0]) for d, f in ((1, 0), (1, 0.5), (0.5, 1))]
    assert differing(tables[0], tables[1]) == differing(tables[0], tables[2]) == []
    assert differing(tables[0], outputs(watch(settings({"feed.author_decay": 0.2, "feed.author_floor": 0}), 2)[0]))


def test_neither_an_author_nor_a_sound_follows_itself() -> None:
    s, x = watch(settings({"creators.shared_sounds": 0.7, "creators.sounds": 6, "creators.opening_posts": 30}))
    inside = (np.diff(x.request) == 0) & (x.post[1:] >= 0) & (x.post[:-1] >= 0)
    author, sound = s.posts.creator[x.post], s.posts.sound[x.post]
    assert inside.sum() > 1000
    assert not (inside & (author[1:] == author[:-1])).any()
    assert not (inside & (sound[1:] == sound[:-1]) & (sound[1:] >= 0)).any()
    # Where nothing else is left, it does: one creator fills a feed.
    s, x = watch(settings({"creators.count": 1, "creators.opening_posts": 30}))
    assert (x.post >= 0).mean() > 0.7


# ------------------------------------------------------------------ refusal

REFUSED: dict[str, Any] = {
    "response.negative_rate": 1, "response.negative_slope": 0, "people.views_per_day": 12, "creators.count": 40,
    "feed.max_age": 30, "feed.rounds_per_day": 1, "feed.slots_per_request": 12,
}  # fmt: skip


def pairs(x: Slots, s: Simulation) -> set[tuple[int, int]]:
    return set(zip(x.person.tolist(), s.posts.creator[x.post].tolist(), strict=True))


@pytest.mark.parametrize("mode", ["blended", "slot_mixture"])
def test_a_refused_creator_stays_away_for_the_given_days(mode: str) -> None:
    market = settings({**REFUSED, "feed.refusal_days": 3, "feed.refusal_ramp": 0, "feed.mode": mode, "feed.candidates_random": 30})
    s = Simulation(build_world(market, 3), market, horizon=7)
    s.log = Listener()
    s.step()
    s.set_market(market.model_copy(update={"response": market.response.model_copy(update={"negative_rate": 0.0})}))
    s.run()
    found = np.concatenate(s.log.rows, axis=1)
    x = modelled(Slots(*(c.astype(np.int64) for c in found)))
    by_day = [pairs(Slots(*(c[x.day == d] for c in x)), s) for d in range(7)]
    refused = pairs(Slots(*(c[(x.day == 0) & (x.action & NEGATIVE > 0)] for c in x)), s)
    back = [len(refused & day) / len(day) for day in by_day[1:]]
    print("share of pairs shown that were refused on day 0, days 1 to 6:", np.round(back, 3))
    assert back[:3] == [0, 0, 0]
    assert min(back[3:]) > 0.02


def test_a_refused_creator_comes_back_slowly() -> None:
    """With a long way back the refused are shown less often than without, and more often from day to day."""

    def shown(ramp: float, floor: float) -> Array:
        market = settings({**REFUSED, "feed.refusal_days": 1, "feed.refusal_ramp": ramp, "feed.refusal_floor": floor, "feed.rank_noise": 1})
        s = Simulation(build_world(market, 3), market, horizon=16)
        s.log = Listener()
        s.step()
        s.set_market(market.model_copy(update={"response": market.response.model_copy(update={"negative_rate": 0.0})}))
        s.run()
        found = np.concatenate(s.log.rows, axis=1)
        x = modelled(Slots(*(c.astype(np.int64) for c in found)))
        refused = pairs(Slots(*(c[(x.day == 0) & (x.action & NEGATIVE > 0)] for c in x)), s)
        by_day = [pairs(Slots(*(c[x.day == d] for c in x)), s) for d in range(16)]
        return np.array([len(refused & day) / len(day) for day in by_day])

    free, slow = shown(0, 0), shown(12, 0)
    ratio = [slow[a:b].sum() / free[a:b].sum() for a, b in ((2, 5), (6, 9), (13, 16))]
    print("refused creators' share over that without a ramp, days 2-4, 6-8, 13-15:", np.round(ratio, 2))
    # Factors 1/12 to 3/12, 5/12 to 7/12, 1; shares move less, because a good part of what there is gets shown.
    assert ratio[0] < 0.7
    assert ratio[0] + 0.1 < ratio[1] < ratio[2]
    assert ratio[2] > 0.9


# ------------------------------------------------------- discovery on purpose


def test_cold_start_lifts_one_post_of_a_small_account_per_request() -> None:
    """The smaller half of the creators posts what nobody likes: without help they get nothing."""
    values = {
        **EQUAL, "creators.count": 40, "response.match": 3, "feed.slots_per_request": 8, "people.views_per_day": 8,
        "feed.candidates_interest": 0, "feed.candidates_trending": 0, "feed.candidates_follow": 0, "feed.candidates_random": 32,
        "feed.tries": 50, "graph.follows_per_person": 8, "feed.prediction_follow": 0,
    }  # fmt: skip
    market = settings(values)
    world = build_world(market, 3)
    audience = np.bincount(world.people.creator[world.follows.target] + 1, minlength=41)[1:]
    size = float(np.median(audience))
    small = audience <= size
    world.people.interests[:] = world.people.estimate[:] = [0.96, 0.01, 0.01, 0.01, 0.01]
    world.creators.topics[:40] = np.where(small[:, None], [0.01, 0.96, 0.01, 0.01, 0.01], [0.96, 0.01, 0.01, 0.01, 0.01])

    def shares(rank: int, impressions: float) -> Array:
        cold = {"cold_start_rank": rank, "cold_start_impressions": impressions, "cold_start_followers": size}
        s, x = watch(market.model_copy(update={"feed": market.feed.model_copy(update=cold)}), 1, world)
        return np.bincount(x.request, small[s.posts.creator[x.post]])

    assert shares(0, 1e6).mean() < 0.1
    lifted = shares(3, 1e6)
    assert lifted.max() == 1
    assert lifted.mean() > 0.9
    assert shares(20, 1e6).mean() < 0.1  # a rank nobody scrolls to
    assert shares(3, 0).mean() < 0.1  # not for posts that were seen


def test_heating_gives_its_quota_and_its_share_of_views() -> None:
    values = {
        "feed.heating_share": 0.05, "feed.heating_views": 15, "creators.opening_posts": 0, "creators.posts_per_day": 4,
        "creators.posting_sigma": 0, "people.agents": 300, "people.population": 300,
    }  # fmt: skip
    s, x = watch(settings(values), 8)
    given = s.posts.sources[: s.post_count, HEATED - 1]
    early = s.posts.posted[: s.post_count] < 6
    assert set(np.unique(given[early])) == {0, 15}
    assert given.max() == 15
    total = int((x.source == HEATED).sum())
    assert total == given.sum()
    heated = int((given > 0).sum())
    print(f"{heated} posts heated, share of views {total / len(x.post):.4f}")
    assert total / len(x.post) == pytest.approx(0.05, abs=4 * 0.05 / heated**0.5)
    assert not (watch(settings({**values, "feed.heating_share": 0}), 2)[1].source == HEATED).any()


def test_the_event_heats_the_posts_of_its_day_and_no_others() -> None:
    market = settings({"creators.posts_per_day": 3})
    s, _ = watch(market, 5, events=[Heating(day=1, creators=(2, 5), views=30)])
    posts = s.posts[: s.post_count]
    chosen = np.isin(posts.creator, (2, 5)) & (posts.posted >= 1) & (posts.posted < 2)
    assert chosen.sum() > 2
    assert (posts.sources[chosen, HEATED - 1] == 30).all()
    assert posts.sources[~chosen, HEATED - 1].sum() == 0
    drawn, _ = watch(market, 2, events=[Heating(day=0, share=0.5, views=5)])
    heated = np.unique(drawn.posts.creator[: drawn.post_count][drawn.posts.sources[: drawn.post_count, HEATED - 1] > 0])
    assert 6 <= len(heated) <= 24
    for wrong in ({}, {"creators": (1,), "share": 0.5}, {"creators": (-1,)}, {"creators": (1, 1)}):
        with pytest.raises(ValueError, match="creators"):
            Heating(day=0, **wrong)
    with pytest.raises(ValueError, match="no creator 30"):
        watch(market, 1, events=[Heating(day=0, creators=(30,))])


# ------------------------------------------------------------------ learning


def knowledge(s: Simulation) -> Array:
    """Return the cosine of estimate and taste per person."""
    a, b = s.people.estimate.astype(float), s.people.interests.astype(float)
    return np.asarray((a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))


NEW: dict[str, Any] = {
    "people.newcomers": 0.5, "people.arrival_days": 4, "people.views_per_day": 40, "people.agents": 400, "people.population": 400,
    "feed.slots_per_request": 5, "feed.rounds_per_day": 8, "feed.initial_knowledge": 0.8,
}  # fmt: skip


def test_newcomers_see_nothing_before_they_join_and_get_a_feed_for_anybody_first() -> None:
    market = settings(NEW)
    s, x = watch(market, 6)
    joined = s.people.joined
    new = joined >= 0
    assert 0.3 < new.mean() < 0.6
    assert (x.day >= joined[x.person]).all()
    assert set(np.unique(x.day[new[x.person]] - joined[x.person[new[x.person]]])) == set(range(6))
    assert not new[s.creators.person[:30]].any()
    assert np.allclose(s.world.people.estimate[new], 1 / 5, atol=0.01)
    found = match(s, x)
    since = x.day - joined[x.person]
    curve = [found[new[x.person] & (since == d)].mean() for d in range(3)]
    known = found[~new[x.person] & (x.day >= 2)].mean()
    print(f"match served on days 0, 1, 2 after joining {np.round(curve, 3)}; to those known {known:.3f}")
    assert curve[0] < curve[1] < curve[2]
    assert curve[0] < known


def test_a_newcomers_feed_is_better_within_the_first_day() -> None:
    s, x = watch(settings({**NEW, "people.newcomers": 1, "people.arrival_days": 1, "feed.learning_rate": 0.1}))
    found = match(s, x)
    first = np.array([x.request[x.person == i].min() for i in range(s.world.size)])
    number = x.request - first[x.person]
    early, late = found[number == 0], found[number >= 5]
    print(f"match of the first request {early.mean():.3f}, of the sixth and later ones {late.mean():.3f}")
    assert late.mean() - early.mean() > 4 * (late.var() / len(late) + early.var() / len(early)) ** 0.5


def half_life(rate: float, reset: bool) -> float:
    """Return the views after which half of what can be learned about people is learned."""
    from influence_sim.events import FeedReset

    day = 1 if reset else 0
    values = {**NEW, "people.newcomers": 0 if reset else 1, "people.arrival_days": 1, "people.views_per_day": 8, "feed.learning_rate": rate}
    market = settings({**values, "feed.rounds_per_day": 1})
    s = Simulation(build_world(market, 3), market, horizon=60, events=[FeedReset(day=1)] if reset else [])
    found = [float(knowledge(s).mean())]
    while s.day < 60:
        s.step()
        found.append(float(knowledge(s).mean()))
    if reset:  # the state after day 0, with what the event then took away
        average = s.world.people.estimate.mean(axis=0)
        b = s.people.interests
        found[1] = float((b @ average / np.linalg.norm(average) / np.linalg.norm(b, axis=1)).mean())
    curve = np.array(found[day:])
    middle = (curve[0] + curve.max()) / 2
    at = int((curve >= middle).argmax())
    exact = at - 1 + (middle - curve[at - 1]) / (curve[at] - curve[at - 1])
    assert curve.max() > curve[0] + 0.1
    return 8 * exact


@pytest.mark.parametrize("reset", [False, True])
def test_learning_takes_about_the_views_its_rate_says(reset: bool) -> None:
    slow, fast = half_life(0.02, reset), half_life(0.08, reset)
    print(f"half of the way after {slow:.0f} views at rate .02, {fast:.0f} at .08 (ln 2 / rate: 35 and 9)")
    assert 0.5 < slow / (np.log(2) / 0.02) < 3  # most impressions teach less than a full step
    assert 0.5 < fast / (np.log(2) / 0.08) < 3
    assert 2 < slow / fast < 7


# ------------------------------------------------------------------ policies


def test_every_policy_is_listed_and_says_what_it_is() -> None:
    assert {"for_you", "following", "interest", "trending", "random", "x_like", "youtube_like", "instagram_like", "top_chart"} <= set(
        policies()
    )
    for policy in policies().values():
        assert policy.claim.endswith(".")
        assert policy.source


def test_following_shows_followees_only_and_leaves_slots_empty() -> None:
    market = settings({"graph.follows_per_person": 4, "response.share_rate": 0.1}, "following")
    s, x = watch(market, 4)
    assert set(np.unique(x.source)) == {EMPTY, FOLLOW}
    shown = modelled(x)
    edges = s.world.follows
    at_start = {(i, int(j)) for i in range(s.world.size) for j in edges.target[edges.start[i] : edges.start[i + 1]]}
    first = Slots(*(c[shown.day == 0] for c in shown))  # later follows are new
    assert set(zip(first.person.tolist(), first.sharer.tolist(), strict=True)) <= at_start
    alone, x = watch(settings({"graph.follows_per_person": 0, "graph.friends_per_person": 0}, "following"))
    assert (x.source == EMPTY).all()
    assert views(alone).sum() == 0


@pytest.mark.parametrize("policy", ["following", "random", "interest", "trending", "top_chart"])
def test_a_mixture_has_no_rivals_from_outside(policy: str) -> None:
    _, x = watch(settings({"creators.count": 2, "creators.opening_posts": 2, "creators.posts_per_day": 0}, policy), 2)
    assert not np.isin(x.source, (OUTSIDE, OUTSIDE_AD, EXPLORE, PAID, HEATED)).any()
    assert (x.source == EMPTY).mean() > 0.5  # four posts, each once
    assert ((x.post >= 0) == (x.source != EMPTY)).all()


@pytest.mark.slow
def test_on_instagram_like_follows_and_recommendations_both_win_slots() -> None:
    row = {f"feed.{k}": v for k, v in FeedPolicy.registry["instagram_like"].values.items()}
    market = market_of({**row, "feed.policy": "instagram_like", "people.agents": 1000, "people.population": 20_000}, {})
    _, x = watch(market, 5)
    shown = modelled(Slots(*(c[x.day >= 1] for c in x)))
    followed = float((shown.source == FOLLOW).mean())
    print(f"instagram_like: {followed:.3f} of modelled posts come along a follow")
    assert 0.1 < followed < 0.9


def test_x_like_shows_nothing_older_than_two_days() -> None:
    s, x = watch(settings({}, "x_like"), 5)
    assert ((x.now - s.posts.posted[np.maximum(x.post, 0)])[x.post >= 0] <= 2).all()


def test_youtube_like_keeps_old_posts_in_the_race() -> None:
    def old(policy: str) -> float:
        few = {"people.agents": 100, "people.population": 100, "creators.posts_per_day": 1, "feed.rounds_per_day": 1}
        s, x = watch(settings(few, policy), 40)
        late = modelled(Slots(*(c[x.day >= 30] for c in x)))
        age = late.now - s.posts.posted[late.post]
        return float((age > 30).mean())

    tube, tok = old("youtube_like"), old("for_you")
    print(f"share of views on posts above 30 days: youtube_like {tube:.3f}, for_you {tok:.3f}")
    assert tube > tok == 0


def test_early_luck_lasts_on_the_top_chart() -> None:
    """The same equal posts day after day: ranks of the first days' views keep their order where nothing is forgotten."""

    def persistence(policy: str) -> float:
        values = {
            "creators.posts_per_day": 0, "creators.count": 60, "creators.opening_posts": 1, "feed.repeats": True, "feed.rounds_per_day": 6,
            "creators.post_sd": 0, "creators.ability_sd": 0, "feed.trending_count": "views", "response.match": 0,
        }  # fmt: skip
        values |= {"feed.trending_half_life": 0.25} if policy == "trending" else {}
        values |= {"feed.trending_cap": 10, "feed.tries": 400}
        _, x = watch(settings(values, policy), 14)
        by_day = np.zeros((14, 60))
        np.add.at(by_day, (x.day[x.post >= 0], x.post[x.post >= 0]), 1)
        ranks = np.argsort(np.argsort(np.array([by_day[1:4].sum(axis=0), by_day[11:].sum(axis=0)]), axis=1), axis=1)
        return float(np.corrcoef(ranks)[0, 1])

    chart, page, chance = persistence("top_chart"), persistence("trending"), persistence("random")
    print(f"rank correlation of days 1-3 with 11-13: top_chart {chart:.2f}, trending {page:.2f}, random {chance:.2f}")
    assert chart > page + 0.1
    assert chart > 0.7
    assert abs(chance) < 0.5
