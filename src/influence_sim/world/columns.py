"""State as struct of arrays: every column is declared once with dtype, shape, unit and range.

Shapes are named: `people` N, `creators` C (the modelled creators, then one account per brand),
`topics` K, `brands` B, `edges`.  Plain NumPy; Mesa agents are views on these columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, NamedTuple, get_type_hints

import numpy as np

from influence_sim.jit import kernel

Array = np.ndarray[Any, Any]


class Column(NamedTuple):
    """Declaration of one column: dtype, named shape, unit, inclusive range and meaning."""

    dtype: str
    shape: tuple[str, ...]
    unit: str
    low: float
    high: float
    meaning: str


class People(NamedTuple):
    """One row per person; creators are people too."""

    interests: Annotated[Array, Column("f4", ("people", "topics"), "share", 0, 1, "True tastes, rows sum to one")]
    estimate: Annotated[Array, Column("f4", ("people", "topics"), "share", 0, 1, "The platform's estimate of the tastes")]
    views: Annotated[Array, Column("f8", ("people",), "views/day", 0, 5000, "Mean slots watched per day")]
    minor: Annotated[Array, Column("u1", ("people",), "flag", 0, 1, "Aged 13-17")]
    knowledge: Annotated[Array, Column("f8", ("people",), "0-1", 0, 1, "Persuasion knowledge")]
    sharing: Annotated[Array, Column("f8", ("people",), "ln", -20, 20, "Log propensity to share, relative to the mean person")]
    price_sensitivity: Annotated[Array, Column("f8", ("people",), "ratio", 0, 1e3, "Sensitivity to price")]
    community: Annotated[Array, Column("i4", ("people",), "id", 0, 2**31 - 1, "Community")]
    creator: Annotated[Array, Column("i4", ("people",), "id", -1, 2**31 - 1, "Creator row of this person, or -1")]
    joined: Annotated[Array, Column("i4", ("people",), "day", -1, 2**31 - 1, "Day on which this person joins; -1 was there before")]


class Creators(NamedTuple):
    """One row per creator, then one account per brand."""

    person: Annotated[Array, Column("i4", ("creators",), "id", -1, 2**31 - 1, "Person row; -1 for a brand's account")]
    key: Annotated[Array, Column("i8", ("creators",), "word", 0, 2**32 - 1, "Word in random keys: a creator's row; 2**31 + brand for accounts")]
    topics: Annotated[Array, Column("f8", ("creators", "topics"), "share", 0, 1, "Topics, rows sum to one")]
    appeal: Annotated[Array, Column("f8", ("creators",), "sd", -20, 20, "Standardised appeal, which attracted the followers")]
    ability: Annotated[Array, Column("f8", ("creators",), "sd of match", -20, 20, "Mean quality of posts")]
    posting: Annotated[Array, Column("f8", ("creators",), "posts/day", 0, 1000, "Organic posting rate")]
    authenticity: Annotated[Array, Column("f8", ("creators",), "0-1", 0, 1, "Perceived authenticity")]
    asking: Annotated[Array, Column("f8", ("creators",), "ratio", 0, 1e3, "Asked fee over the market's fee law")]
    reservation: Annotated[Array, Column("f8", ("creators",), "ratio", 0, 1e3, "Lowest fee accepted over the market's fee law")]
    fit_required: Annotated[Array, Column("f8", ("creators",), "cosine", 0, 2, "Lowest brand fit accepted")]
    form: Annotated[Array, Column("f8", ("creators",), "sd of match", -20, 20, "Today's form (AR 1)")]
    reputation: Annotated[Array, Column("f8", ("creators",), "0-1", 0, 1, "Mean trust of those acquainted, smoothed")]
    retrievable: Annotated[Array, Column("u1", ("creators",), "flag", 0, 1, "Posts may be retrieved by the feed; ads never are")]


class Edges(NamedTuple):
    """Follows in rows sorted by (follower, target): CSR over people. `weight` is empty where every edge has 1."""

    start: Annotated[Array, Column("i8", ("people+1",), "row", 0, 2**62, "First row of each follower")]
    target: Annotated[Array, Column("i4", ("edges",), "id", 0, 2**31 - 1, "Person row that is followed (creator or not)")]
    weight: Annotated[Array, Column("f8", ("edges",), "probability", 0, 1, "Transmission probability of the edge; empty: 1 for all")]

    def weights(self) -> Array:
        """Return the weight (E,) of every edge."""
        return self.weight if len(self.weight) else np.ones(len(self.target))


@kernel
def _faults(start, target):
    """Return how many rows follow themselves, and how many are not above the one before."""
    selfish = 0
    unsorted = 0
    for i in range(len(start) - 1):
        for row in range(start[i], start[i + 1]):
            selfish += target[row] == i
            unsorted += row > start[i] and target[row] <= target[row - 1]
    return selfish, unsorted


@dataclass
class World:
    """What exists before the first day.

    `names[i]` is the node a loaded graph gave person i (None when generated); `brand_topics` (B, K)
    are unit vectors; `people_per_agent` = population / people.
    """

    people: People
    creators: Creators
    follows: Edges
    brand_topics: Array
    people_per_agent: float
    names: list[Any] | None = None

    @property
    def size(self) -> int:
        """Number of simulated people."""
        return len(self.people.views)

    def validate(self) -> None:
        """Check shapes, dtypes, NaN, ranges and ids; raise `ValueError` naming the column."""
        n, (b, k) = self.size, self.brand_topics.shape
        dims = {"people": n, "people+1": n + 1, "topics": k, "brands": b, "creators": len(self.creators.person), "edges": len(self.follows.target)}
        for field in fields(self)[:3]:
            table = getattr(self, field.name)
            for name, hint in get_type_hints(type(table), include_extras=True).items():
                column: Column = hint.__metadata__[0]
                values = getattr(table, name)
                want = (0,) if name == "weight" and not len(values) else tuple(dims[d] for d in column.shape)
                if values.shape != want or values.dtype != np.dtype(column.dtype):
                    raise ValueError(f"{field.name}.{name}: {values.dtype}{values.shape}, expected {column.dtype}{want}")
                if values.size and not (values.min() >= column.low and values.max() <= column.high):
                    raise ValueError(f"{field.name}.{name}: outside [{column.low}, {column.high}] {column.unit}, or NaN")
        start, target = self.follows.start, self.follows.target
        if start[0] != 0 or start[-1] != len(target) or (np.diff(start) < 0).any():
            raise ValueError("follows.start: not a row index")
        if len(target) and target.max() >= n:
            raise ValueError("follows.target: unknown person")
        selfish, unsorted = _faults(start, target)
        if selfish:
            raise ValueError("follows: somebody follows themselves")
        if unsorted:
            raise ValueError("follows: rows not sorted by (follower, target) or repeated")
