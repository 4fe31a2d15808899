"""Mesa and NetworkX as people know them: live views, AgentSets, the graph, and rules of one's own."""

from __future__ import annotations

import doctest
import gc
import re
import weakref
from pathlib import Path

import mesa
import networkx as nx
import numpy as np
import pytest
from mesa.datacollection import DataCollector

import influence_sim as sim
from influence_sim.agents import Brand, Creator, Publish, Share, User, with_classes
from influence_sim.engine.simulation import Simulation
from influence_sim.model import InfluenceModel
from influence_sim.strategies import MicroPortfolio, NoCampaign
from influence_sim.studies.runner import run_one
from influence_sim.world.build import build_world

TOP = Path(__file__).parents[2]
MARKET = {
    "people": {"agents": 120, "population": 1200, "views_per_day": 20},
    "creators": {"count": 8},
    "graph": {"follows_per_person": 5},
    "feed": {"stages": 0, "rounds_per_day": 3},
}
MICRO = {"micro_portfolio": {"followers_min": 0, "followers_max": 1e9, "creators": 2}}


@pytest.fixture(scope="module")
def question():
    return sim.scenario_from_dict({"market": MARKET, "strategies": [MICRO, "paid_infeed"], "budget": 2000, "horizon": 5, "replications": 2})


@pytest.fixture(scope="module")
def ran(question):
    """A model after four days; no test may change it."""
    model = InfluenceModel(question, "micro_portfolio")
    for _ in range(4):
        model.step()
    return model


def same(left: Simulation, right: Simulation) -> None:
    """Assert that two simulations did the same, to the byte."""
    assert left.day == right.day
    assert {k: np.array(v).tobytes() for k, v in left.daily.items()} == {k: np.array(v).tobytes() for k, v in right.daily.items()}
    assert left.posts[: left.post_count].tobytes() == right.posts[: right.post_count].tobytes()
    assert left.acquaintances.tie.tobytes() == right.acquaintances.tie.tobytes()


# ------------------------------------------------------------------ the model


def test_with_and_without_mesa_are_the_same(question):
    model = InfluenceModel(question, "micro_portfolio", replication=1)
    model.run_model()
    market = question.market
    plain = Simulation(build_world(market, 1, 1), market, question.strategies["micro_portfolio"].build(), 2000.0, 5, 1, 1).run()
    same(model.simulation, plain)
    assert plain.daily["views_modelled"][0] > 0
    assert plain.ledger.hired


def test_rules_that_leave_everything_to_the_engine_change_nothing(question):
    class IdleCreator(Creator):
        def step(self):
            return None

    class IdleBrand(Brand):
        def step(self):
            return None

    class IdleUser(User):
        def step(self):
            return []

    idle = InfluenceModel(question, "micro_portfolio", creator_class=IdleCreator, brand_class=IdleBrand, user_class=IdleUser)
    default = InfluenceModel(question, "micro_portfolio")
    assert idle.simulation.intents is not None
    assert default.simulation.intents is None
    idle.run_model()
    default.run_model()
    same(idle.simulation, default.simulation)


def test_saying_what_the_default_does_is_the_default(question):
    class Explicit(Creator):
        def step(self):
            return Publish(self.planned_posts)

    class ExplicitBrand(Brand):
        def step(self):
            return self.plan()

    said = InfluenceModel(question, "paid_infeed", creator_class=Explicit, brand_class=ExplicitBrand)
    default = InfluenceModel(question, "paid_infeed")
    said.run_model()
    default.run_model()
    same(said.simulation, default.simulation)
    assert default.spend > 0


def test_step_advances_one_day_and_stops_at_the_horizon(question):
    model = InfluenceModel(question, horizon=2)
    assert (model.day, model.horizon, model.running) == (0, 2, True)
    model.step()
    assert (model.day, model.running) == (1, True)
    model.step()
    assert (model.day, model.running) == (2, False)
    with pytest.raises(RuntimeError, match="horizon of 2 days"):
        model.step()


