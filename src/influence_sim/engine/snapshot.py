"""Keep a running simulation in one file, and go on from there as if it had never stopped.

The file has two lines of text (what it is; SHA-256 of all that follows) and then a zip archive:
`header.json` and one `.npy` array per column. It holds the world, needs no other file, and nothing in
it is executed. Equal states give equal files.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import zipfile
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np

from influence_sim._version import MODEL_VERSION, __version__
from influence_sim.engine.constants import boredom
from influence_sim.engine.contracts import Campaign, Commission, Flight, Ledger
from influence_sim.engine.publish import ring
from influence_sim.engine.rules import RULES
from influence_sim.engine.simulation import Simulation
from influence_sim.engine.state import POST, Array, records
from influence_sim.events import build_event
from influence_sim.jit import CACHE_DIR
from influence_sim.scenario.parameters import Market
from influence_sim.strategies import build_strategy
from influence_sim.strategies.base import PaidImpressions, SponsoredPost
from influence_sim.world.columns import Creators, Edges, People, World

FORMAT = 1
_KIND = b"influence_sim snapshot, format "
_SUM = b"sha256 "
_WORLD: dict[str, Any] = {"people": People, "creators": Creators, "follows": Edges}
_ORDERS = {kind.__name__: kind for kind in (SponsoredPost, PaidImpressions)}

# How each attribute of a simulation comes back; a test finds the one that was forgotten.
ARRAYS = (
    "viewers", "leads", "career", "tags", "followers", "quotas", "stage_memory", "stage_count", "ordinals", "outside", "brands", "credit",
)  # fmt: skip
TABLES = ("acquaintances", "seen", "inbox")
HISTORIES = ("items", "stage_ends", "sales")  # a table per round, kept as one
NUMBERS = ("day", "horizon", "first_live", "post_count")
SAVED = (
    *ARRAYS, *TABLES, *NUMBERS, "world", "people", "creators", "market", "base_market", "events", "rules", "campaigns", "posts",
    "themes", "pending", "daily", *HISTORIES,
)  # fmt: skip
# Made by the constructor from the above.
DERIVED = (
    "accounts", "modelled", "amateur", "boredom", "category_floor", "fit", "friends", "ring", "decays", "day_curve", "sampled",
    "threads", "_desks",
)  # fmt: skip
# Of the day that has passed, made anew every morning; and what belongs to others (rules of agents, a log).
NOT_KEPT = ("today", "views", "belief", "slots", "wish", "open_share", "heat", "intents", "log", "witness",
            "round", "_openings", "_traces", "_paid_before")  # fmt: skip


class SnapshotError(Exception):
    """A snapshot cannot be written or read; nothing was changed."""

    exit_code = 3


def save_snapshot(simulation: Simulation, path: str | os.PathLike[str], packed: bool = True) -> None:
    """Write a simulation to `path`, whole or not at all; an earlier snapshot is replaced.

    Own rules of Mesa agents, and what such agents remember, are not part of it.

    Parameters
    ----------
    simulation : Simulation
        Between two days, at any day.
    path : path
        One file; any suffix.
    packed : bool
        Compress: a fifth of the size, in six times the time.

    Raises
    ------
    SnapshotError
        When `path` is something else than a snapshot, a day is under way, the strategy or an event is not registered,
        or people have names that are neither numbers nor text.
    OSError
        When the file cannot be written.
    """
    target = Path(path)
    check_target(target)
    if simulation.under_way:
        raise SnapshotError(f"day {simulation.day} is under way: a snapshot is taken between two days")
    header, arrays = _header(simulation), _arrays(simulation)
    building = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with building.open("w+b") as stream:
            stream.write(_KIND + b"%d\n" % FORMAT + _SUM)
            place = stream.tell()
            stream.write(b"0" * 64 + b"\n")
            start = stream.tell()
            with zipfile.ZipFile(stream, "w") as archive:
                with archive.open(_member("header.json", packed), "w") as out:
                    out.write(json.dumps(header, default=_plain).encode())
                for name, values in arrays.items():
                    with archive.open(_member(f"{name}.npy", packed), "w", force_zip64=True) as out:
                        np.lib.format.write_array(out, np.ascontiguousarray(values), allow_pickle=False)
            stream.seek(start)
            digest = _sha256(stream)
            stream.seek(place)
            stream.write(digest.encode())
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(building, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            building.unlink()


def differences(one: Simulation, other: Simulation) -> list[str]:
    """Return in what two simulations, whatever their day, are not the same run."""
    found = [name for name in ("strategy", "budget", "horizon", "events") if getattr(one, name) != getattr(other, name)]
    found += [] if one.base_market == other.base_market else ["market"]
    found += [name for name in ("seed", "replication") if one.rules[name] != other.rules[name]]
    columns = [getattr(getattr(s.world, table), name) for s in (one, other) for table, kind in _WORLD.items() for name in kind._fields]
    half = len(columns) // 2
    return found + ([] if all(map(np.array_equal, columns[:half], columns[half:])) else ["world"])


def load_snapshot(path: str | os.PathLike[str], threads: int = 1) -> Simulation:
    """Return the simulation kept in `path`; the rest of the run is byte-identical to one never stopped.

    Parameters
    ----------
    path : path
        Written by `save_snapshot` with the same versions of this package, Python, NumPy and numba.
    threads : int
        Threads that serve people; the result does not depend on it.

    Raises
    ------
    SnapshotError
        When the file is no snapshot, damaged, of another version, or needs a strategy or event that
        is not registered here.
    OSError
        When the file cannot be read.
    """
    with Path(path).open("rb") as stream:
        kind = stream.readline(100)
        if not kind.startswith(_KIND) or not kind.endswith(b"\n"):
            raise SnapshotError(f"{path} is not a snapshot of a simulation")
        if kind != _KIND + b"%d\n" % FORMAT:
            raise SnapshotError(f"{path} has snapshot format {_text(kind[len(_KIND) :])}; this version reads format {FORMAT}")
        said = stream.readline(100)
        if said != _SUM + _sha256(stream).encode() + b"\n":
            raise SnapshotError(f"{path} is damaged or cut short: its contents do not have the checksum written in it")
        try:
            with zipfile.ZipFile(stream) as archive:
                header = json.loads(archive.read("header.json"))
                _same_engine(header["engine"])
                return _restored(header, _Kept(archive), threads)
        except SnapshotError as error:
            raise SnapshotError(f"{path}: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
            raise SnapshotError(f"{path} was not written by save_snapshot: {error}") from error


# ------------------------------------------------------------------------ file


def check_target(target: Path) -> None:
    """Raise `SnapshotError` when something stands at `target` that is not an earlier snapshot."""
    if not target.exists():
        return
    if target.is_file():
        with target.open("rb") as stream:
            if stream.read(len(_KIND)) == _KIND:
                return
    raise SnapshotError(f"{target} exists and is not a snapshot: choose another name")


def _member(name: str, packed: bool) -> zipfile.ZipInfo:
    # A fixed time, so that equal states give equal files.
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    info._compresslevel = 1  # type: ignore[attr-defined] # public as `compress_level` from Python 3.13
    return info


def _sha256(stream: IO[bytes]) -> str:
    """Return the digest from here to the end."""
    start, digest = stream.tell(), hashlib.sha256()
    for chunk in iter(partial(stream.read, 1 << 20), b""):
        digest.update(chunk)
    stream.seek(start)
    return digest.hexdigest()


class _Kept:
    """The arrays of a snapshot, each read when it is asked for: a large run must not be in memory twice."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

    def __getitem__(self, name: str) -> Array:
        with self._archive.open(f"{name}.npy") as stream:
            values: Array = np.lib.format.read_array(stream, allow_pickle=False)
            return values

    def of(self, table: str) -> dict[str, Array]:
        """Return the columns of a table that were kept, by name."""
        return {name.partition(".")[2]: self[name] for name in self.names if name.startswith(f"{table}.")}


