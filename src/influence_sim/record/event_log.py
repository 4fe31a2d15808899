"""The event log: who did what to which post when, and why; streamed to one Parquet file.

Every table of a run can be counted again from it. `docs/reference/events.md` describes the columns.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from influence_sim.engine.state import BOUGHT, CLICK, COMMENT, FOLLOWED, LIKE, NEGATIVE, SHARE, SOURCES, SUBSCRIBE
from influence_sim.rng import Stream, uniforms

if TYPE_CHECKING:
    import pandas as pd

    from influence_sim.engine.simulation import Simulation

Array = np.ndarray[Any, Any]
FORMAT = 1
#: What can happen, in the order in which it happens within a slot.
ACTIONS = (
    "post", "impression", "like", "comment", "share", "follow", "not_interested", "click", "purchase", "unfollow", "promoted", "failed",
)  # fmt: skip
STAGES = 8  # the most stages a market can have
#: Why it happened: the source of the slot, the kind of a post, the evening, or the test stage that ended.
CAUSES = (*SOURCES, "organic", "sponsored", "evening", *(f"stage_{s}" for s in range(STAGES)))
COLUMNS = ("time", "person", "post", "action", "cause", "via", "watched", "follower")
_BITS = (LIKE, COMMENT, SHARE, SUBSCRIBE, NEGATIVE, CLICK, BOUGHT)  # actions 2 to 8
_POST, _IMPRESSION, _LIKE, _PURCHASE, _UNFOLLOW, _PROMOTED, _FAILED = (
    ACTIONS.index(a) for a in ("post", "impression", "like", "purchase", "unfollow", "promoted", "failed")
)
_ORGANIC, _SPONSORED, _EVENING, _STAGE = (CAUSES.index(c) for c in ("organic", "sponsored", "evening", "stage_0"))
# A round's first and last hundredth belong to its posts and to the evening, the rest to its slots: so
# everything a person does has a time of its own.
EDGE = 0.01
GROUP = 1 << 16  # rows of a row group, about: what is held in memory
BLOCK = 1 << 18  # slots turned into rows at a time


class EventLog:
    """A log that a simulation writes while it runs; open it with `with`.

    Parameters
    ----------
    path : path
        The Parquet file. It appears when the log is closed; until then, and after a failure, there is
        only `.NAME.part` beside it.
    people : int or sequence of int, optional
        Whose actions are kept: so many people, chosen by keyed dice (10 are among 20), or these rows.
        All by default. Posts, promotions and failures are kept whoever the author is.
    actions : sequence of str, optional
        Which of `ACTIONS` are kept; all by default.
    max_rows : int, optional
        Rows written at most; what comes later is only counted, in `left_out`.

    Attributes
    ----------
    written, left_out : int
        Events in the file, and events beyond `max_rows`.

    Raises
    ------
    ValueError
        For an unknown action, a number of people or rows below 1, or a row that does not exist.

    Examples
    --------
    >>> import tempfile, os
    >>> from influence_sim.engine import tiny_market
    >>> from influence_sim.engine.simulation import Simulation
    >>> from influence_sim.record import EventLog, read_events
    >>> from influence_sim.world.build import build_world
    >>> simulation = Simulation(build_world(tiny_market(), 0), tiny_market(), horizon=1)
    >>> file = os.path.join(tempfile.mkdtemp(), "events.parquet")
    >>> with EventLog(file, actions=["impression", "like"]) as simulation.log:
    ...     _ = simulation.run()
    >>> events = read_events(file)
    >>> len(events) == simulation.log.written > 0
    True
    """

    def __init__(
        self,
        path: str | Path,
        people: int | Sequence[int] | Array | None = None,
        actions: Sequence[str] | None = None,
        max_rows: int | None = None,
    ) -> None:
        self.path = Path(path)
        for name in actions or ():
            if name not in ACTIONS:
                near = difflib.get_close_matches(name, ACTIONS, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"no action is called {name!r}; there are: {', '.join(ACTIONS)}.{hint}")
        if max_rows is not None and max_rows < 1:
            raise ValueError(f"max_rows must be at least 1; got {max_rows}")
        if isinstance(people, int) and people < 1:
            raise ValueError(f"people must be at least 1; got {people}")
        self.actions = ACTIONS if actions is None else tuple(name for name in ACTIONS if name in actions)
        self.max_rows = max_rows
        self.written = self.left_out = 0
        self._asked = people
        self._people: Array | None = None  # rows; None: all
        self._facts: dict[str, Any] = {}
        self._waiting: list[Any] = []
        self._rows = 0
        self._writer: Any = None
        self._part = self.path.with_name(f".{self.path.name}.part")
        self._morning: tuple[Any, Array] | None = None
        self._bought: Array = np.zeros(0, np.int64)

    @property
    def complete(self) -> bool:
        """Whether everybody is logged."""
        return self._asked is None

    # ------------------------------------------------------------- life cycle

    def __enter__(self) -> Self:
        """Open the file beside the final one."""
        import pyarrow.parquet as pq

        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = pq.ParquetWriter(self._part, _schema(), compression="zstd")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Finish the file and give it its name; after a failure remove it."""
        try:
            if kind is None:
                self._flush()
                facts = {"format": FORMAT, "written": self.written, "left_out": self.left_out, "actions": list(self.actions)}
                facts["people"] = "all" if self._people is None else self._people.tolist()
                self._writer.add_key_value_metadata({"influence_sim": json.dumps({**facts, **self._facts})})
            self._writer.close()
            if kind is None:
                self._part.replace(self.path)
        finally:
            self._part.unlink(missing_ok=True)
            self._morning = None

    # ------------------------------------------------- called by a simulation

    def round(self, s: Simulation, r: int, new_posts: Array) -> None:
        """Write what happened in round r of the running day; called when the round is counted."""
        if self._writer is None:
            raise RuntimeError("the event log is not open; use `with EventLog(path) as simulation.log:`")
        if not self._facts:
            self._begin(s)
        if r == 0:
            table = s.acquaintances  # grows in place
            table = table._replace(creator=table.creator.copy(), follows=table.follows.copy())
            self._morning = table, s.leads.purchases[:, 0].copy()
            self._bought = np.zeros(s.world.size, np.int64)
        self._posts(s, new_posts)
        slots: Any = s.slots
        for low, high in _portions(slots.start):
            self._slots(s, r, slots, low, high)
        self._stages(s, r)

    def evening(self, s: Simulation) -> None:
        """Write unfollows and the purchases of the evening; called when the evening is over."""
        if self._morning is None:
            return
        before, purchases = self._morning
        self._morning = None
        n = s.world.size
        who, creator = self._follows(before, n)
        still = _members(*self._follows(s.acquaintances, n), who, creator, len(s.creators.person))
        left, whom = who[~still], s.creators.person[creator[~still]]
        rows = np.arange(n) if self._people is None else self._people
        buyers = np.repeat(rows, (s.leads.purchases[:, 0] - purchases - self._bought)[rows])
        person = np.concatenate([left, buyers])
        action = np.repeat([_UNFOLLOW, _PURCHASE], [len(left), len(buyers)])
        order = np.lexsort((action, person))
        via = np.concatenate([whom, np.full(len(buyers), -1)])
        person, action, via = person[order], action[order], via[order]
        rounds = s.market.feed.rounds_per_day
        time = s.day + 1 - EDGE / rounds * (1.0 - _place(person))
        self._write(time, person, np.full(len(person), -1), action, np.full(len(person), _EVENING), via, follower=action == _UNFOLLOW)

    # ------------------------------------------------------------------ parts

    def _begin(self, s: Simulation) -> None:
        n = s.world.size
        if isinstance(self._asked, int):
            if self._asked < n:
                keys = uniforms(s.rules.seed, Stream.EVENT_SAMPLE, s.rules.replication, np.arange(n))[:, 0]
                self._people = np.sort(np.argsort(keys, kind="stable")[: self._asked])
        elif self._asked is not None:
            self._people = np.unique(np.asarray(self._asked, np.int64))
            if len(self._people) == 0 or self._people[0] < 0 or self._people[-1] >= n:
                raise ValueError(f"people must be rows 0 to {n - 1}; got {list(self._asked)[:5]}")
        self._facts = {
            "agents": n,
            "people_per_agent": s.world.people_per_agent,
            "rounds_per_day": s.market.feed.rounds_per_day,
            "first_day": s.day,
            "path_seed": int(s.rules.seed),
            "replication": int(s.rules.replication),
        }

    def _posts(self, s: Simulation, rows: Array) -> None:
        posts = s.posts[rows]
        order = np.lexsort((posts.posted, posts.creator))
        rows, posts = rows[order], posts[order]
        place = _place(posts.creator.astype(np.int64))
        time = posts.posted + EDGE / s.market.feed.rounds_per_day * place
        cause = np.where(posts.sponsored == 1, _SPONSORED, _ORGANIC)
        self._write(time, s.creators.person[posts.creator], rows, np.full(len(rows), _POST), cause)

    def _slots(self, s: Simulation, r: int, slots: Any, low: int, high: int) -> None:
        start = slots.start
        people = np.arange(low, high) if self._people is None else self._people[(self._people >= low) & (self._people < high)]
        size = start[people + 1] - start[people]
        person = np.repeat(people, size)
        place = np.arange(len(person)) - np.repeat(np.cumsum(size) - size, size)
        row = np.repeat(start[people], size) + place
        action = slots.action[row]
        bought = np.flatnonzero((action & BOUGHT) != 0)
        np.add.at(self._bought, person[bought[s.posts.brand[slots.post[row[bought]]] == 0]], 1)
        filled = np.flatnonzero(slots.post[row] > -2)
        shown = "impression" in self.actions
        at, what = ([filled], [np.full(len(filled), _IMPRESSION)]) if shown else ([], [])
        for code, bit in enumerate(_BITS, _LIKE):
            if ACTIONS[code] in self.actions:
                at.append(np.flatnonzero((action & bit) != 0))
                what.append(np.full(len(at[-1]), code))
        if not at:
            return
        slot, code_of = np.concatenate(at), np.concatenate(what)
        order = np.lexsort((code_of, slot))
        slot, code_of = slot[order], code_of[order]
        row, person = row[slot], person[slot]
        part = (place[slot] + code_of / len(ACTIONS)) / (start[person + 1] - start[person])
        time = s.day + (r + EDGE + (1.0 - 2.0 * EDGE) * part) / s.market.feed.rounds_per_day
        watched = np.where(code_of == _IMPRESSION, slots.watch[row], np.nan)
        follower = (slots.action[row] & FOLLOWED) != 0
        self._write(time, person, slots.post[row], code_of, slots.source[row], slots.sharer[row], watched, follower)

    def _stages(self, s: Simulation, r: int) -> None:
        if not s.stage_ends:
            return
        ended = s.stage_ends[-1]
        # Stages may be switched off in mid-run: then the last ends are old ones.
        if len(ended["post"]) and ended["ended"][0] == s.day + (r + 1) / s.market.feed.rounds_per_day:
            action = np.where(ended["passed"], _PROMOTED, _FAILED)
            self._write(ended["ended"], np.full(len(action), -1), ended["post"], action, _STAGE + ended["stage"])

    def _follows(self, table: Any, n: int) -> tuple[Array, Array]:
        """Return (person, creator) of the follows of the people who are logged, in order."""
        if "unfollow" not in self.actions:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        people = np.arange(n) if self._people is None else self._people
        size = table.start[people + 1] - table.start[people]
        rows = np.repeat(table.start[people] - (np.cumsum(size) - size), size) + np.arange(size.sum())
        kept = table.follows[rows] == 1
        return np.repeat(people, size)[kept], table.creator[rows[kept]].astype(np.int64)

    def _write(
        self,
        time: Array,
        person: Array,
        post: Array,
        action: Array,
        cause: Array,
        via: Array | None = None,
        watched: Array | None = None,
        follower: Array | None = None,
    ) -> None:
        import pyarrow as pa

        kept = np.isin(action, [ACTIONS.index(name) for name in self.actions])
        room = len(time) if self.max_rows is None else self.max_rows - self.written
        keep = np.flatnonzero(kept)[:room]
        self.left_out += int(kept.sum()) - len(keep)
        self.written += len(keep)
        if len(keep) == 0:
            return
        n = len(time)
        columns = [
            pa.array(np.asarray(time, np.float64)[keep]),
            pa.array(np.asarray(person, np.int32)[keep]),
            pa.array(np.asarray(post, np.int32)[keep]),
            pa.DictionaryArray.from_arrays(pa.array(action[keep].astype(np.int8)), pa.array(ACTIONS)),
            pa.DictionaryArray.from_arrays(pa.array(cause[keep].astype(np.int8)), pa.array(CAUSES)),
            pa.array((np.full(n, -1) if via is None else via).astype(np.int32)[keep]),
            pa.array((np.full(n, np.nan) if watched is None else watched).astype(np.float32)[keep]),
            pa.array((np.zeros(n, bool) if follower is None else follower)[keep]),
        ]
        self._waiting.append(pa.RecordBatch.from_arrays(columns, schema=_schema()))
        self._rows += len(keep)
        if self._rows >= GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            import pyarrow as pa

            table = pa.Table.from_batches(self._waiting)
            self._writer.write_table(table, row_group_size=table.num_rows)
            self._waiting, self._rows = [], 0


