"""`influence-sim doctor`: can this machine run it, and what to do where not."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import click

from influence_sim.cli.console import Console, is_plain
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.helping import Page
from influence_sim.cli.options import voice_options
from influence_sim.machine import GIB, free_memory

# Assumptions: a comparison of the demonstration's size needs about 1 GB, results and kernels some 100 MB.
MEMORY_WANTED, DISK_WANTED = 1.0, 0.5
TOP = Path(__file__).parents[3]  # of a source tree; an installed package has no constraints.txt there
INSTALL = "pip install -c constraints.txt -e . (in the top folder of the repository)"
SMOKE_DAYS, SMOKE_AGENTS = 4, 1500  # about two seconds


@dataclass(frozen=True)
class Finding:
    """One check: `advice` says what to do when `status` is not "ok"."""

    check: str
    status: Literal["ok", "warning", "failed"]
    found: str
    advice: str = ""


@click.command(
    "doctor",
    cls=Page,
    examples=("influence-sim doctor", "influence-sim doctor --json", "influence-sim doctor --quiet"),
    writes="Nothing but compiled kernels in the cache folder, if they are not there yet.",
    codes=(ExitCode.ENVIRONMENT,),
)
@voice_options
@click.pass_obj
def command(console: Console, /, **_: Any) -> int:
    """Check this machine: packages, memory, disk, compiled kernels, scenarios, terminal, a run of two seconds."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings += check(console)
        except Exception as problem:  # a machine that is broken in an unforeseen way is what this command is for
            missing = isinstance(problem, ImportError)
            advice = INSTALL if missing else "INFLUENCE_SIM_DEBUG=1 influence-sim compare ... shows where; please report it"
            findings.append(Finding(check.__name__.lstrip("_"), "failed", f"{type(problem).__name__}: {problem}", advice))
    failed = sum(finding.status == "failed" for finding in findings)
    warned = sum(finding.status == "warning" for finding in findings)
    width = max(len(finding.check) for finding in findings)
    lines = [_line(finding, width) for finding in findings]
    if failed:
        lines.append(f"{failed} of {len(findings)} checks failed: influence-sim will not run well before they are mended.")
    else:
        lines.append("Everything needed is here." + (f" {warned} warning{'s' * (warned != 1)} above." if warned else ""))
    result = {"failed": failed, "warnings": warned, "checks": [asdict(finding) for finding in findings]}
    return console.done("\n".join(lines), result, code=ExitCode.ENVIRONMENT if failed else ExitCode.DONE)


def _line(finding: Finding, width: int) -> str:
    mark = {"ok": "ok     ", "warning": "warning", "failed": "FAILED "}[finding.status]
    advice = f"\n{'':9}{'':{width}}  to do: {finding.advice}" if finding.advice and finding.status != "ok" else ""
    return f"{mark}  {finding.check:<{width}}  {finding.found}{advice}"


def _python(console: Console) -> Iterator[Finding]:
    fine = sys.version_info >= (3, 11)
    yield Finding("Python", "ok" if fine else "failed", platform.python_version(), "use Python 3.11 or newer: make PYTHON=python3.11")


def _packages(console: Console) -> Iterator[Finding]:
    """Compare what is installed with what is needed and with what this release is tested with."""
    from importlib.metadata import PackageNotFoundError, requires, version

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    needed = [line for line in requires("influence-sim") or [] if "extra ==" not in line]
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needed]
    found = {name: installed(name) for name in names}
    missing = [name for name, got in found.items() if got is None]
    if missing:
        yield Finding("packages", "failed", f"missing: {', '.join(missing)}", INSTALL)
        return
    file = TOP / "constraints.txt"
    if not file.is_file():
        yield Finding("packages", "ok", f"all {len(names)} are installed; no constraints.txt here to compare versions with")
        return
    pins = dict(line.split(" ")[0].split("==") for line in file.read_text().splitlines() if "==" in line and not line.startswith("#"))
    tested = {_plain(name): pin for name, pin in pins.items()}
    other = [f"{name} {got} (tested {tested[_plain(name)]})" for name, got in found.items() if tested.get(_plain(name), got) != got]
    if other:
        yield Finding("packages", "warning", f"not the tested versions: {', '.join(other)}", f"for equal numbers: {INSTALL}")
    else:
        yield Finding("packages", "ok", f"all {len(names)} in the tested versions")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _machine(console: Console) -> Iterator[Finding]:
    from loky import cpu_count

    yield Finding("processors", "ok", f"{cpu_count()} usable of {os.cpu_count()}; {platform.machine()}, {platform.system()}")
    free = free_memory()
    if free is None:
        yield Finding("memory", "ok", "not known on this system")
    else:
        low = free < MEMORY_WANTED * GIB
        advice = "close programs, use --jobs 1, or fewer people (--set people.agents=...)"
        yield Finding("memory", "warning" if low else "ok", f"{free / GIB:.1f} GB free", advice)
    left = shutil.disk_usage(Path.cwd()).free
    low = left < DISK_WANTED * GIB
    advice = "free some space, or write results elsewhere (--out)"
    yield Finding("disk", "warning" if low else "ok", f"{left / GIB:.1f} GB free in this folder", advice)


