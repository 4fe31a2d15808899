"""Turn exceptions into a message that says what to do, and an exit code."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any

import click

from influence_sim.cli.exit_codes import ExitCode

# Packages that only some commands need, and the extra that brings them.
EXTRAS = {"SALib": "analysis", "optuna": "optimize", "ema_workbench": "discovery"}


@dataclass(frozen=True)
class Failure:
    """An explained failure: text for people, problems for programs, code for shells."""

    text: str
    code: ExitCode
    problems: list[dict[str, Any]] = field(default_factory=list)


class CommandError(Exception):
    """A failure a command has already explained."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message)
        self.code = code


def explain(error: BaseException) -> Failure:
    """Return the message and code of any exception; never a traceback."""
    failure = _explained(error)
    # A name or a file must not be able to move the cursor of a terminal.
    text = "".join(c if c.isprintable() or c == "\n" else "?" for c in failure.text)
    return replace(failure, text=text)


def _explained(error: BaseException) -> Failure:
    if isinstance(error, CommandError):
        return Failure(f"error: {error}", error.code)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Failure(f"interrupted; {error}" if str(error) else "interrupted; nothing was written", ExitCode.INTERRUPTED)
    if isinstance(error, click.UsageError):
        help_line = f"\nHelp: {error.ctx.command_path} --help" if error.ctx else ""
        return Failure(f"error: {_first_lower(error.format_message())}{help_line}", ExitCode.USAGE)
    if isinstance(error, click.ClickException):
        return Failure(f"error: {error.format_message()}", ExitCode.ENVIRONMENT)
    return _of_the_model(error) or _of_the_machine(error)


def _of_the_model(error: BaseException) -> Failure | None:
    # A room that was never imported cannot have raised: no heavy import only to explain.
    errors = sys.modules.get("influence_sim.scenario.errors")
    if errors and isinstance(error, errors.ScenarioError):
        return Failure(str(error), ExitCode.SCENARIO_INVALID, [_record(p) for p in error.problems[: errors.SHOWN_PROBLEMS]])
    graphs = sys.modules.get("influence_sim.world.graph_files")
    if graphs and isinstance(error, graphs.GraphError):
        return Failure(f"error: {error}\nNothing was run.", ExitCode.SCENARIO_INVALID)
    worlds = sys.modules.get("influence_sim.world.files")
    if worlds and isinstance(error, worlds.WorldError):
        return Failure(f"error: {error}\nNothing was run.", ExitCode.SCENARIO_INVALID)
    snapshots = sys.modules.get("influence_sim.engine.snapshot")
    if snapshots and isinstance(error, snapshots.SnapshotError):
        return Failure(f"error: {error}\nNothing was run.", ExitCode.SCENARIO_INVALID)
    questions = sys.modules.get("influence_sim.studies.questions")
    if questions and isinstance(error, questions.InsteadError):
        return Failure(f"error: {error}", ExitCode.USAGE)
    outputs = sys.modules.get("influence_sim.studies.outputs")
    if outputs and isinstance(error, outputs.OutputError):
        return Failure(f"error: {error}", ExitCode.ENVIRONMENT)
    loop = sys.modules.get("influence_sim.studies.loop")
    if loop and isinstance(error, loop.ExecutorError):
        return Failure(f"error: {error}", ExitCode.ENVIRONMENT)
    runs, feeds = sys.modules.get("influence_sim.studies.runner"), sys.modules.get("influence_sim.engine.batch")
    if (runs and isinstance(error, runs.RunError)) or (feeds and isinstance(error, feeds.ScoreError)):
        return Failure(f"error: a run failed: {error}\nNothing was written. INFLUENCE_SIM_DEBUG=1 shows where.", ExitCode.RUNS_FAILED)
    return None


def _of_the_machine(error: BaseException) -> Failure:
    if isinstance(error, FileNotFoundError):
        return Failure(f"error: file not found: {error.filename or error}", ExitCode.USAGE)
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        extra = EXTRAS[error.name]
        return Failure(f"error: this needs the package `{error.name}`: pip install 'influence-sim[{extra}]'", ExitCode.ENVIRONMENT)
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("influence_sim"):
        return Failure(f"error: the package `{error.name}` is missing; run `pip install -c constraints.txt -e .`", ExitCode.ENVIRONMENT)
    if isinstance(error, MemoryError):
        return Failure("error: not enough memory; use fewer people (--set people.agents=...) or --jobs 1", ExitCode.ENVIRONMENT)
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return Failure(f"error: {error.strerror or error}{where}", ExitCode.ENVIRONMENT)
    text = f"error: {type(error).__name__}: {error}"
    return Failure(f"{text}\nThis is a fault of influence-sim: INFLUENCE_SIM_DEBUG=1 shows where; please report it.", ExitCode.RUNS_FAILED)


def _record(problem: Any) -> dict[str, Any]:
    return asdict(problem) if is_dataclass(problem) and not isinstance(problem, type) else {"message": str(problem)}


def _first_lower(text: str) -> str:
    return text[:1].lower() + text[1:]
