"""Mesa agents: thin live views on the columns of the engine, and the intents their own rules return.

An agent holds its model and its row, nothing else; every attribute is read through
`agent.model` when it is asked for. The default rules of people, creators and brands are column
functions of the engine. Where a subclass overrides `step`, it is called every morning, in id
order, and returns what the agent intends to do today; all agents see the same morning, because
intents are carried out when everybody has been asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_type_hints

import mesa
import numpy as np

from influence_sim.engine.respond import trust_of
from influence_sim.strategies.base import BrandView, Order, PaidImpressions, SponsoredPost
from influence_sim.world import columns

if TYPE_CHECKING:
    from influence_sim.engine.simulation import Simulation
    from influence_sim.model import InfluenceModel
    from influence_sim.strategies.base import Strategy

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Publish:
    """Intent of a creator: `count` organic posts today instead of the default draw."""

    count: int


@dataclass(frozen=True)
class Share:
    """Intent of a person: pass post `post` (a row, as in `user.seen` or `creator.post_rows`) on to followers in the next round."""

    post: int


PersonIntents: TypeAlias = Share | Publish | Iterable[Share | Publish] | None
BrandIntents: TypeAlias = Order | Iterable[Order] | None


class Column:
    """Read one column of the engine at the agent's row, through the agent's own model.

    Parameters
    ----------
    path : str
        Table and column of the simulation, such as ``people.interests``.
    at : str
        Attribute of the agent that holds its row.
    brand : bool
        The column has one entry per person and brand; read the brand under study.
    writable : bool
        Rules may set it; the value must lie in the declared range.
    """

    def __init__(self, path: str, at: str = "row", brand: bool = False, writable: bool = False) -> None:
        self.table, self.name = path.split(".")
        self.at, self.brand, self.writable = at, brand, writable

    def __get__(self, agent: Any, owner: type | None = None) -> Any:
        if agent is None:
            return self
        row = getattr(agent, self.at)
        value = getattr(getattr(agent.model.simulation, self.table), self.name)[(row, 0) if self.brand else row]
        if np.ndim(value) == 0:
            return value.item()
        value.flags.writeable = False  # a view of the row: live, but not a back door
        return value

    def __set__(self, agent: Any, value: float) -> None:
        if not self.writable:
            raise AttributeError(f"{type(agent).__name__}.{self.name} follows from the simulation and cannot be set")
        hint = get_type_hints(getattr(columns, self.table.capitalize()), include_extras=True)[self.name]
        declared: columns.Column = hint.__metadata__[0]
        if not declared.low <= value <= declared.high:
            raise ValueError(f"{self.name} must be {declared.low:g} to {declared.high:g} {declared.unit}, got {value!r}")
        agent.model.own_column(self.table, self.name)[getattr(agent, self.at)] = value


class User(mesa.Agent):  # type: ignore[misc] # Mesa is untyped
    """A person. `row` is the row in the columns, `unique_id` is row + 1.

    Override `step` to give people a rule of their own; it returns `Share` intents. Everything
    else they do (watching, liking, following, buying) stays with the engine.
    """

    model: InfluenceModel
    interests = Column("people.interests")  # (K,) tastes, sum to one
    estimate = Column("people.estimate")  # (K,) what the platform believes of them
    views = Column("people.views")  # mean feed slots a day
    knowledge = Column("people.knowledge", writable=True)
    sharing = Column("people.sharing", writable=True)
    price_sensitivity = Column("people.price_sensitivity", writable=True)
    community = Column("people.community")
    sponsored_seen = Column("viewers.saturation")  # smoothed share of sponsored posts among those seen
    purchases = Column("leads.purchases", brand=True)  # realised purchases of the brand under study
    expected_purchases = Column("leads.expected", brand=True)

    def __init__(self, model: InfluenceModel, row: int) -> None:
        self.row = int(row)  # the model reads it when Mesa registers the agent
        super().__init__(model)

    def step(self) -> PersonIntents:
        """Return nothing: the engine's rule. Override it to return a `Share`, several, or None."""
        return None

    @property
    def name(self) -> Any:
        """The node this person is in `model.graph`: its name in a loaded graph, else the row."""
        names = self.model.simulation.world.names
        return self.row if names is None else names[self.row]

    @property
    def is_creator(self) -> bool:
        """Whether this person is a creator."""
        return isinstance(self, Creator)

    @property
    def aware(self) -> bool:
        """Whether the person knows the brand under study."""
        return bool(self.model.simulation.leads.aware[self.row, 0])

    @property
    def considering(self) -> bool:
        """Whether the person thinks of buying from the brand under study."""
        return bool(self.model.simulation.leads.considering[self.row, 0])

    @property
    def follows(self) -> list[Creator]:
        """The creators this person follows now."""
        table = self.model.simulation.acquaintances
        rows = slice(table.start[self.row], table.start[self.row + 1])
        followed = table.creator[rows][table.follows[rows] == 1]
        return [self.model.creator(c) for c in followed if c < self.model.simulation.modelled]

    @property
    def seen(self) -> Array:
        """Rows of posts that were shown to this person, in order of publication; those too old to be shown again may be missing."""
        sets = self.model.simulation.seen
        keys = sets.key[sets.start[self.row] : sets.start[self.row + 1]]
        return np.sort(keys[keys > 0].astype(np.int64) - 1)

    def trust_in(self, creator: Creator) -> float:
        """Return trust in a creator, 0 to 1: the evidence so far on top of the creator's reputation."""
        s = self.model.simulation
        good, bad, keep = 0.0, 0.0, 1.0
        pair = self._pair(creator)
        if pair >= 0:
            keep = float(s.decays.trust[s.day - s.acquaintances.touched[pair]])
            good, bad = float(s.acquaintances.good[pair]), float(s.acquaintances.bad[pair])
        weight = float(s.market.ties.reputation_weight)
        return float(trust_of(good * keep, bad * keep, creator.reputation, weight))  # type: ignore[no-untyped-call]

    def tie_to(self, creator: Creator) -> float:
        """Return the parasocial tie to a creator, 0 to 1; it fades without contact."""
        s, pair = self.model.simulation, self._pair(creator)
        if pair < 0:
            return 0.0
        return float(s.acquaintances.tie[pair] * s.decays.tie[s.day - s.acquaintances.touched[pair]])

    def _pair(self, creator: Creator) -> int:
        if creator.model is not self.model:
            raise ValueError("this creator belongs to another model")
        table = self.model.simulation.acquaintances
        low, high = int(table.start[self.row]), int(table.start[self.row + 1])
        at = low + int(np.searchsorted(table.creator[low:high], creator.creator_row))
        return at if at < high and table.creator[at] == creator.creator_row else -1