def _engine() -> dict[str, str]:
    """Return what must be the same for the rest of a run to be the same: the last word is of all engine sources."""
    return {
        "package": __version__,
        "model": MODEL_VERSION,
        "python": platform.python_version(),
        "processor": platform.machine(),
        "numba": version("numba"),
        "numpy": np.__version__,
        "engine": CACHE_DIR.name,
    }


def _same_engine(theirs: dict[str, str]) -> None:
    ours = _engine()
    if theirs != ours:
        told = [f"{name} {theirs.get(name)} there, {ours[name]} here" for name in ours if theirs.get(name) != ours[name]]
        raise SnapshotError(f"made by another version ({'; '.join(told)}): the run would not go on unchanged, so start it again")


def _text(line: bytes) -> str:
    return ascii(line.strip().decode("ascii", "replace")).strip("'")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"cannot be kept in a file: {value!r}")


# ------------------------------------------------------------------------ save


def _header(s: Simulation) -> dict[str, Any]:
    events = [_named("event", event) for event in s.events]
    names = s.world.names
    if names is not None:
        names = [name.item() if isinstance(name, np.generic) else name for name in names]
        odd = next((name for name in names if type(name) not in (int, str)), None)
        if odd is not None:
            raise SnapshotError(f"people are called by things like {odd!r}; a snapshot keeps numbers and text")
    return {
        "engine": _engine(),
        "world": {"people_per_agent": s.world.people_per_agent, "names": names},
        "market": s.market.model_dump(mode="json"),
        "base_market": s.base_market.model_dump(mode="json"),
        "events": events,
        "numbers": {name: getattr(s, name) for name in NUMBERS},
        "campaigns": [
            {"brand": x.brand, "strategy": None if x.strategy is None else _named("strategy", x.strategy), "ledger": _ledger_out(x.ledger)}
            for x in s.campaigns
        ],
        "daily": s.daily,
    }


