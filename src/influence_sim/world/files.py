"""Keep a world as a folder of plain `.npy` columns, and open it where it lies: processes that do share one copy in memory.

The folder holds one file per column and `world.json`, which is written last: its version, what the world was
made of, and the SHA-256 of every column. Nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim._version import MODEL_VERSION
from influence_sim.world.columns import Creators, Edges, People, World

if TYPE_CHECKING:
    from influence_sim.scenario.parameters import Market

Array = np.ndarray[Any, Any]
FORMAT = 1
HEADER = "world.json"
NAMES = "names.json"
MAX_HEADER = 1_000_000  # bytes; ours have some thousand
_KIND = "world of influence-sim"
_TABLES: dict[str, Any] = {"people": People, "creators": Creators, "follows": Edges}
# What `build_world` reads of a market; a test changes every parameter to see whether the world changes.
SHAPING = {
    "people": (
        "agents", "population", "topics", "interest_concentration", "communities", "views_per_day", "views_sigma", "minors_share",
        "persuasion_knowledge_adult", "persuasion_knowledge_minor", "persuasion_knowledge_younger", "younger_share", "sharing_sigma",
        "price_sensitivity_sigma", "newcomers", "arrival_days",
    ),
    "creators": (
        "count", "posts_per_day", "posting_sigma", "topic_concentration", "appeal_sigma", "appeal_ability_correlation", "ability_sd",
        "form_sd", "authenticity_mean", "authenticity_sd", "fit_required", "reservation",
    ),
    "graph": ("follows_per_person", "follows_sigma", "friends_per_person", "reciprocity", "topic_homophily", "community_bias"),
    "feed": ("initial_knowledge",),
    "prices": ("fee_sigma",),
    "brand": ("topic", "breadth", "posts_per_day", "authenticity"),
    "rivals": ("count",),
}  # fmt: skip


class WorldError(ValueError):
    """A world file cannot be used; the message says why."""


def shaping(market: Market) -> dict[str, Any]:
    """Return the parameters that decide what exists, by dotted name."""
    return {f"{group}.{name}": getattr(getattr(market, group), name) for group, names in SHAPING.items() for name in names}


def write_world(world: World, folder: Path, market: Market, seed: int, replication: int, graph: str | None = None) -> None:
    """Write a world into an empty folder; until the last file, the header, is there, the folder is no world.

    Parameters
    ----------
    world : World
        What `build_world(market, seed, replication)` returned.
    folder : Path
        Exists and is empty.
    market, seed, replication
        What it was built from.
    graph : str, optional
        Name of the file its follower graph came from.

    Raises
    ------
    WorldError
        When people have names that are neither whole numbers nor text.
    OSError
        When a file cannot be written.
    """
    columns = dict(_columns(world))
    for name, values in columns.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(values), allow_pickle=False)
    if world.names is not None:
        names = [name.item() if isinstance(name, np.generic) else name for name in world.names]
        odd = next((name for name in names if type(name) not in (int, str)), None)
        if odd is not None:
            raise WorldError(f"people are called by things like {odd!r}; a world file keeps numbers and text")
        (folder / NAMES).write_text(json.dumps(names), encoding="utf-8")
    files = [*(f"{name}.npy" for name in columns), *([NAMES] if world.names is not None else [])]
    header = {
        "kind": _KIND,
        "format": FORMAT,
        "model": MODEL_VERSION,
        "people": world.size,
        "follows": len(world.follows.target),
        "people_per_agent": world.people_per_agent,
        "parameters": shaping(market),
        "world_seed": seed,
        "replication": replication,
        "graph": graph,
        "sha256": {name: _sha256(folder / name) for name in files},
    }
    part = folder / f"{HEADER}.part"
    part.write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8", newline="\n")
    os.replace(part, folder / HEADER)


def read_header(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a world file says of itself: `people`, `follows`, `parameters`, `world_seed`, `replication`, `graph`, `sha256`.

    Raises
    ------
    WorldError
        When it is no world, or one of another version.
    """
    path = Path(folder) / HEADER
    try:
        with path.open("rb") as stream:
            header = json.loads(stream.read(MAX_HEADER))
    except (OSError, ValueError, RecursionError) as error:
        raise WorldError(f"{folder} is not a world that `influence-sim world` wrote: no readable {HEADER} in it") from error
    if not isinstance(header, dict) or header.get("kind") != _KIND:
        raise WorldError(f"{folder} is not a world that `influence-sim world` wrote: {HEADER} is of something else")
    if header.get("format") != FORMAT or header.get("model") != MODEL_VERSION:
        theirs, ours = f"format {header.get('format')}, model {header.get('model')}", f"format {FORMAT}, model {MODEL_VERSION}"
        raise WorldError(f"{folder} was written by another version ({theirs}; this one reads {ours}): write it again")
    return header


def open_world(folder: str | os.PathLike[str], verify: bool = True) -> World:
    """Return the world in a folder, its columns mapped into memory: pages are read when used, and shared between processes.

    Parameters
    ----------
    folder : path
        Written by `write_world` or `influence-sim world`.
    verify : bool
        Read everything once and compare with the checksums and declared ranges. Only what has just been written need not be.

    Raises
    ------
    WorldError
        When it is no world, of another version, incomplete or damaged.
    """
    where, header = Path(folder), read_header(folder)
    try:
        sums, people_per_agent = header["sha256"], float(header["people_per_agent"])
        if verify:
            for name, said in sums.items():
                if Path(name).name != name or _sha256(where / name) != said:
                    raise WorldError(f"{where / name} is damaged: it does not have the checksum written in {HEADER}")
        tables = {
            table: kind(**{name: mapped(where / f"{table}.{name}.npy") for name in kind._fields}) for table, kind in _TABLES.items()
        }
        names = json.loads((where / NAMES).read_text(encoding="utf-8")) if NAMES in sums else None
        world = World(brand_topics=mapped(where / "brand_topics.npy"), people_per_agent=people_per_agent, names=names, **tables)
        if verify:
            world.validate()
            if world.size != header["people"] or (names is not None and len(names) != world.size):
                raise WorldError(f"{folder} is damaged: {HEADER} counts other people than its columns")
    except WorldError:
        raise
    except (OSError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise WorldError(f"{folder} is damaged or cut short: {error}") from error
    return world


def check_fit(folder: str | os.PathLike[str], market: Market) -> None:
    """Raise `WorldError` when `market` asks for another world than the one in `folder`, naming every parameter that differs."""
    there, here = read_header(folder)["parameters"], shaping(market)
    wrong = [f"{name} is {there.get(name)} there, {here[name]} here" for name in here if there.get(name) != here[name]]
    if wrong:
        raise WorldError(f"{folder} was made for another market: {'; '.join(wrong)}. Write it again, or leave these as they are there")


def _columns(world: World) -> Iterator[tuple[str, Array]]:
    for table in _TABLES:
        for name, values in getattr(world, table)._asdict().items():
            yield f"{table}.{name}", values
    yield "brand_topics", world.brand_topics


def mapped(path: Path) -> Array:
    """Return the array in a `.npy` file, mapped into memory, writable to this process alone."""
    if path.stat().st_size < 4096:  # an empty array cannot be mapped, and a page of a tiny one saves nothing
        small: Array = np.load(path, allow_pickle=False)
        return small
    # Copy on write: nobody writes, so pages stay shared, and kernels see the writable arrays they are compiled for.
    return np.load(path, mmap_mode="c", allow_pickle=False).view(np.ndarray)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in iter(partial(stream.read, 1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()
