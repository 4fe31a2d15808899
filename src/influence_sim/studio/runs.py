"""The runs pages of the studio: what lies in the results folder, strategy by strategy, and where every value came from.

A result is chosen by its identity, a digest of where it lies below the folder; no path comes from the browser.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shlex
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from influence_sim.figures.write import FIGURES
from influence_sim.report.analysis import number
from influence_sim.report.content import chance
from influence_sim.scenario.writing import flatten, origin_of, text
from influence_sim.studies.outputs import MADE_BY, SCENARIO, OutputError, read_provenance, read_table
from influence_sim.studies.results import MANIFEST
from influence_sim.studio.answers import DAMAGES, described, files_of
from influence_sim.studio.strategy import OF_RESULTS, templates

MOST_LISTED, MOST_OTHERS = 200, 20
MOST_BYTES = 50_000_000  # of a manifest
DEEP = 3  # folders below the results folder
#: Objective -> its column in summary.csv, what it is called, and how its numbers are written.
KEY: dict[str, tuple[str, str, Callable[[float], str]]] = {
    "profit": ("roi", "return", lambda x: f"{number(100 * x)} %"),
    "incremental_purchases": ("incremental_purchases", "extra purchases", number),
    "reach": ("reach", "people reached", number),
    "cost_per_incremental_purchase": ("cost_per_incremental_purchase", "USD per extra purchase", number),
}  # fmt: skip
FACTS = ("created", "package_version", "model_version", "scenario_digest", "python", "platform")
WIDE = 500.0  # points: a picture that wants a row of its own
_WIDTH = re.compile(r'viewBox="0 0 ([\d.]+)')


class Found(NamedTuple):
    """A result below the results folder.

    Attributes
    ----------
    identity : digest of `name`
    name : where it lies, below the results folder
    kind : the command that made it
    known : its provenance, or a sweep's manifest
    """

    identity: str
    name: str
    folder: Path
    kind: str
    known: dict[str, Any]

    @property
    def status(self) -> str:
        """How far it is."""
        runs = self.known.get("runs")
        if not runs:
            return "done"
        failed = int(runs.get("error", 0)) + int(runs.get("crashed", 0))
        done = "done" if runs["finished"] >= runs["planned"] else f"{runs['finished']:,} of {runs['planned']:,} runs"
        return f"{done}, {failed:,} failed" if failed else done

    @property
    def about(self) -> str:
        """When and by which version it was made, and of which scenario."""
        told = [str(self.known.get("created", ""))[:16].replace("T", " ")]
        for key, words in (("package_version", "version"), ("model_version", "model"), ("scenario_digest", "scenario")):
            told += [f"{words} {str(self.known[key])[:8]}"] if key in self.known else []
        return ", ".join(told)


def found_in(results: Path, wanted: Container[str] | None = None) -> dict[str, Found]:
    """Return the results in a folder by identity, the newest first, only those `wanted` where given; links are not followed."""
    found = []
    for folder in _folders(results, DEEP):
        name = folder.relative_to(results).as_posix()
        identity = hashlib.sha256(name.encode()).hexdigest()[:12]
        if (wanted is None or identity in wanted) and (known := _known(folder)) is not None:
            found.append(Found(identity, name, folder, _kind(folder, known), known))
    found.sort(key=lambda one: str(one.known.get("created", "")), reverse=True)
    return {one.identity: one for one in found[:MOST_LISTED]}


def _kind(folder: Path, known: Mapping[str, Any]) -> str:
    """Return the command that made a result; from Python, "result" where the files do not tell."""
    if (folder / "pairs.csv").is_file():
        return "compare"
    word = str([*(known.get("command") or []), "", ""][1])
    return "run" if "run" in known else "sweep" if "runs" in known else word if word.isalpha() else "result"


def _folders(top: Path, deep: int) -> Iterator[Path]:
    try:
        with os.scandir(top) as entries:
            folders = sorted(
                Path(e.path) for e in entries if e.is_dir(follow_symlinks=False) and e.name != "jobs" and not e.name.startswith(".")
            )
    except OSError:  # not there, or not ours to read
        return
    for folder in folders:
        yield folder
        if deep > 1 and not os.path.exists(folder / "provenance.json"):
            yield from _folders(folder, deep - 1)


def _known(folder: Path) -> dict[str, Any] | None:
    """Return what a folder says of itself; None where it is no result, or a damaged one."""
    try:
        if (folder / "provenance.json").exists():
            return read_provenance(folder)
        manifest = folder / MANIFEST
        told = json.loads(manifest.read_text(encoding="utf-8")) if manifest.stat().st_size < MOST_BYTES else None
    except (OSError, ValueError, OutputError):
        return None
    return told if isinstance(told, dict) and told.get("made_by") == MADE_BY and "runs" in told else None


def rows_of(one: Found) -> list[tuple[str, ...]]:
    """Return a row per strategy of a comparison: label, replications, the key result, its interval, the chance to be best."""
    if one.kind != "compare":
        return []
    column, name, write = KEY[one.known["scenario"]["objective"]]
    rows: list[tuple[str, ...]] = []
    for r in read_table(one.folder / "summary.csv").to_dict("records"):
        low, high = (float(r.get(f"{column}_{end}", math.nan)) for end in ("lo", "hi"))
        between = f"{write(low)} to {write(high)}" if math.isfinite(low) else ""
        value, best = float(r[column]), float(r["probability_best"])
        key = f"{write(value)} {name}" if math.isfinite(value) else ""
        rows.append((str(r["strategy"]), f"{int(r['replications'])}", key, between, chance(best)))
    return rows


def listed(one: Found) -> tuple[Found, str, list[tuple[str, ...]]]:
    """Return a result, how far it is and its `rows_of`; damaged files cost its rows, not the whole list."""
    try:
        return one, one.status, rows_of(one)
    except DAMAGES:
        return one, "damaged", []


def again(one: Found) -> str:
    """Return the command that gives the numbers of a result again."""
    words = [str(word) for word in one.known.get("command") or []]
    file, out = one.folder / SCENARIO, _short(Path(f"{one.folder}-again"))
    if not file.is_file():
        if "--out" in words[:-1]:
            words[words.index("--out") + 1] = out
        return shlex.join(words)
    run = one.known.get("run")
    which = ["--strategy", run["strategy"], "--replication", str(run["replication"])] if run else []
    which += ["--until", str(run["days"])] if run and run.get("days", math.inf) < one.known["scenario"]["horizon"] else []
    return shlex.join(["influence-sim", "run" if run else "compare", _short(file), *which, "--out", out])


def _short(path: Path) -> str:
    """Return a path as the shell that started the studio would write it."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def differing(columns: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Return [key, a value for each column] of the keys whose values are not all the same.

    Examples
    --------
    >>> differing({"a": {"x": 1, "y": 2.0}, "b": {"x": 1, "z": None}})
    [['y', '2.0', '–'], ['z', '–', 'null']]
    """
    rows = []
    for key in dict.fromkeys(key for values in columns.values() for key in values):
        cells = [text(values[key]) if key in values else "\N{EN DASH}" for values in columns.values()]
        if len(set(cells)) > 1:
            rows.append([key, *cells])
    return rows


class Shelf:
    """What the runs pages ask of the server; `allowed` judges a request."""

    def __init__(self, results: Path, allowed: Callable[[Request, bool], bool]) -> None:
        self.results, self._allowed = Path(os.path.abspath(results)), allowed

    def routes(self) -> list[Route]:
        """Return the routes; they stand beside those of the strategist, whose part of a page shows them."""
        at = "/strategy/runs"
        pages = {at: self.all, at + "/{which}": self.one, at + "/{which}/file/{name:path}": self.file}
        return [Route(path, self._guarded(page)) for path, page in pages.items()]

    def _guarded(self, answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
        # A plain function: Starlette plays it in a thread, for it reads files.
        def guarded(request: Request) -> Response:
            if not self._allowed(request, False):
                return PlainTextResponse("refused\n", 403)
            try:
                return answer(request)
            except DAMAGES:
                return JSONResponse({"problems": ["files of this run are missing or damaged"]}, 422)

        return guarded

    def all(self, request: Request) -> Response:
        """Return the list of results."""
        found = [listed(one) for one in found_in(self.results).values()]
        folder = _short(self.results)
        return self._page(request, title="Runs", lead=f"What was played, in {folder}, strategy by strategy.", listed=found, folder=folder)

    def one(self, request: Request) -> Response:
        """Return a result, or two beside each other."""
        found = found_in(self.results)
        chosen = [found[key] for key in request.path_params["which"].split(",")[:2] if key in found]
        if not chosen:
            return JSONResponse({"problems": [f"there is no such run in {_short(self.results)} (any more)"]}, 404)
        if len(chosen) > 1:
            columns = {one.identity: {"model_version": one.known.get("model_version"), **dict(_flat(one))} for one in chosen}
            names = " and ".join(one.name for one in chosen)
            return self._page(request, title="What differs", lead=names, pair=chosen, rows=differing(columns))
        others = [one for one in found.values() if one.known.get("scenario") and one != chosen[0]][:MOST_OTHERS]
        return self._page(request, **_told(chosen[0]), others=others)

    def file(self, request: Request) -> Response:
        """Return a file of a result, by a name that the result has."""
        which = request.path_params["which"]
        one = found_in(self.results, {which}).get(which)
        file = files_of(one.folder).get(request.path_params["name"]) if one is not None else None
        return PlainTextResponse("not found\n", 404) if file is None else FileResponse(file, headers=OF_RESULTS)

    def _page(self, request: Request, **values: Any) -> Response:
        nothing = dict.fromkeys(("listed", "pair", "run"))
        text = templates().get_template("runs.html.j2").render(**nothing | values, token=request.query_params["token"])
        return HTMLResponse(text)


def _flat(one: Found) -> list[tuple[str, Any]]:
    return list(flatten(one.known.get("scenario") or {}))


def _told(one: Found) -> dict[str, Any]:
    """Return what the page of a result shows; plain text only, escaped by the template."""
    files, known = files_of(one.folder), one.known
    entries = (known.get("scenario") or {}).get("strategies") or {}
    columns = {label: dict(flatten({"strategy": e["strategy"], **e["params"]})) for label, e in entries.items() if e["strategy"] != "none"}
    values = [(key, text(value), origin_of(key, known.get("origins") or {})) for key, value in _flat(one)]
    code = known.get("code") or {}
    facts = [(name.replace("_", " "), str(known[name])) for name in FACTS if known.get(name)]
    facts += [(name.replace("_", " "), str(value)) for name, value in (known.get("seeds") or known.get("runs") or {}).items()]
    if code.get("commit"):
        facts.append(("code", f"{code['commit'][:12]}{', changed since' if code.get('dirty') else ''}"))
    # In the order of the report; any others after them.
    names = sorted((name for name in files if name.endswith(".svg")), key=lambda n: [*FIGURES, Path(n).stem].index(Path(n).stem))
    figures = []
    for name in names:
        svg = files[name].read_text(encoding="utf-8")
        width, table = _WIDTH.search(svg), name.removesuffix("svg") + "csv"
        figures.append((name, table if table in files else "", described(svg) or name, bool(width and float(width[1]) > WIDE)))
    pages = [name for name in ("report.html", "page.html") if name in files]
    shown = {*names, *pages, *(table for _, table, *_ in figures)}
    return {
        "run": one, "title": one.name, "lead": str(known.get("answer") or f"{one.kind}, {one.status}"),
        "warnings": known.get("warnings") or [], "rows": rows_of(one), "command": again(one), "facts": facts,
        "labels": list(columns), "differing": differing(columns),
        "said": [row for row in values if row[2] != "default"], "values": values, "figures": figures, "pages": pages,
        "played": [name for name in pages if "<iframe" in files[name].read_text(encoding="utf-8")],  # here they may run nothing
        "files": [name for name in files if name not in shown],
    }  # fmt: skip