class Creator(User):
    """A person who posts. `creator_row` is the id that orders and tables use.

    Override `step` to return `Publish(n)`, `Share` intents, or None for the engine's rule.
    """

    topics = Column("creators.topics", at="creator_row")  # (K,) sum to one
    reputation = Column("creators.reputation", at="creator_row")  # smoothed mean trust of followers
    authenticity = Column("creators.authenticity", at="creator_row", writable=True)
    ability = Column("creators.ability", at="creator_row", writable=True)  # mean quality of posts
    asking = Column("creators.asking", at="creator_row", writable=True)  # asked fee over the market's fee law
    posting = Column("creators.posting", at="creator_row")  # organic posts a day, on average
    form = Column("creators.form", at="creator_row")

    def __init__(self, model: InfluenceModel, row: int) -> None:
        self.creator_row = int(model.simulation.people.creator[row])
        super().__init__(model, row)

    def step(self) -> PersonIntents:
        """Return nothing: the engine's rule. Override it to return `Publish(n)`, `Share` intents, or None."""
        return None

    @property
    def followers(self) -> float:
        """Real followers now."""
        s = self.model.simulation
        return float(s.followers[self.creator_row] * s.world.people_per_agent)

    @property
    def fee(self) -> float:
        """Fee quoted this morning for one sponsored post, in USD; NaN when the creator refuses the brand."""
        return float(self.model.view.fee[self.creator_row])

    @property
    def post_rows(self) -> Array:
        """Rows of this creator's posts so far, oldest first."""
        s = self.model.simulation
        return np.flatnonzero(s.posts.creator[: s.post_count] == self.creator_row)

    @property
    def posts(self) -> Any:
        """Records of this creator's posts as they stand now; counters are agents', times `model.people_per_agent` is real."""
        return self.model.simulation.posts[self.post_rows]

    @property
    def planned_posts(self) -> int:
        """Organic posts the engine's own rule draws for today."""
        return int(self.model.planned_posts[self.creator_row])


