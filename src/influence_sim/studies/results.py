"""From the journal of a sweep to its tables: derived, in the order of the plan, and the same bytes whenever they are made again.

A folder of a sweep holds

- ``journal.jsonl``: what is kept of every finished run, written once (`journal`);
- ``results.parquet``: one row per arm, point and replication that is finished, with the columns `COLUMNS`, one per parameter
  that differs between points (its full dotted key), and one per measure; incremental measures compare with the control arm of the
  same market, point and replication;
- ``design.json``: names, ranges and kind of the design, its points, and what SALib needs to analyse it (`problem`, `N`, `unit`);
- ``precision.csv``, where the experiment asks for one: how well the difference is known at every point, and which rule ended it;
- ``manifest.json``: versions, machine, scenarios, counts by status, and the SHA-256 of the other files.

Rows may share a run: an arm that a parameter does not touch is played once.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from influence_sim.record.measures import Facts
from influence_sim.scenario.points import at_point, is_whole, value_at
from influence_sim.studies.journal import Records, question_digest, run_id
from influence_sim.studies.loop import OK
from influence_sim.studies.outputs import OutputError
from influence_sim.studies.runner import CONTROL, control_label
from influence_sim.studies.variants import StudyError, measure_of
from influence_sim.world.files import read_header

if TYPE_CHECKING:
    import pandas as pd

    from influence_sim.scenario.schema import Scenario
    from influence_sim.studies.experiment import Experiment

COLUMNS = ("run_id", "market", "strategy", "point", "replication", "seed", "status", "message", "seconds")
RESULTS, DESIGN, MANIFEST, PRECISION = "results.parquet", "design.json", "manifest.json", "precision.csv"
CHUNK = 1_000  # rows of the table in memory at once


class Row(NamedTuple):
    """A row of the plan: an arm at a point in a replication, and the run that answers it."""

    run_id: str
    market: str
    strategy: str
    point: int
    replication: int


class Plan:
    """Every row of an experiment and the runs they need.

    Parameters
    ----------
    experiment
        Checked, with its points.

    Attributes
    ----------
    replications : how many of each market and point, in the order of the table; a precision that is not reached adds to them
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        points = experiment.sample.points
        self._digests = {
            (market, k): {label: question_digest(decides(at, label, experiment.stop)) for label in experiment.labels[market]}
            for market, scenario in experiment.scenarios.items()
            for k, at in ((k, at_point(scenario, point)) for k, point in enumerate(points))
        }
        self.replications = dict.fromkeys(self._digests, experiment.replications)

    @property
    def different(self) -> int:
        """How many runs one replication of everything takes: arms that a parameter does not touch are played once."""
        return len({digest for digests in self._digests.values() for digest in digests.values()})

    def scenario(self, market: str, point: int) -> Scenario:
        """Return the scenario of a market at a point."""
        return at_point(self.experiment.scenarios[market], self.experiment.sample.points[point])

    def rows(self) -> Iterator[Row]:
        """Yield rows in the order of the table: market, point, arm, replication."""
        for (market, point), digests in self._digests.items():
            for label, digest in digests.items():
                for replication in range(self.replications[market, point]):
                    yield Row(run_id(digest, replication), market, label, point, replication)

    def runs(self) -> Iterator[Row]:
        """Yield the first row of every run, replication by replication: arms that share a world stand together."""
        for replication in range(max(self.replications.values())):
            seen: set[str] = set()
            for (market, point), digests in self._digests.items():
                for label, digest in digests.items() if replication < self.replications[market, point] else ():
                    if digest not in seen:
                        seen.add(digest)
                        yield Row(run_id(digest, replication), market, label, point, replication)

    def controls(self, market: str, point: int) -> list[tuple[int, str]]:
        """Return the replications of the control arm at a point and their runs."""
        digest = self._digests[market, point][control_label(self.experiment.scenarios[market])]
        return [(r, run_id(digest, r)) for r in range(self.replications[market, point])]


def decides(scenario: Scenario, label: str, stop: Any = None) -> dict[str, Any]:
    """Return everything that decides the numbers of an arm, as plain values; names and questions do not."""
    entry = scenario.strategies.get(label)
    control = entry is None or entry.strategy == CONTROL
    told = {
        "market": scenario.market, "strategy": CONTROL if control or entry is None else entry.model_dump(),
        "budget": 0.0 if control else scenario.budget, "events": [event.model_dump() for event in scenario.events],
        **{name: getattr(scenario, name) for name in ("horizon", "world_seed", "path_seed", "same_world", "tiers")},
    }  # fmt: skip
    if scenario.graph_file is not None:
        told["graph"] = [_file_digest(scenario.graph_file, os.stat(scenario.graph_file).st_mtime_ns), scenario.graph_direction]
    if scenario.world is not None:
        told["world"] = read_header(scenario.world)["sha256"]
    if stop is not None:
        told["stop"] = stop.model_dump()
    return told


_known_files: dict[tuple[str, int], str] = {}


def _file_digest(path: str, changed: int) -> str:
    if (path, changed) not in _known_files:
        with open(path, "rb") as file:
            _known_files[path, changed] = hashlib.file_digest(file, "sha256").hexdigest()
    return _known_files[path, changed]


