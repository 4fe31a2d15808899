"""Finished runs of a comparison with all their tables: the same comparison, or one with more replications, goes on from there."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from influence_sim.record import RunResult
from influence_sim.studies.journal import question_digest, run_id
from influence_sim.studies.outputs import MADE_BY, OutputError
from influence_sim.studies.results import decides, replacing

if TYPE_CHECKING:
    from influence_sim.scenario.schema import Scenario

MARK = "kept.json"  # in a folder of runs
TABLES = [f.name for f in fields(RunResult) if f.name not in ("strategy", "replication", "totals", "people_per_agent")]


class Kept:
    """A folder with a file for every run, named by everything that decides its numbers and by the version of the model.

    Parameters
    ----------
    folder
        Made when it does not exist.
    scenario
        Whose runs these are; a scenario that asks for more replications has the same ones.

    Raises
    ------
    OutputError
        When the folder holds other files or cannot be used.
    """

    def __init__(self, folder: str | os.PathLike[str], scenario: Scenario) -> None:
        self.folder, self._scenario = Path(folder), scenario
        self._digests: dict[str, str] = {}
        mark = self.folder / MARK
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not mark.exists():
                if any(self.folder.iterdir()):
                    raise OutputError(f"{folder} holds other files and no {MARK}; nothing was written, choose another folder for --keep")
                mark.write_text(json.dumps({"made_by": MADE_BY}) + "\n", encoding="utf-8")
        except OSError as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(f"cannot use {folder} to keep runs: {error.strerror or error}") from error

    def _file(self, label: str, replication: int) -> Path:
        if label not in self._digests:
            self._digests[label] = question_digest({**decides(self._scenario, label), "told": "result"})
        return self.folder / f"{run_id(self._digests[label], replication)}.npz"

    def get(self, label: str, replication: int) -> RunResult | None:
        """Return a run that was kept; None for one that was not, or whose file is torn."""
        try:
            with self._file(label, replication).open("rb") as file, np.load(file, allow_pickle=False) as found:
                tables: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
                for key in found.files:
                    table, _, column = key.partition("/")
                    if column:
                        tables[table][column] = found[key]
                told = json.loads(str(found["told"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
        return RunResult(label, replication, told["totals"], people_per_agent=told["people_per_agent"], **tables)

    def put(self, result: RunResult) -> None:
        """Keep a run, whole or not at all.

        Raises
        ------
        OutputError
            When the disk is full or fails; what was kept before stays.
        """
        path = self._file(result.strategy, result.replication)
        columns = {f"{table}/{name}": values for table in TABLES for name, values in getattr(result, table).items()}
        told = json.dumps({"totals": {k: float(v) for k, v in result.totals.items()}, "people_per_agent": result.people_per_agent})
        with replacing(path, "every run kept so far is still there") as building, building.open("wb") as file:
            np.savez_compressed(file, told=np.array(told), **columns)