def _cache(console: Console) -> Iterator[Finding]:
    """Find out whether kernels are compiled and can be kept."""
    from influence_sim.jit import CACHE_DIR, is_cold

    try:
        CACHE_DIR.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=CACHE_DIR):
            pass
        yield Finding("cache", "ok", f"{CACHE_DIR} is writable")
    except OSError as problem:
        advice = "name a folder that is: INFLUENCE_SIM_CACHE=/a/folder; otherwise every start compiles for half a minute"
        yield Finding("cache", "failed", f"{CACHE_DIR} is not writable: {problem.strerror}", advice)
    if os.environ.get("NUMBA_DISABLE_JIT", "") not in ("", "0"):
        yield Finding("kernels", "warning", "compilation is switched off: runs take very much longer", "unset NUMBA_DISABLE_JIT")
    else:
        yield Finding("kernels", "ok", "not compiled yet; this takes half a minute, once" if is_cold() else "compiled")


def _scenarios(console: Console) -> Iterator[Finding]:
    from influence_sim.scenario.errors import ScenarioError
    from influence_sim.scenario.loader import load_scenario

    files = sorted(Path("scenarios").glob("*.yaml"))
    broken = []
    for path in files:
        try:
            load_scenario(path)
        except ScenarioError as error:
            broken.append(f"{path} ({len(error.problems)} problems)")
    if broken:
        yield Finding("scenarios", "failed", f"cannot be read: {', '.join(broken)}", "influence-sim check scenarios/*.yaml")
    elif files:
        yield Finding("scenarios", "ok", f"all {len(files)} in scenarios/ can be read")
    else:
        advice = "start in the top folder of the repository, or write one: influence-sim new FILE"
        yield Finding("scenarios", "warning", "none here (looked in scenarios/)", advice)


def _terminal(console: Console) -> Iterator[Finding]:
    columns = shutil.get_terminal_size().columns
    encoding = (sys.stdout.encoding or "ascii").lower()
    known = f"{columns} columns, {'no colour' if is_plain(sys.stdout) else 'colour'}, {encoding}"
    if sys.stdout.isatty() and columns < 80:
        yield Finding("terminal", "warning", known, "make it 80 columns wide: tables are cut otherwise")
    elif not encoding.startswith("utf"):
        yield Finding("terminal", "warning", known, "use UTF-8 (PYTHONUTF8=1), or names with accents cannot be printed")
    else:
        yield Finding("terminal", "ok", known)


def _run(console: Console) -> Iterator[Finding]:
    """Run a small market with one thread and with two: it must work and give the same bytes."""
    import time

    from influence_sim.engine import warm_up
    from influence_sim.scenario.loader import scenario_from_dict
    from influence_sim.studies.runner import run_one

    warm_up(announce=console.note)
    people = {"agents": SMOKE_AGENTS, "population": 20 * SMOKE_AGENTS}
    market = {"people": people, "creators": {"count": SMOKE_AGENTS // 30}}
    asked = scenario_from_dict({"strategies": ["paid_infeed"], "horizon": SMOKE_DAYS, "market": market})
    seconds, digests = [], []
    for threads in (1, 2):
        started = time.perf_counter()
        digests.append(_bytes(run_one(asked, "paid_infeed", 0, threads=threads)))
        seconds.append(time.perf_counter() - started)
    slots = SMOKE_AGENTS * SMOKE_DAYS * asked.market.people.views_per_day
    yield Finding("run", "ok", f"{SMOKE_AGENTS:,} people, {SMOKE_DAYS} days: {slots / seconds[0]:,.0f} views a second with one thread")
    same = digests[0] == digests[1]
    advice = "results on this machine depend on the number of threads: use --threads 1 and please report it"
    found = "one and two threads give the same bytes" if same else "one and two threads give different results"
    yield Finding("threads", "ok" if same else "failed", found, advice)


def _bytes(result: Any) -> str:
    """Return a digest of every table of a run."""
    import hashlib

    import numpy as np

    digest = hashlib.sha256()
    for part in ("totals", "daily", "posts", "feed_items"):
        for name, values in sorted(getattr(result, part).items()):
            digest.update(f"{name} {np.asarray(values).tolist()!r}".encode())  # the shortest text that gives each number back
    return digest.hexdigest()


CHECKS: tuple[Callable[[Console], Iterator[Finding]], ...] = (_python, _packages, _machine, _cache, _scenarios, _terminal, _run)