def test_the_control_spends_nothing_and_strategies_go_by_label_name_or_object(question):
    assert isinstance(InfluenceModel(question).brand.strategy, NoCampaign)
    assert InfluenceModel(question).brand.budget == 0.0
    assert InfluenceModel(question, "micro_portfolio").brand.strategy.creators == 2
    assert InfluenceModel(question, "macro").brand.strategy.name == "macro"
    assert InfluenceModel(question, MicroPortfolio(creators=3), budget=70).brand.money_left == 70
    with pytest.raises(ValueError, match=r"no strategy is called 'mikro'; there are: .*micro_portfolio"):
        InfluenceModel(question, "mikro")


def test_questions_come_in_every_form(question, tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text("market: {people: {agents: 50, population: 500}, creators: {count: 4}, feed: {stages: 0}}\nstrategies: [none, macro]\n")
    assert len(InfluenceModel(str(file), "macro").users) == 50
    assert len(InfluenceModel(sim.load_scenario(file)).users) == 50
    assert len(InfluenceModel({"market": MARKET, "strategies": ["none"]}).users) == 120
    assert len(InfluenceModel(file, market=MARKET).users) == 120
    following = InfluenceModel(market={**MARKET, "feed": {"policy": "following"}})
    assert following.simulation.market.feed.policy == "following"
    with pytest.raises(TypeError, match="expected a scenario"):
        InfluenceModel(3)
    with pytest.raises(ValueError, match="need a graph"):
        InfluenceModel(question, population=9)
    with pytest.raises(sim.scenario.ScenarioError, match="did you mean"):
        InfluenceModel(market={"people": {"agentes": 3}})
    assert len(InfluenceModel(question, market=TOP / "scenarios/markets/city.yaml").users) == 2000
    with pytest.raises(sim.scenario.ScenarioError, match="more creators than agents"):
        InfluenceModel(market={"people": {"agents": 3}, "creators": {"count": 4}})


# ----------------------------------------------------------------- live views


def test_one_agent_per_person_numbered_by_row(ran):
    assert [agent.unique_id for agent in ran.agents] == list(range(1, 122))
    assert all(user.unique_id == user.row + 1 for user in ran.users)
    assert len(ran.creators) == len(ran.agents_by_type[Creator]) == 8
    assert len(ran.agents_by_type[User]) == 112
    assert ran.agents_by_type[Brand][0] is ran.brand
    assert ran.user(3) is ran.creator(3)
    assert ran.user(3).is_creator
    assert not ran.user(30).is_creator
    for row in (-1, 120):
        with pytest.raises(IndexError, match="person rows are 0 to 119"):
            ran.user(row)
    with pytest.raises(IndexError, match="creator rows are 0 to 7"):
        ran.creator(8)  # the brand's own account is no person


def test_views_read_the_columns(ran):
    s = ran.simulation
    user, creator = ran.user(50), ran.creator(2)
    np.testing.assert_array_equal(user.interests, s.people.interests[50])
    np.testing.assert_array_equal(user.estimate, s.people.estimate[50])
    assert user.views == s.people.views[50]
    assert user.sponsored_seen == s.viewers.saturation[50]
    assert user.purchases == s.leads.purchases[50, 0]
    assert user.aware is bool(s.leads.aware[50, 0])
    assert creator.reputation == s.creators.reputation[2]
    assert creator.followers == s.followers[2] * 10
    assert ran.creators.get("fee") == pytest.approx(ran.view.fee.tolist(), nan_ok=True)
    assert (creator.posts.creator == 2).all()
    assert len(creator.posts) == (s.posts.creator[: s.post_count] == 2).sum()
    assert ran.reach == s.daily["reach_cumulative"][-1] > 0
    assert ran.purchases == sum(s.daily["purchases"])
    assert ran.brand.purchases == ran.purchases
    assert ran.brand.expected_purchases == pytest.approx(ran.expected_purchases)
    assert ran.brand.spend == ran.spend == s.ledger.paid > 0
    assert ran.brand.money_left == 2000 - ran.spend
    assert [c.creator_row for c in ran.brand.hired] == sorted(s.ledger.hired)
    assert len(ran.daily) == 4
    assert ran.posts["views"].sum() == ran.views


def test_follows_and_followers_say_the_same(ran):
    count = dict.fromkeys(range(8), 0)
    for user in ran.users:
        for creator in user.follows:
            count[creator.creator_row] += 1
    assert [count[c.creator_row] * 10 for c in ran.creators] == ran.creators.get("followers")


def test_trust_and_tie_decay_to_today(ran):
    s, table = ran.simulation, ran.simulation.acquaintances
    pair = int(np.argmax(table.tie))
    person = int(np.searchsorted(table.start, pair, side="right") - 1)
    user, creator = ran.user(person), ran.creator(int(table.creator[pair]))
    age = s.day - table.touched[pair]
    assert 0 < user.tie_to(creator) == pytest.approx(table.tie[pair] * 0.5 ** (age / s.market.ties.half_life))
    keep = 0.5 ** (age / s.market.ties.trust_half_life)
    prior = 0.5 + s.market.ties.reputation_weight * (creator.reputation - 0.5)
    good, bad = table.good[pair] * keep, table.bad[pair] * keep
    assert user.trust_in(creator) == pytest.approx((2 * prior + good) / (2 + good + bad))
    stranger = next(u for u in ran.users if u._pair(creator) < 0)
    prior = 0.5 + s.market.ties.reputation_weight * (creator.reputation - 0.5)
    assert (stranger.tie_to(creator), stranger.trust_in(creator)) == (0.0, pytest.approx(prior))


def test_a_second_model_does_not_redirect_the_agents_of_the_first(question):
    first = InfluenceModel(question, "micro_portfolio")
    user, creator = first.user(40), first.creator(1)
    before = user.interests.tolist(), user.views, creator.ability, creator.followers
    other = InfluenceModel(question, "micro_portfolio", replication=1)
    other.step()
    assert (user.interests.tolist(), user.views, creator.ability, creator.followers) == before
    assert other.user(40).views != user.views
    with pytest.raises(ValueError, match="another model"):
        user.trust_in(other.creator(1))
    arrays = [v for c in (User, Creator, Brand) for v in vars(c).values() if isinstance(v, np.ndarray)]
    assert not arrays


def test_rules_may_write_what_is_theirs_without_touching_a_shared_world(question):
    world = build_world(question.market, 1)
    mine, theirs = (InfluenceModel.attach(Simulation(world, question.market, horizon=2)) for _ in range(2))
    before = theirs.creator(0).ability, theirs.creator(1).ability
    mine.creator(0).ability = 9.0
    mine.creator(1).ability = 8.0
    assert (mine.creator(0).ability, mine.creator(1).ability) == (9.0, 8.0)
    assert (theirs.creator(0).ability, theirs.creator(1).ability) == before
    mine.step()
    theirs.step()
    own, other = mine.creator(0).posts.quality, theirs.creator(0).posts.quality
    np.testing.assert_allclose(own - other, 9.0 - before[0])
    with pytest.raises(ValueError, match="authenticity must be 0 to 1 0-1, got 2"):
        mine.creator(0).authenticity = 2
    with pytest.raises(AttributeError, match="cannot be set"):
        mine.creator(0).reputation = 0.5
    with pytest.raises(ValueError, match="read-only"):
        mine.user(0).interests[0] = 1.0


def test_a_changed_asking_price_shows_in_the_quote(question):
    model = InfluenceModel(question)
    creator = next(c for c in model.creators if c.fee > 0)
    fee = creator.fee
    creator.asking = 2 * creator.asking
    assert creator.fee == pytest.approx(2 * fee, abs=0.02)


# --------------------------------------------------------------- Mesa's tools


def test_agent_sets_query_the_columns(ran):
    large = ran.creators.select(lambda c: c.followers > 300)
    assert {c.row for c in large} == {c.row for c in ran.creators if c.followers > 300}
    assert ran.creators.agg("followers", sum) == sum(ran.creators.get("followers"))
    groups = ran.users.groupby("aware").count()
    assert sum(groups.values()) == 120
    assert groups[True] * 10 == ran.aware
    assert ran.users.groupby("is_creator").agg("views", max)[True] == max(c.views for c in ran.creators)
    called = []
    ran.creators.do(lambda c: called.append(c.row))
    ran.creators.shuffle_do(lambda c: called.append(c.row))
    assert sorted(called) == sorted(2 * [c.row for c in ran.creators])
    ran.agents.do("step")  # default agents leave everything to the engine


def test_data_collector_reports_model_and_agents(question):
    model = InfluenceModel(question, "paid_infeed")
    collector = DataCollector(
        model_reporters={"reach": "reach", "purchases": "purchases", "views": "views", "day": lambda m: m.day},
        agenttype_reporters={Creator: {"followers": "followers"}},
    )
    while model.running:
        model.step()
        collector.collect(model)
    frame = collector.get_model_vars_dataframe()
    assert frame["day"].tolist() == [1, 2, 3, 4, 5]
    assert frame["reach"].tolist() == model.daily["reach_cumulative"].tolist()
    assert frame["views"].tolist() == model.daily["views_modelled"].cumsum().tolist()
    assert len(collector.get_agenttype_vars_dataframe(Creator)) == 5 * 8


def test_own_agents_get_ids_after_ours(question):
    class Regulator(mesa.Agent):
        pass

    model = InfluenceModel(question)
    assert [Regulator(model).unique_id, Regulator(model).unique_id] == [122, 123]
    assert model.brand.unique_id == 121


def test_a_dropped_model_is_freed(question):
    gone = weakref.ref(InfluenceModel(question))
    gc.collect()
    assert gone() is None


def test_above_the_limit_people_are_made_when_asked_for(question, monkeypatch):
    monkeypatch.setattr("influence_sim.model.CREATE_ALL", 100)

    class Active(User):
        def step(self):
            return None

    model = InfluenceModel(question)
    assert len(model.agents) == 9
    assert sum(isinstance(thing, User) and thing.model is model for thing in gc.get_objects()) == 8
    assert model.user(77) is model.user(77)
    assert model.user(77).unique_id == 78
    assert len(model.agents) == 10
    # A rule of all people needs all people.
    assert len(InfluenceModel(question, user_class=Active).users) == 120


# -------------------------------------------------------------------- the graph


def test_the_graph_is_who_follows_whom_now(ran):
    graph = ran.graph
    assert type(graph) is nx.DiGraph
    assert graph is ran.graph
    assert graph.number_of_nodes() == 120
    for user in ran.users:
        assert [v for v in sorted(graph[user.name]) if graph.nodes[v]["creator"]] == [c.row for c in user.follows]
    for creator in ran.creators:
        assert graph.nodes[creator.name]["followers"] == creator.followers
        assert graph.nodes[creator.name]["unique_id"] == creator.unique_id
    with pytest.raises(nx.NetworkXError, match="Frozen"):
        graph.add_edge(0, 99)


def test_the_graph_changes_with_follows(question):
    model = InfluenceModel(question, market={**MARKET, "response": {"follows_per_like": 1.0}})
    start, edges = model.graph, model.simulation.world.follows
    follower = np.repeat(np.arange(120), np.diff(edges.start))
    assert set(start.edges) == set(zip(follower.tolist(), edges.target.tolist(), strict=True))
    model.run_model()
    assert model.new_follows + model.unfollows > 0
    assert set(model.graph.edges) != set(start.edges)
    assert model.graph.number_of_edges() == start.number_of_edges() + (model.new_follows - model.unfollows) / 10


def test_networkx_algorithms_take_it(ran):
    graph = ran.graph
    assert sum(nx.pagerank(graph).values()) == pytest.approx(1.0)
    assert sum(map(len, nx.weakly_connected_components(graph))) == 120
    assert 0 <= nx.reciprocity(graph) <= 1
    assert len(nx.in_degree_centrality(graph)) == 120
    assert nx.community.louvain_communities(graph, seed=1)
    assert nx.average_clustering(graph.to_undirected()) >= 0
    assert nx.k_core(graph, 2).number_of_nodes() > 0


def test_a_graph_of_ones_own_keeps_names_and_weights(tmp_path):
    own = nx.DiGraph()
    own.add_weighted_edges_from((f"p{i}", f"p{j}", 0.25) for i in range(40) for j in (i * 7 % 40, i * 3 % 5) if i != j)
    market = {"creators": {"count": 5}, "feed": {"stages": 0}}
    model = InfluenceModel(market=market, graph=own, horizon=3)
    assert model.people_per_agent == 1.0
    assert set(model.graph.edges) == set(own.edges)
    assert {w for _, _, w in model.graph.edges(data="weight")} == {0.25}
    top = max(own.in_degree, key=lambda pair: pair[1])[1]
    assert model.creator(0).followers == top == own.in_degree(model.creator(0).name)
    assert [a.unique_id for a in model.users] == list(range(1, 41))  # creators stand between the others
    model.run_model()
    # Read from a file, the other way round, for more people.
    nx.write_edgelist(own, tmp_path / "own.edgelist")
    turned = InfluenceModel(market=market, graph=tmp_path / "own.edgelist", graph_direction="influences", population=400)
    assert turned.people_per_agent == 10.0
    assert set(turned.graph.edges) == {(v, u) for u, v in own.edges}


# --------------------------------------------------------------- rules of one's own


def busy() -> type[Creator]:
    """Return a class that travels to workers by value, as one of a notebook does."""

    class Busy(Creator):
        def step(self):
            return Publish(2 * self.planned_posts)

    return Busy


def thrifty() -> type[Brand]:
    class Thrifty(Brand):
        def step(self):
            return [self.advertise(100.0, days=2)] if self.model.day == 1 else []

    return Thrifty


def idle() -> type[Creator]:
    class Idle(Creator):
        def step(self):
            return None

    return Idle


def test_own_classes_change_a_comparison(question):
    default = sim.compare(question, jobs=1)
    unchanged = sim.compare(question, jobs=1, agents=with_classes(creator_class=idle()))
    assert unchanged.summary.equals(default.summary)
    assert unchanged.posts.equals(default.posts)
    more = sim.compare(question, jobs=1, agents=with_classes(creator_class=busy()))
    assert not more.summary.equals(default.summary)

    def organic(comparison):
        creators = comparison.posts["creator"] < question.market.creators.count
        after = comparison.posts[(comparison.posts["day"] > 0) & ~comparison.posts["sponsored"] & creators]
        return len(after)

    assert organic(more) == 2 * organic(default) > 0
    less = sim.compare(question, jobs=1, agents=with_classes(brand_class=thrifty()))
    spend = less.summary.set_index("strategy")["spend"]
    assert spend["none"] == 0
    assert 0 < spend["micro_portfolio"] == spend["paid_infeed"] <= 100
    assert not less.summary.equals(default.summary)


def test_own_classes_travel_to_workers(question):
    hook = with_classes(creator_class=busy(), brand_class=thrifty())
    here, there = sim.compare(question, jobs=1, agents=hook), sim.compare(question, jobs=2, agents=hook)
    assert there.summary.equals(here.summary)
    assert there.posts.equals(here.posts)


def test_rules_are_asked_every_morning_in_id_order(question):
    asked = []

    class Curious(Creator):
        def step(self):
            asked.append((self.model.day, self.unique_id))

    class CuriousUser(User):
        def step(self):
            asked.append((self.model.day, self.unique_id))

    class CuriousBrand(Brand):
        def step(self):
            asked.append((self.model.day, self.unique_id))

    model = InfluenceModel(question, horizon=2, creator_class=Curious, user_class=CuriousUser, brand_class=CuriousBrand)
    model.run_model()
    assert asked == [(day, i) for day in (0, 1) for i in range(1, 122)]


def test_a_share_reaches_the_followers_of_who_shares(question):
    class Fan(User):
        def step(self):
            return Share(self.seen[-1]) if self.model.day == 1 and self.row == famous else None

    # Nobody shares but by this rule.
    market = {**MARKET, "feed": {"policy": "following"}, "response": {"share_rate": 0.0}}
    quiet = InfluenceModel(question, market=market, horizon=3)
    degree = dict(quiet.graph.in_degree)
    famous = max(range(8, 120), key=lambda row: degree[row])
    model = InfluenceModel(question, market=market, horizon=3, user_class=Fan)
    quiet.run_model()
    model.run_model()
    reached = (model.simulation.inbox.sharer == famous).any(axis=1)
    assert reached.sum() > 0
    assert set(np.flatnonzero(reached)) <= set(model.graph.predecessors(famous))
    assert not (quiet.simulation.inbox.sharer == famous).any()


def test_a_brand_with_rules_needs_no_strategy(question):
    class Own(Brand):
        def step(self):
            affordable = [c for c in self.model.creators if c.fee + self.view.deal_cost[c.creator_row] <= self.money_left]
            return [self.sponsor(affordable[0], disclosure="hashtag")] if self.model.day == 2 and affordable else None

    model = InfluenceModel(question, brand_class=Own)
    assert model.brand.money_left == 2000
    model.run_model()
    assert len(model.brand.hired) == 1
    bought = model.brand.hired[0].posts
    assert bought.sponsored.sum() == 1
    assert bought.disclosure[bought.sponsored == 1].tolist() == [0.5]
    assert 0 < model.brand.spend <= 2000


@pytest.mark.parametrize(
    ("base", "answer", "message"),
    [(Creator, Publish(-1), "Publish(0 or more), Share"), (User, Publish(1), "Share"), (Brand, "buy", "SponsoredPost"), (User, 5, "Share")],
)
def test_a_wrong_answer_is_named(question, base, answer, message):
    class Wrong(base):
        def step(self):
            return answer

    key = {Creator: "creator_class", User: "user_class", Brand: "brand_class"}[base]
    with pytest.raises(TypeError, match=re.escape(f"Wrong.step must return {message}, ")):
        InfluenceModel(question, **{key: Wrong}).step()


def test_a_simulation_follows_one_set_of_rules(question):
    simulation = Simulation(build_world(question.market, 1), question.market, horizon=2)
    InfluenceModel.attach(simulation, creator_class=busy())
    with pytest.raises(ValueError, match="already follows"):
        InfluenceModel.attach(simulation, creator_class=busy())
    InfluenceModel.attach(simulation)  # looking on is always possible


def test_a_hook_does_not_change_the_world_of_other_arms(question):
    class Better(Creator):
        def step(self):
            self.ability = 5.0

    plain = run_one(question, "micro_portfolio", 0)
    run_one(question, "micro_portfolio", 0, agents=with_classes(creator_class=Better))
    again = run_one(question, "micro_portfolio", 0)
    assert plain.totals == again.totals


# --------------------------------------------------------------------- documents


def snippets(path: Path) -> list[str]:
    """Return the Python blocks of a document that are not doctests."""
    blocks = re.findall(r"```python\n(.*?)```", path.read_text(), flags=re.DOTALL)
    return [block for block in blocks if not block.startswith(">>>")]


@pytest.mark.parametrize("document", ["docs/howto/mesa.md", "docs/quickstart.md"])
def test_documents_run_as_written(document, monkeypatch):
    monkeypatch.chdir(TOP)
    namespace: dict[str, object] = {"__name__": "notebook"}
    found = snippets(TOP / document)
    assert found
    for block in found:
        exec(compile(block, document, "exec"), namespace)


def test_examples_of_the_model_run():
    import influence_sim.model

    assert doctest.testmod(influence_sim.model).failed == 0