def _named(kind: str, plugin: Any) -> dict[str, Any]:
    """Return name and parameters of a strategy or event, from which it can be built again."""
    if plugin.registry.get(plugin.name) is not type(plugin):
        raise SnapshotError(f"{kind} {type(plugin).__name__} is not registered under a name, so it could not be built again")
    return {"name": plugin.name, "params": plugin.model_dump(mode="json")}


def _arrays(s: Simulation) -> dict[str, Array]:
    world = s.world
    found: dict[str, Array] = {"world.brand_topics": world.brand_topics, "rules": np.asarray(s.rules).reshape(1)}
    for table in _WORLD:
        found |= {f"world.{table}.{name}": values for name, values in getattr(world, table)._asdict().items()}
    for table in ("people", "creators"):
        for name, values in getattr(s, table)._asdict().items():
            if values is not getattr(getattr(world, table), name):
                found[f"{table}.{name}"] = values
    found |= {name: getattr(s, name) for name in ARRAYS}
    for table in TABLES:
        found |= {f"{table}.{name}": values for name, values in getattr(s, table)._asdict().items()}
    found |= {"posts": s.posts[: s.post_count], "themes": s.themes[: s.post_count]}
    found["pending"] = np.array(s.pending, np.int64).reshape(-1, 2)
    for history in HISTORIES:
        rounds = getattr(s, history)
        if rounds:
            found |= {f"{history}.{name}": np.concatenate([part[name] for part in rounds]) for name in rounds[0]}
    return found


def _ledger_out(ledger: Ledger) -> dict[str, Any]:
    def order(o: Any) -> dict[str, Any]:
        return {"kind": type(o).__name__, **asdict(o)}

    return {
        "budget": ledger.budget,
        "paid": ledger.paid,
        "reserved": ledger.reserved,
        "items": ledger.items,
        "withdrawn": ledger.withdrawn,
        "bills": ledger.bills,
        "cpms": ledger.cpms,
        "reasons": ledger.reasons,
        "hired": sorted(int(c) for c in ledger.hired),
        "booked": [order(o) for o in ledger.booked],
        "commissions": [asdict(deal) for deal in ledger.commissions],
        "ads": [order(o) for o in ledger.ads],
        "flights": [asdict(flight) for flight in ledger.flights],
        "refused": [order(o) for o in ledger.refused],
    }


