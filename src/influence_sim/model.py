"""The front door for Mesa users and notebooks: `InfluenceModel`, a Mesa model on top of the array engine."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np

from influence_sim.agents import Brand, Creator, Publish, Share, User, has_own_step
from influence_sim.engine.morning import observe_market
from influence_sim.engine.publish import organic_counts
from influence_sim.engine.simulation import Simulation
from influence_sim.strategies.base import BrandView, Order, PaidImpressions, SponsoredPost, Strategy

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from influence_sim.events import Event
    from influence_sim.record import RunResult
    from influence_sim.scenario.parameters import Market
    from influence_sim.scenario.schema import Scenario

Array = np.ndarray[Any, Any]
CREATE_ALL = 100_000  # above this many people, person agents are made when asked for


class Total:
    """A number of the brand or the platform so far: the sum of one column of `daily`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        return self if model is None else float(sum(model.simulation.daily[self.name]))


class InfluenceModel(mesa.Model):  # type: ignore[misc] # Mesa is untyped
    """A market, its people and one brand's strategy as a Mesa model; `step` advances one day.

    Parameters
    ----------
    scenario_or_path : Scenario, mapping or path, optional
        The question; the default market without any campaign when None.
    strategy : str or Strategy, optional
        A label of the scenario, the name of a registered strategy, or a strategy; None is the control.
    market : Market, mapping or path, optional
        Replaces the scenario's market.
    budget : float, optional
        USD the brand may spend; the scenario's budget unless given. The control has none, unless
        `brand_class` has a `step` of its own.
    graph : networkx.DiGraph or path, optional
        Follower graph. Its nodes are the people; `population` says how many real people they are.
    graph_direction : str
        With `graph` only. ``follows``, the default: an edge u, v says that u follows v;
        ``influences``: the other way round.
    population : int, optional
        Real people, with `graph` only; the number of its nodes unless given.
    horizon : int, optional
        Days; the scenario's unless given.
    replication, threads : int
        Which of the paired replications, and threads of the engine (they change nothing but the time).
    creator_class, brand_class, user_class : type
        Your own subclasses; a `step` they override is called every morning in id order.

    Notes
    -----
    The dice of the simulation are keyed and independent of Mesa's `model.random`, which
    `shuffle_do` uses. Above 100,000 people, person agents exist once `user(i)` asked for them
    (creators and the brand always do), unless `user_class` has a `step` of its own.

    Examples
    --------
    >>> from influence_sim import InfluenceModel
    >>> model = InfluenceModel(market={"people": {"agents": 60, "population": 600}, "creators": {"count": 5}, "feed": {"stages": 0}})
    >>> model.step()
    >>> model.day, len(model.agents), model.graph.number_of_nodes()
    (1, 61, 60)
    """

    views, views_outside, likes, comments = Total("views_modelled"), Total("views_outside"), Total("likes"), Total("comments")
    shares, new_follows, unfollows = Total("shares"), Total("follows"), Total("unfollows")
    impressions, engagements, clicks = Total("impressions"), Total("engagements"), Total("clicks")
    purchases, expected_purchases, spend = Total("purchases"), Total("expected_purchases"), Total("spend")

    def __init__(
        self,
        scenario_or_path: Any = None,
        strategy: str | Strategy | None = None,
        market: Market | Mapping[str, Any] | str | PathLike[str] | None = None,
        budget: float | None = None,
        graph: Any = None,
        graph_direction: str | None = None,
        population: int | None = None,
        horizon: int | None = None,
        replication: int = 0,
        threads: int = 1,
        creator_class: type[Creator] = Creator,
        brand_class: type[Brand] = Brand,
        user_class: type[User] = User,
    ) -> None:
        from influence_sim.engine import warm_up
        from influence_sim.strategies.none import NoCampaign
        from influence_sim.studies.worlds import drawn, world_of

        asked, loaded = _question(scenario_or_path, market, graph, graph_direction, population)
        plan = _strategy(asked, strategy)
        if budget is None:
            budget = 0.0 if isinstance(plan, NoCampaign) and not has_own_step(brand_class) else asked.budget
        warm_up()
        world = world_of(asked, drawn(asked, replication), loaded)
        days = asked.horizon if horizon is None else horizon
        events = [entry.build() for entry in asked.events]
        simulation = Simulation(world, asked.market, plan, budget, days, asked.path_seed, replication, threads, events)
        self._begin(simulation, creator_class, brand_class, user_class)

    @classmethod
    def attach(
        cls,
        simulation: Simulation,
        creator_class: type[Creator] = Creator,
        brand_class: type[Brand] = Brand,
        user_class: type[User] = User,
    ) -> InfluenceModel:
        """Return a model of a simulation that exists; whoever advances either advances both.

        Raises
        ------
        ValueError
            When the classes have rules and the simulation already follows somebody's rules.
        """
        model = cls.__new__(cls)
        model._begin(simulation, creator_class, brand_class, user_class)
        return model

    def _begin(self, simulation: Simulation, creator_class: type[Creator], brand_class: type[Brand], user_class: type[User]) -> None:
        super().__init__(rng=int(simulation.rules.seed) << 20 | int(simulation.rules.replication))
        self.simulation = simulation
        self.running = simulation.day < simulation.horizon
        self._classes = creator_class, brand_class, user_class
        self._people: dict[int, User] = {}
        self._extra_ids = simulation.world.size + 1
        self._cache: dict[str, tuple[Any, Any]] = {}
        people, modelled = simulation.people.creator, simulation.modelled
        everybody = simulation.world.size <= CREATE_ALL or has_own_step(user_class)
        rows = np.arange(simulation.world.size) if everybody else np.sort(simulation.creators.person[:modelled])
        for row in rows.tolist():
            self._people[row] = (creator_class if people[row] >= 0 else user_class)(self, row)
        self.brand = brand_class(self)
        if any(has_own_step(c) for c in (creator_class, brand_class, user_class)):
            if simulation.intents is not None:
                raise ValueError("this simulation already follows the rules of other agents")
            simulation.intents = self._intents

    def register_agent(self, agent: Any) -> Any:
        """Register an agent with Mesa under our ids: people row + 1, then the brand, then agents of your own."""
        super().register_agent(agent)
        ids = getattr(mesa.Agent, "_ids", None)
        if ids is not None:
            ids.pop(self, None)  # Mesa 3.3 counts ids here and would keep every model alive
        if isinstance(agent, User):
            agent.unique_id = agent.row + 1
        else:
            agent.unique_id = self._extra_ids
            self._extra_ids += 1

    # ---------------------------------------------------------------- running

    @property
    def day(self) -> int:
        """Days simulated so far; today's number in the morning."""
        return self.simulation.day

    @property
    def horizon(self) -> int:
        """Days this model can run."""
        return self.simulation.horizon

    def step(self) -> None:
        """Advance one day; raises `RuntimeError` after the horizon (`running` is False then)."""
        self.simulation.step()
        if self.simulation.day >= self.simulation.horizon:
            self.running = False
            self.simulation.close()

    def fork(self, events: Iterable[Event | Mapping[str, Any]] = (), market: Market | None = None) -> InfluenceModel:
        """Return an independent model at this day that goes on under the same dice.

        Agents have the same classes, and copies of what their rules remember; agents of your own and
        data collectors are not copied.

        Parameters
        ----------
        events : iterable of Event or mapping
            Happen in the copy from today on, besides those of this model, e.g. ``{"event": "outage", "day": 12}``.
        market : Market, optional
            Replaces the copy's market from now on; see `Simulation.set_market`.

        Raises
        ------
        ValueError
            When an event is unknown or lies in the past, or the market cannot change that way in mid-run.
        """
        from influence_sim.events import build_event

        made = [build_event(event) if isinstance(event, Mapping) else event for event in events]
        twin = type(self).attach(self.simulation.fork(made, market), *self._classes)
        pairs = [(self.brand, twin.brand), *((person, twin.user(row)) for row, person in self._people.items())]
        known: dict[int, Any] = {id(old): new for old, new in [(self, twin), *pairs]}
        for old, new in pairs:
            vars(new).update(copy.deepcopy(vars(old), known))
        twin.random.setstate(self.random.getstate())
        twin.rng.bit_generator.state = self.rng.bit_generator.state
        return twin

    def save_snapshot(self, path: str | PathLike[str]) -> None:
        """Keep the simulation in a file; what agents of your own classes remember is not part of it. See `engine.snapshot`."""
        from influence_sim.engine.snapshot import save_snapshot

        save_snapshot(self.simulation, path)

    @classmethod
    def load_snapshot(cls, path: str | PathLike[str], threads: int = 1, **classes: Any) -> InfluenceModel:
        """Return a model of the simulation in a file, with `classes` as for `attach`; raises `SnapshotError` when it cannot be used."""
        from influence_sim.engine.snapshot import load_snapshot

        return cls.attach(load_snapshot(path, threads), **classes)

    def _intents(self, simulation: Simulation) -> tuple[list[Order] | None, dict[int, int] | None]:
        """Ask every agent with a rule of its own, in id order; then carry out what they intend."""
        shares: list[tuple[User, Share]] = []
        organic: dict[int, int] = {}
        for _, person in sorted(self._people.items()):
            if not has_own_step(type(person)):
                continue
            for intent in _listed(person.step()):
                if isinstance(intent, Share):
                    shares.append((person, intent))
                elif isinstance(intent, Publish) and isinstance(person, Creator) and intent.count >= 0:
                    organic[person.creator_row] = int(intent.count)
                else:
                    wanted = "Publish(0 or more), Share" if isinstance(person, Creator) else "Share"
                    raise TypeError(f"{type(person).__name__}.step must return {wanted}, a list of them or None; got {intent!r}")
        orders: list[Order] | None = None
        answer = self.brand.step() if has_own_step(type(self.brand)) else None
        if answer is not None:
            orders = _listed(answer)
            for order in orders:
                if not isinstance(order, SponsoredPost | PaidImpressions):
                    raise TypeError(f"{type(self.brand).__name__}.step must return SponsoredPost, PaidImpressions or None; got {order!r}")
        for person, intent in shares:
            simulation.share(person.row, int(intent.post))
        return orders, organic

    # ----------------------------------------------------------------- agents

    def user(self, row: int) -> User:
        """Return the agent of person `row`, made now if nobody asked before."""
        if not 0 <= row < self.simulation.world.size:
            raise IndexError(f"person rows are 0 to {self.simulation.world.size - 1}, got {row}")
        if row not in self._people:
            self._people[row] = self._classes[2](self, row)
        return self._people[row]

    def creator(self, creator_row: int) -> Creator:
        """Return the agent of creator `creator_row`, as numbered in orders and tables."""
        if not 0 <= creator_row < self.simulation.modelled:
            raise IndexError(f"creator rows are 0 to {self.simulation.modelled - 1}, got {creator_row}")
        agent = self._people[int(self.simulation.creators.person[creator_row])]
        assert isinstance(agent, Creator)
        return agent

    @property
    def users(self) -> Any:
        """AgentSet of all people with an agent, creators included (`agents_by_type` goes by the exact class)."""
        return self.agents.select(agent_type=User)

    @property
    def creators(self) -> Any:
        """AgentSet of all creators, whatever their class."""
        return self.agents.select(agent_type=Creator)

    # ------------------------------------------------------------------ views

    @property
    def people_per_agent(self) -> float:
        """Real people an agent stands for."""
        return self.simulation.world.people_per_agent

    @property
    def reach(self) -> float:
        """Real people the brand reached so far."""
        return self.brand.reach

    @property
    def aware(self) -> float:
        """Real people who know the brand."""
        return float((self.simulation.leads.aware[:, 0] > 0).sum()) * self.people_per_agent

    @property
    def view(self) -> BrandView:
        """What the brand can observe now; made once a morning."""
        s = self.simulation
        seen: BrandView = self._once("view", (s.day, s.post_count, s.ledger.left), lambda: observe_market(s))
        return seen

    @property
    def planned_posts(self) -> Array:
        """Organic posts per creator row that the engine's own rule draws for today."""
        s = self.simulation
        draw = lambda: organic_counts(s.creators, s.day, s.rules.seed, s.rules.replication)  # noqa: E731
        counts: Array = self._once("planned", s.day, draw)
        return counts

    @property
    def graph(self) -> nx.DiGraph[Any]:
        """Who follows whom now; an edge u, v says that u follows v. Made once a day, and frozen: it is a view.

        Nodes are the names of a loaded graph, else person rows. Node attributes: `creator` (bool),
        `followers` (real people), `community`, `unique_id`. Edge attribute: `weight`.
        """
        graph: nx.DiGraph[Any] = self._once("graph", self.day, self._graph)
        return graph

    def _graph(self) -> nx.DiGraph[Any]:
        from dataclasses import replace

        import networkx as nx

        from influence_sim.world.columns import Edges
        from influence_sim.world.graph_files import to_networkx

        s, n = self.simulation, self.simulation.world.size
        rows = np.arange(n, dtype=np.int64)
        met, friends, first = s.acquaintances, s.friends, s.world.follows
        kept = (met.follows == 1) & (met.creator < s.modelled)
        follower = np.concatenate([np.repeat(rows, np.diff(met.start))[kept], np.repeat(rows, np.diff(friends.start))])
        target = np.concatenate([s.creators.person[met.creator[kept]], friends.target]).astype(np.int64)
        pairs = np.sort(follower * n + target)
        old = np.repeat(rows, np.diff(first.start)) * n + first.target
        at = np.minimum(np.searchsorted(old, pairs), max(0, len(old) - 1))
        # A follow of the start keeps the weight its file gave it; one made since counts 1.
        weight = np.where(old[at] == pairs, first.weights()[at], 1.0) if len(old) else np.ones(len(pairs))
        start = np.concatenate([[0], np.cumsum(np.bincount(pairs // n, minlength=n))])
        graph = to_networkx(replace(s.world, follows=Edges(start, pairs % n, weight)))
        for row, (data, community) in enumerate(zip(graph.nodes.values(), s.people.community.tolist(), strict=True)):
            data.update(community=community, unique_id=row + 1)
        frozen: nx.DiGraph[Any] = nx.freeze(graph)
        return frozen

    def _once(self, name: str, key: Any, make: Any) -> Any:
        """Return what `make` gives, made again only when `key` changes."""
        if name not in self._cache or self._cache[name][0] != key:
            self._cache[name] = key, make()
        return self._cache[name][1]

    def own_column(self, table: str, name: str) -> Array:
        """Return a column that rules may write, as `Simulation.own_column` does."""
        self._cache.pop("view", None)  # what a brand sees may follow from it
        return self.simulation.own_column(table, name)

    # ----------------------------------------------------------------- tables

    @property
    def result(self) -> RunResult:
        """Tables of the run so far, as `compare` keeps them."""
        from influence_sim.record import result_of

        strategy = self.simulation.strategy
        return result_of(self.simulation, strategy.name if strategy is not None else "none")

    @property
    def daily(self) -> pd.DataFrame:
        """A row per day so far, in real units."""
        import pandas as pd

        return pd.DataFrame(self.result.daily)

    @property
    def posts(self) -> pd.DataFrame:
        """A row per post so far, counts in real units; `creator` is `creator_row`."""
        import pandas as pd

        return pd.DataFrame(self.result.posts)


def _listed(answer: Any) -> list[Any]:
    if answer is None:
        return []
    return list(answer) if isinstance(answer, Iterable) else [answer]


def _question(source: Any, market: Any, graph: Any, direction: str | None, population: int | None) -> tuple[Scenario, Any]:
    """Return the scenario that is asked and the loaded graph, or None."""
    from influence_sim.scenario import load_scenario, scenario_from_dict
    from influence_sim.scenario.schema import Scenario
    from influence_sim.world.graph_files import load_graph

    if graph is None and (direction is not None or population is not None):
        raise ValueError("graph_direction and population need a graph")
    loaded = None if graph is None else load_graph(graph, direction or "follows")  # type: ignore[arg-type]
    people: dict[str, int] = {}
    if loaded is not None:
        people = {"agents": len(loaded.names), "population": len(loaded.names) if population is None else population}
    items = [f"people.{name}={value}" for name, value in people.items()]

    asked = getattr(source, "scenario", source)  # what `load_scenario` returns holds the scenario
    if asked is None:
        asked = {"strategies": ["none"]}
    elif isinstance(asked, str | PathLike):
        asked = load_scenario(asked, items if market is None else ()).scenario
    if isinstance(market, PathLike):
        market = fspath(market)
    if isinstance(asked, Mapping):
        if isinstance(market, str | Mapping):
            asked, market = {**asked, "market": market}, None
        asked = scenario_from_dict(asked, items if market is None else ())
    if not isinstance(asked, Scenario):
        raise TypeError(f"expected a scenario, a mapping or the path of a scenario file, got {type(source).__name__}")
    if market is None:
        market = asked.market
    elif isinstance(market, str | Mapping):
        market = scenario_from_dict({"market": market, "strategies": ["none"]}, items).market
    if loaded is None and asked.graph_file is not None:
        loaded = load_graph(asked.graph_file, asked.graph_direction)
        people = {"agents": len(loaded.names)}
    market = market.model_copy(update={"people": market.people.model_copy(update=people)})
    fields = {name: getattr(asked, name) for name in Scenario.model_fields}
    return Scenario.model_validate({**fields, "market": market}), loaded


def _strategy(asked: Scenario, strategy: str | Strategy | None) -> Strategy:
    from influence_sim.strategies import NoCampaign, build_strategy, strategy_types
    from influence_sim.studies.runner import arms, strategy_of

    if strategy is None:
        return NoCampaign()
    if isinstance(strategy, Strategy):
        return strategy
    if strategy in arms(asked):
        return strategy_of(asked, strategy)
    if strategy in strategy_types():
        return build_strategy(strategy)
    known = ", ".join(dict.fromkeys([*arms(asked), *strategy_types()]))
    raise ValueError(f"no strategy is called {strategy!r}; there are: {known}")