def read_events(path: str | Path, actions: Sequence[str] | None = None) -> pd.DataFrame:
    """Return an event log as a table with `COLUMNS`; `action` and `cause` are categories.

    With `actions` only these are read, which saves memory: most events are impressions.

    `.attrs["events"]` has what the file says of itself: `format`, `written`, `left_out`, `actions`,
    `people` ("all" or rows), `agents`, `people_per_agent`, `rounds_per_day`, `first_day`, seeds.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is not an event log, or one of a newer format.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with Path(path).open("rb") as file:
        try:
            parquet = pq.ParquetFile(file)
        except pa.ArrowInvalid as problem:
            raise ValueError(f"{path} is not a Parquet file") from problem
        facts = json.loads((parquet.metadata.metadata or {}).get(b"influence_sim", b"{}"))
        if not facts:
            raise ValueError(f"{path} is not an event log")
        if facts["format"] > FORMAT:
            raise ValueError(f"{path} has format {facts['format']}; this version reads up to {FORMAT}")
        groups = [_chosen(parquet.read_row_group(g), actions) for g in range(parquet.num_row_groups)]
    table = pa.concat_tables([_schema().empty_table(), *groups]).unify_dictionaries()
    events: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    events.attrs["events"] = facts
    return events


def _chosen(table: Any, actions: Sequence[str] | None) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if actions is None:
        return table
    return table.filter(pc.is_in(table["action"].cast(pa.string()), pa.array(list(actions))))


def _schema() -> Any:
    import pyarrow as pa

    name = pa.dictionary(pa.int8(), pa.string())
    kinds = (pa.float64(), pa.int32(), pa.int32(), name, name, pa.int32(), pa.float32(), pa.bool_())
    return pa.schema([pa.field(column, kind, nullable=False) for column, kind in zip(COLUMNS, kinds, strict=True)])


def _portions(start: Array) -> Iterator[tuple[int, int]]:
    """Yield ranges of people with about `BLOCK` slots, so that memory does not grow with people."""
    low, n = 0, len(start) - 1
    while low < n:
        high = max(low + 1, int(np.searchsorted(start, start[low] + BLOCK, side="right")) - 1)
        yield low, min(high, n)
        low = high


def _place(group: Array) -> Array:
    """Return, for rows sorted by `group`, each row's place among its own as a fraction inside (0, 1)."""
    first, after = np.searchsorted(group, group), np.searchsorted(group, group, side="right")
    return (np.arange(len(group)) - first + 1) / (after - first + 1)


def _members(who: Array, what: Array, asked_who: Array, asked_what: Array, size: int) -> Array:
    """Tell which asked pairs are among (who, what), which are sorted."""
    pairs, asked = who * size + what, asked_who * size + asked_what
    if len(pairs) == 0:
        return np.zeros(len(asked), bool)
    return np.asarray(pairs[np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)] == asked)
