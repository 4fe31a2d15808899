"""The generated world: keyed, in range, and with the means and spreads the market file asks for."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from influence_sim.rng import Stream, key, uniforms
from influence_sim.scenario.parameters import Creators, Market
from influence_sim.world.build import build_world
from influence_sim.world.columns import World
from influence_sim.world.graph import choose_creators, draw_graph
from influence_sim.world.graph_files import load_graph


def market(**groups: dict[str, Any]) -> Market:
    return Market.model_validate(groups)


def big(count: int = 400, agents: int = 4000, graph: dict[str, Any] | None = None, **groups: dict[str, Any]) -> Market:
    values = {"friends_per_person": 0, **(graph or {})}
    people = {"agents": agents, "population": 10 * agents, **groups.pop("people", {})}
    creators = {"count": count, **groups.pop("creators", {})}
    return market(people=people, creators=creators, graph=values, **groups)


def same(a: World, b: World) -> bool:
    tables = zip((*a.people, *a.creators, *a.follows, a.brand_topics), (*b.people, *b.creators, *b.follows, b.brand_topics), strict=True)
    return all(np.array_equal(x, y) for x, y in tables)


def followers(world: World) -> np.ndarray[Any, Any]:
    return np.bincount(world.follows.target, minlength=world.size)


def follower_rows(world: World) -> np.ndarray[Any, Any]:
    return np.repeat(np.arange(world.size), np.diff(world.follows.start))


def mean_cosine(world: World) -> float:
    tastes = world.people.interests[follower_rows(world)].astype(float)
    topics = world.creators.topics[world.people.creator[world.follows.target]]
    return float(((tastes * topics).sum(1) / np.linalg.norm(tastes, axis=1) / np.linalg.norm(topics, axis=1)).mean())


def test_same_arguments_same_world_and_other_seed_or_replication_another() -> None:
    world = build_world(Market(), 7, 3)
    assert same(world, build_world(Market(), 7, 3))
    for other in (build_world(Market(), 8, 3), build_world(Market(), 7, 4)):
        assert not np.array_equal(world.people.interests, other.people.interests)
        assert not np.array_equal(world.creators.appeal, other.creators.appeal)
        assert not np.array_equal(world.follows.target[:500], other.follows.target[:500])


def test_rows_do_not_depend_on_how_many_there_are() -> None:
    small, large = build_world(big(50, 300), 1), build_world(big(80, 900), 1)
    for name in ("interests", "estimate", "views", "minor", "knowledge", "sharing", "price_sensitivity", "community"):
        assert np.array_equal(getattr(small.people, name), getattr(large.people, name)[:300]), name
    for name in small.creators._fields:
        assert np.array_equal(getattr(small.creators, name)[:50], getattr(large.creators, name)[:50]), name


def test_a_person_chooses_the_same_creators_whatever_the_others_do() -> None:
    m = big(60, 300, {"follows_per_person": 10})
    world = build_world(m, 1)
    changed = world.people._replace(interests=world.people.interests.copy())
    changed.interests[::2] = changed.interests[::2, ::-1]
    edges = draw_graph(m, 1, 0, changed, world.creators)
    for p in range(1, 300, 2):
        old, new = (e.target[e.start[p] : e.start[p + 1]] for e in (world.follows, edges))
        assert np.array_equal(old, new)


def test_one_lever_leaves_everything_else_alone() -> None:
    base, moved = build_world(Market(), 1), build_world(market(people={"views_per_day": 40}), 1)
    assert np.allclose(moved.people.views, base.people.views / 2)
    assert same(World(base.people._replace(views=moved.people.views), *_rest(base)), moved)


def _rest(world: World) -> tuple[Any, ...]:
    return world.creators, world.follows, world.brand_topics, world.people_per_agent


def test_people_columns_follow_their_laws() -> None:
    m = market(people={"agents": 40_000, "population": 40_000}, graph={"follows_per_person": 0, "friends_per_person": 0})
    people = build_world(m, 1).people
    assert people.interests.sum(1) == pytest.approx(np.ones(40_000), abs=1e-5)
    assert people.estimate.sum(1) == pytest.approx(np.ones(40_000), abs=1e-5)
    assert people.estimate == pytest.approx(0.04 + 0.6 * people.interests, abs=1e-6)
    assert people.interests.mean(0) == pytest.approx(np.full(10, 0.1), abs=0.005)
    # Dirichlet: variance (1/K)(1 - 1/K) / (K concentration + 1)
    assert people.interests.var(0) == pytest.approx(np.full(10, 0.09 / 4.5), rel=0.05)
    assert people.views.mean() == pytest.approx(80, rel=0.02)
    assert np.log(people.views).std() == pytest.approx(0.8, rel=0.02)
    assert people.minor.mean() == pytest.approx(0.2, abs=0.01)
    assert set(people.knowledge[people.minor == 1]) == {0.2, 0.6}
    assert set(people.knowledge[people.minor == 0]) == {0.8}
    assert np.exp(people.sharing).mean() == pytest.approx(1, rel=0.03)
    assert people.price_sensitivity.mean() == pytest.approx(1, rel=0.01)
    assert np.bincount(people.community, minlength=20) == pytest.approx(np.full(20, 2000), rel=0.1)


def test_creator_columns_follow_their_laws() -> None:
    world = build_world(big(20_000, 20_000, {"follows_per_person": 0}), 1)
    c = world.creators._replace(**{name: getattr(world.creators, name)[:-1] for name in world.creators._fields})
    assert np.array_equal(c.person, np.arange(20_000))
    assert np.array_equal(world.people.creator, np.arange(20_000))
    assert c.topics.sum(1) == pytest.approx(np.ones(20_000))
    assert c.topics.var(0) == pytest.approx(np.full(10, 0.09 / 2.5), rel=0.05)
    law = Creators()
    spreads = ((c.appeal, 1), (c.ability, law.ability_sd), (c.form, law.form_sd), (np.log(c.asking), 0.25), (np.log(c.posting), 0.6))
    for column, sd in spreads:
        assert column.std() == pytest.approx(sd, rel=0.03)
    assert np.corrcoef(c.appeal, c.ability)[0, 1] == pytest.approx(law.appeal_ability_correlation, abs=0.02)
    assert c.posting.mean() == pytest.approx(0.6, rel=0.02)
    assert c.authenticity.mean() == pytest.approx(0.7, abs=0.01)
    assert (c.fit_required.min(), c.fit_required.mean(), c.fit_required.max()) == pytest.approx((0, 0.2, 0.4), abs=0.01)
    unrelated = np.corrcoef([c.appeal, c.form, c.authenticity, np.log(c.asking), c.fit_required, np.log(c.posting)])
    assert np.abs(unrelated - np.eye(6)).max() < 0.03
    assert set(c.reputation) == {0.5}
    assert set(c.retrievable) == {1}


def test_last_creator_row_is_the_brand_account() -> None:
    world = build_world(market(brand={"topic": 3, "breadth": 0.5, "authenticity": 0.42}), 1)
    row = {name: getattr(world.creators, name)[-1] for name in world.creators._fields}
    assert (row["person"], row["posting"], row["retrievable"], row["ability"], row["authenticity"]) == (-1, 0.2, 1, 0, 0.42)
    assert row["topics"] == pytest.approx([0.55 if t == 3 else 0.05 for t in range(10)])
    assert world.brand_topics.shape == (1, 10)
    assert np.linalg.norm(world.brand_topics) == pytest.approx(1)
    assert world.brand_topics[0] @ row["topics"] == pytest.approx(np.linalg.norm(row["topics"]))


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_mean_follows_and_mean_followers(sigma: float) -> None:
    world = build_world(big(graph={"follows_per_person": 8, "follows_sigma": sigma, "topic_homophily": 0}), 1)
    out = np.diff(world.follows.start)
    assert out.mean() == pytest.approx(8, rel=0.05)
    assert followers(world)[:400].mean() == pytest.approx(8 * 4000 / 400, rel=0.05)
    assert world.follows.target.max() < 400
    if sigma == 0:
        assert set(out) == {8}


def test_followers_are_lognormal_with_the_appeal_spread() -> None:
    m = big(500, 20_000, {"follows_per_person": 20, "follows_sigma": 0, "topic_homophily": 0}, creators={"appeal_sigma": 1.0})
    world = build_world(m, 1)
    appeal = world.creators.appeal[:-1]
    ln = np.log(followers(world)[:500])
    assert ln.std() == pytest.approx(appeal.std(), rel=0.05)
    assert np.corrcoef(ln, appeal)[0, 1] > 0.99


@pytest.mark.parametrize("follows", [5, 20])  # mostly proposals, only race keys
def test_homophily_raises_the_match(follows: int) -> None:
    matches = [mean_cosine(build_world(big(100, 2000, {"follows_per_person": follows, "topic_homophily": h}), 1)) for h in (0, 2, 5)]
    assert matches[0] + 0.04 < matches[1]
    assert matches[1] + 0.02 < matches[2]


def test_proposals_and_race_keys_draw_from_the_same_law() -> None:
    """A crowd of equal tastes follows each creator with a share that must not depend on the way of drawing."""
    people, rng = 60_000, uniforms(3, Stream.TEST_AUDIENCE, 0, np.arange(40))
    interests = np.tile(np.array([[0.7, 0.3]], np.float32), (people, 1))
    topics = np.stack([rng[:, 0], 1 - rng[:, 0]], 1)
    topics /= np.linalg.norm(topics, axis=1, keepdims=True)
    weight = np.exp(1.5 * rng[:, 1])
    nobody = np.full(people, -1, np.int32)
    shares = []
    for padding in (0, 40):  # creators of no weight make the kernel prefer proposals
        w = np.concatenate([weight, np.zeros(padding)])
        t = np.concatenate([topics, np.tile(topics[:1], (padding, 1))])
        start = np.arange(people + 1, dtype=np.int64) * 7
        out = np.empty(7 * people, np.int32)
        choose_creators(np.uint32(1), np.uint32(key(Stream.FOLLOW_TARGET, 0)), start, interests, t, w, 2.0, nobody, out)
        assert out.max() < 40
        shares.append(np.bincount(out, minlength=40) / people)
    assert np.abs(shares[0] - shares[1]).max() < 5 * np.sqrt(0.5 / people)
    assert not np.array_equal(shares[0], shares[1])


def test_everybody_can_follow_every_creator_but_themselves() -> None:
    world = build_world(big(30, 100, {"follows_per_person": 2000, "follows_sigma": 0}), 1)
    assert np.array_equal(np.diff(world.follows.start), np.where(np.arange(100) < 30, 29, 30))


def test_friends_mean_communities_and_reciprocity() -> None:
    m = big(0, 10_000, {"friends_per_person": 6, "follows_sigma": 0.5, "community_bias": 0.7, "reciprocity": 0.3})
    world = build_world(m, 1)
    u, v = follower_rows(world), world.follows.target
    assert len(v) / world.size == pytest.approx(6, rel=0.02)
    inside = world.people.community[u] == world.people.community[v]
    assert inside.mean() == pytest.approx(0.7 + 0.3 / 20, abs=0.01)
    pairs = set(zip(u.tolist(), v.tolist(), strict=True))
    mutual = sum((b, a) in pairs for a, b in pairs)
    assert mutual / 2 / (len(pairs) - mutual / 2) == pytest.approx(0.3, abs=0.01)  # of connected pairs


@pytest.mark.parametrize(("reciprocity", "bias"), [(0, 1), (1, 0)])
def test_friend_extremes(reciprocity: float, bias: float) -> None:
    world = build_world(big(0, 500, {"friends_per_person": 5, "reciprocity": reciprocity, "community_bias": bias}), 1)
    u, v = follower_rows(world), world.follows.target
    if bias == 1:
        assert (world.people.community[u] == world.people.community[v]).all()
    else:
        pairs = set(zip(u.tolist(), v.tolist(), strict=True))
        assert {(b, a) for a, b in pairs} == pairs


@pytest.mark.parametrize(
    ("agents", "count", "follows", "friends"),
    [
        (1, 0, 8, 6),
        (1, 1, 8, 6),
        (2, 1, 8, 6),
        (50, 0, 8, 6),
        (50, 50, 8, 6),
        (50, 10, 0, 6),
        (50, 10, 8, 0),
        (50, 10, 0, 0),
        (3, 3, 2000, 500),
    ],
)
def test_edge_cases(agents: int, count: int, follows: float, friends: float) -> None:
    world = build_world(big(count, agents, {"follows_per_person": follows, "friends_per_person": friends}), 1)
    assert world.size == agents
    assert len(world.creators.person) == count + 1
    if agents == 1 or follows == friends == 0:
        assert len(world.follows.target) == 0


def test_people_per_agent() -> None:
    assert build_world(market(people={"agents": 300, "population": 1000}), 1).people_per_agent == pytest.approx(1000 / 300)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"people": {"agents": 50}}, "creators.count is 100, but people.agents is 50"),
        ({"people": {"population": 1999}}, "people.population is 1999, but people.agents is 2000"),
        ({"brand": {"topic": 10}}, "brand.topic is 10, but people.topics = 10 allows 0 to 9"),
    ],
)
def test_impossible_markets(groups: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_world(market(**groups), 1)


@pytest.mark.parametrize(("seed", "replication"), [(-1, 0), (2**32, 0), (0, -1), (0, 2**20)])
def test_seed_and_replication_bounds(seed: int, replication: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        build_world(Market(), seed, replication)


def test_largest_seed_and_replication() -> None:
    build_world(big(5, 20), 2**32 - 1, 2**20 - 1)


def test_loaded_graph_makes_its_largest_accounts_creators() -> None:
    edges = [(p, 20) for p in range(12)] + [(p, 30) for p in range(8)] + [(p, 5) for p in range(10, 14)] + [(p, 4) for p in range(10, 14)]
    graph = load_graph(nx.DiGraph(edges))
    world = build_world(market(people={"population": 1600}, creators={"count": 3}), 1, graph=graph)
    assert world.names == graph.names
    assert world.people_per_agent == 1600 / len(graph.names)
    first_of_tie = min((5, 4), key=graph.names.index)
    assert [graph.names[p] for p in world.creators.person[:-1]] == [20, 30, first_of_tie]
    assert world.people.creator[world.creators.person[:-1]].tolist() == [0, 1, 2]
    ln = np.log1p([12, 8, 4])
    assert world.creators.appeal[:-1] == pytest.approx((ln - ln.mean()) / ln.std())
    assert len(world.follows.target) == len(edges)
    assert same(world, build_world(market(people={"population": 1600}, creators={"count": 3}), 1, graph=graph))


def test_loaded_graph_whose_creators_are_all_equal_has_no_appeal() -> None:
    world = build_world(market(creators={"count": 4}), 1, graph=load_graph(nx.cycle_graph(4, create_using=nx.DiGraph)))
    assert world.creators.appeal.tolist() == [0] * 5


def test_loaded_graph_must_fit_the_market() -> None:
    graph = load_graph(nx.path_graph(5, create_using=nx.DiGraph))
    with pytest.raises(ValueError, match=r"creators\.count is 100, but the graph has 5 accounts"):
        build_world(Market(), 1, graph=graph)
    with pytest.raises(ValueError, match=r"people\.population is 4, but the graph has 5 accounts"):
        build_world(market(people={"population": 4}, creators={"count": 2}), 1, graph=graph)


def test_validate_names_the_column() -> None:
    world = build_world(big(5, 20, {"follows_per_person": 3}), 1)
    views = world.people.views.copy()
    views[3] = np.nan
    with pytest.raises(ValueError, match=r"people\.views"):
        World(world.people._replace(views=views), *_rest(world)).validate()
    with pytest.raises(ValueError, match=r"creators\.appeal"):
        World(world.people, world.creators._replace(appeal=world.creators.appeal[:-1]), *_rest(world)[1:]).validate()
    with pytest.raises(ValueError, match="not sorted"):
        World(world.people, world.creators, world.follows._replace(target=world.follows.target[::-1].copy()), *_rest(world)[2:]).validate()


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_market_gives_a_valid_world(data: st.DataObject) -> None:
    """`build_world` validates: ranges, ids, order, no repeats, no self follows."""
    agents = data.draw(st.integers(1, 60))
    m = market(
        people={
            "agents": agents,
            "population": data.draw(st.integers(agents, 10**9)),
            "topics": data.draw(st.integers(2, 64)),
            "interest_concentration": data.draw(st.sampled_from([0.05, 0.35, 5])),
            "communities": data.draw(st.sampled_from([1, 3, 10_000])),
            "views_per_day": data.draw(st.sampled_from([0, 80, 400])),
            "views_sigma": data.draw(st.floats(0, 1.5)),
        },
        creators={
            "count": data.draw(st.integers(0, agents)),
            "topic_concentration": data.draw(st.sampled_from([0.03, 0.15, 5])),
            "appeal_sigma": data.draw(st.floats(0, 2.5)),
            "appeal_ability_correlation": data.draw(st.floats(0, 1)),
        },
        graph={
            "follows_per_person": data.draw(st.floats(0, 100)),
            "follows_sigma": data.draw(st.floats(0, 2)),
            "friends_per_person": data.draw(st.floats(0, 100)),
            "reciprocity": data.draw(st.floats(0, 1)),
            "topic_homophily": data.draw(st.floats(0, 10)),
            "community_bias": data.draw(st.floats(0, 1)),
        },
    )
    world = build_world(m, data.draw(st.integers(0, 2**32 - 1)))
    assert world.people.interests.sum(1) == pytest.approx(np.ones(agents), abs=1e-4)


@pytest.mark.slow
def test_a_hundred_thousand_people_and_five_million_follows_in_ten_seconds() -> None:
    from time import perf_counter

    m = big(1000, 100_000, {"follows_per_person": 50, "friends_per_person": 6})
    build_world(big(10, 20, {"friends_per_person": 2}), 1)  # compiles
    start = perf_counter()
    world = build_world(m, 1)
    assert perf_counter() - start < 10
    assert len(world.follows.target) > 5_000_000