def table_rows(plan: Plan, records: Records) -> Iterator[dict[str, Any]]:
    """Yield the rows of the results table of every finished run of the plan."""
    experiment = plan.experiment
    functions = {name: measure_of(name)[1] for name in experiment.measures}
    place: tuple[str, int] | None = None
    for row in plan.rows():
        if place != (row.market, row.point):
            place = row.market, row.point
            scenario = plan.scenario(*place)
            swept = {key: value_at(scenario, key) for key in experiment.names}
            controls = dict(plan.controls(*place))
            brand = scenario.market.brand
        found = records.get(row.run_id)
        if found is None:
            continue
        totals = _totals(found)
        control = _totals(records.get(controls[row.replication]))
        # Sums over different numbers of days have no difference that means anything.
        paired = bool(control) and control.get("days") == totals.get("days")
        facts = Facts(totals, brand.price, brand.margin, control if paired else {})
        fine = found["status"] == OK
        yield {
            **row._asdict(), "seed": scenario.path_seed, **{name: found[name] for name in ("status", "message", "seconds")}, **swept,
            **{name: _measured(name, function, facts) if fine else math.nan for name, function in functions.items()},
        }  # fmt: skip


def _totals(record: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the totals of a run that went well, none of another one; what JSON cannot say is not a number."""
    totals = (record or {}).get("totals") or {}
    return {name: math.nan if value is None else value for name, value in totals.items()}


def _measured(name: str, function: Any, facts: Facts) -> float:
    try:
        return float(function(facts))
    except Exception as error:  # whatever a user's measure raises
        raise StudyError(f"measure `{name}` failed: {type(error).__name__}: {error}") from error


def _schema(plan: Plan) -> Any:
    """Return the types of the columns, which do not depend on what is finished."""
    import pyarrow as pa

    fixed = {"point": pa.int32(), "replication": pa.int32(), "seed": pa.int64(), "seconds": pa.float64()}
    columns = [(name, fixed.get(name, pa.string())) for name in COLUMNS]
    base = next(iter(plan.experiment.scenarios.values()))
    for key in plan.experiment.names:
        values = [point[key] for point in plan.experiment.sample.points if point[key] is not None] or [value_at(base, key)]
        numbers = pa.int64() if is_whole(base, key) else pa.float64()
        kind = pa.bool_() if isinstance(values[0], bool) else pa.string() if isinstance(values[0], str) else numbers
        columns.append((key, kind))
    return pa.schema([*columns, *((name, pa.float64()) for name in plan.experiment.measures)])


def write_results(plan: Plan, records: Records, folder: Path) -> None:
    """Write ``results.parquet``, whole or not at all."""
    import itertools

    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, rows = _schema(plan), table_rows(plan, records)
    with replacing(folder / RESULTS) as path, pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while chunk := list(itertools.islice(rows, CHUNK)):
            writer.write_table(pa.Table.from_pylist(chunk, schema=schema))


def load_results(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the table of a sweep's folder, one row per finished run of an arm at a point; see this module's text.

    Raises
    ------
    OutputError
        When the folder has no such table.
    """
    import pandas as pd

    path = Path(folder) / RESULTS
    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise OutputError(f"{folder} has no {RESULTS}: `influence-sim sweep` writes one, again when it is repeated") from error


def load_design(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what ``design.json`` of a sweep's folder says.

    Raises
    ------
    OutputError
        When there is none, or a damaged one.
    """
    path = Path(folder) / DESIGN
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{folder} has no readable {DESIGN} of a sweep") from error
    return found


def write_design(plan: Plan, folder: Path) -> None:
    """Write ``design.json``; its `replications` are those that every point has."""
    asked, sample = plan.experiment, plan.experiment.sample
    told = {
        "experiment": asked.name, "question": asked.question, "kind": sample.kind, **sample.about,
        "markets": list(asked.scenarios), "strategies": asked.labels,
        "control": {market: control_label(scenario) for market, scenario in asked.scenarios.items()},
        "replications": min(plan.replications.values()), "measures": list(asked.measures),
        "precision": asked.precision.model_dump() if asked.precision else None, "stop": asked.stop.model_dump() if asked.stop else None,
        "points": [[point[name] for name in asked.names] for point in sample.points],
        "unit": None if sample.unit is None else sample.unit.tolist(),
    }  # fmt: skip
    _write_json(told, folder / DESIGN)


def write_manifest(known: Mapping[str, Any], folder: Path) -> None:
    """Write ``manifest.json``: what is `known`, and the SHA-256 of the other files."""
    digests = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.name != MANIFEST and not p.name.startswith(".")):
        with path.open("rb") as file:
            digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    _write_json({**known, "sha256": digests}, folder / MANIFEST)


def _write_json(told: Mapping[str, Any], path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(told, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8", newline="\n")


@contextmanager
def replacing(path: Path, kept: str = "the journal beside it has every finished run") -> Iterator[Path]:
    """Yield a path beside `path` that takes its place when it is complete.

    Raises
    ------
    OutputError
        When the disk is full or fails; the old file is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write {path}: {error.strerror or error}; {kept}") from error
    finally:
        temporary.unlink(missing_ok=True)