# --------------------------------------------------------------------- restore


def _ledger_in(kept: dict[str, Any]) -> Ledger:
    def orders(rows: list[dict[str, Any]]) -> list[Any]:
        return [_ORDERS[row["kind"]](**{name: value for name, value in row.items() if name != "kind"}) for row in rows]

    lists: dict[str, Any] = {name: orders(kept[name]) for name in ("booked", "ads", "refused")}
    flights = [Flight(**row) for row in kept["flights"]]
    plain: dict[str, Any] = {name: kept[name] for name in ("budget", "paid", "reserved", "items", "withdrawn", "bills", "cpms", "reasons")}
    deals = [Commission(**row) for row in kept["commissions"]]
    return Ledger(**plain, **lists, hired=set(kept["hired"]), commissions=deals, flights=flights)


def _restored(header: dict[str, Any], arrays: _Kept, threads: int) -> Simulation:
    def column(values: Array) -> Array:
        """Return kept values as kernels were compiled for them."""
        if values.dtype.names is None:
            return values
        made: Array = records(values.shape, values.dtype)
        made[:] = values
        return made

    def table(kind: Any, prefix: str) -> Any:
        return kind(**{name: column(arrays[f"{prefix}.{name}"]) for name in kind._fields})

    tables = {name: table(kind, f"world.{name}") for name, kind in _WORLD.items()}
    world = World(brand_topics=arrays["world.brand_topics"], **tables, **header["world"])
    world.validate()
    numbers, campaigns = header["numbers"], header["campaigns"]
    rules = records(1, RULES)
    rules[:] = arrays["rules"]
    campaigns = header["campaigns"]
    try:
        strategies = [None if (x := row["strategy"]) is None else build_strategy(x["name"], x["params"]) for row in campaigns]
        events = [build_event({"event": event["name"], **event["params"]}) for event in header["events"]]
    except (KeyError, ValueError) as error:
        reason = error.args[0] if error.args else error
        raise SnapshotError(f"{reason}; import the module that defines it before loading") from error
    made = Simulation(
        world,
        Market.model_validate(header["base_market"]),
        horizon=numbers["horizon"],
        path_seed=int(rules[0].seed),
        replication=int(rules[0].replication),
        threads=threads,
        events=events,
    )
    made.market, made.rules = Market.model_validate(header["market"]), rules[0]
    made.boredom = boredom(made.rules)
    for name, value in numbers.items():
        setattr(made, name, value)
    for name in ("people", "creators"):
        setattr(made, name, getattr(made, name)._replace(**arrays.of(name)))
    # People who opened an account since the first day stand behind those the constructor knows.
    made.ring, accounts = ring(made.market, made.creators), len(made.creators.person)
    made.belief, made.heat = np.zeros(accounts), np.zeros(accounts, np.int64)
    for name in ARRAYS:
        setattr(made, name, _like(getattr(made, name), arrays[name], name))
    for name in TABLES:
        setattr(made, name, table(type(getattr(made, name)), name))
    count = made.post_count
    themes = arrays["themes"]
    made.posts, made.themes = records(max(256, count), POST), np.zeros((max(256, count), themes.shape[1]))
    made.posts[:count], made.themes[:count] = arrays["posts"], themes
    made.pending = [(int(person), int(post)) for person, post in arrays["pending"]]
    for history in HISTORIES:
        whole = arrays.of(history)
        setattr(made, history, [whole] if whole else [])
    made.campaigns = [
        Campaign(row["brand"], strategy, _ledger_in(row["ledger"])) for row, strategy in zip(campaigns, strategies, strict=True)
    ]
    made.daily = header["daily"]
    return made


def _like(model: Array, values: Array, name: str) -> Array:
    """Return kept values with the very type of `model`, which kernels were compiled for."""
    if values.dtype != model.dtype or values.ndim != model.ndim:
        raise ValueError(f"{name} is {values.dtype}, expected {model.dtype}")
    if values.dtype.names is None:
        return values
    made: Array = records(values.shape, model.dtype)
    made[:] = values
    return made