class Brand(mesa.Agent):  # type: ignore[misc] # Mesa is untyped
    """The brand under study.

    Override `step` to return today's orders (a list, possibly empty), or None to leave the
    morning to its strategy; `plan()` is what the strategy would order.
    """

    model: InfluenceModel

    def __init__(self, model: InfluenceModel, row: int = 0) -> None:
        self.row = int(row)
        super().__init__(model)

    def step(self) -> BrandIntents:
        """Return nothing: the strategy decides. Override it to return orders, or None."""
        return None

    @property
    def strategy(self) -> Strategy | None:
        """The strategy of this arm; None is the control."""
        return self.model.simulation.strategy

    @property
    def view(self) -> BrandView:
        """What the brand can observe this morning, one entry per creator."""
        return self.model.view

    @property
    def budget(self) -> float:
        """Money given at the start, in USD."""
        return self.model.simulation.budget

    @property
    def money_left(self) -> float:
        """Money neither spent nor promised, in USD."""
        return self.model.simulation.ledger.left

    @property
    def spend(self) -> float:
        """Money spent so far, in USD."""
        return self.model.simulation.ledger.paid

    @property
    def reach(self) -> float:
        """Real people reached so far."""
        s = self.model.simulation
        return float((s.leads.reached[:, self.row] > 0).sum()) * s.world.people_per_agent

    @property
    def expected_purchases(self) -> float:
        """Expected purchases so far, given what was seen, in real people."""
        return self._sum("expected")

    @property
    def purchases(self) -> float:
        """Realised purchases so far, in real people."""
        return self._sum("purchases")

    @property
    def hired(self) -> list[Creator]:
        """Creators hired so far, by id."""
        return [self.model.creator(c) for c in sorted(self.model.simulation.ledger.hired)]

    def plan(self) -> list[Order]:
        """Return what the strategy orders this morning; nothing without a strategy or money."""
        return self.strategy.plan(self.view) if self.strategy is not None and self.budget > 0 else []

    def sponsor(
        self, creator: Creator, day: int | None = None, disclosure: Literal["none", "hashtag", "label"] = "label", **terms: Any
    ) -> SponsoredPost:
        """Return an order for one post of `creator`, today unless `day` says otherwise; `terms` as in `SponsoredPost`."""
        return SponsoredPost(creator.creator_row, self.model.day if day is None else day, disclosure, **terms)

    def advertise(
        self,
        spend: float,
        days: int = 1,
        format: Literal["infeed", "takeover", "challenge", "effect"] = "infeed",
        creator: Creator | None = None,
    ) -> PaidImpressions:
        """Return an order for bought impressions from today on; `creator` is whose post is boosted."""
        return PaidImpressions(spend, self.model.day, days, format, None if creator is None else creator.creator_row)

    def _sum(self, column: str) -> float:
        s = self.model.simulation
        return float(getattr(s.leads, column)[:, self.row].sum()) * s.world.people_per_agent


def has_own_step(agent_class: type) -> bool:
    """Tell whether a class overrides `step` of `User`, `Creator` or `Brand`."""
    return getattr(agent_class, "step", None) not in (User.step, Creator.step, Brand.step)


@dataclass(frozen=True)
class WithClasses:
    """Hook of `with_classes`: gives a simulation Mesa agents of these classes before its first day."""

    creator_class: type[Creator]
    brand_class: type[Brand]
    user_class: type[User]

    def __call__(self, simulation: Simulation) -> None:
        """Attach a model with these classes to the simulation."""
        from influence_sim.model import InfluenceModel

        InfluenceModel.attach(simulation, self.creator_class, self.brand_class, self.user_class)


def with_classes(
    creator_class: type[Creator] = Creator, brand_class: type[Brand] = Brand, user_class: type[User] = User
) -> Callable[[Simulation], None]:
    """Return what `compare(scenario, agents=...)` takes, so that agents of your own classes act in every arm.

    Classes written in a notebook or script travel to worker processes by value; those of a module must be importable there.
    A Brand acts in every arm: look at `self.strategy`, or return None, where one arm is to stay as it is.
    The control has no money, whatever its brand orders.
    """
    return WithClasses(creator_class, brand_class, user_class)
