"""Arguments and options that several commands share."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from influence_sim.cli.completing import scenario_files, set_keys
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import CommandError

if TYPE_CHECKING:
    from influence_sim.cli.console import Console
    from influence_sim.scenario.loader import Loaded

F = TypeVar("F", bound=Callable[..., Any])
KEPT = "Folder in which finished runs are kept: the same command goes on from there. After changing code of your own, use another."
INVALID = (ExitCode.USAGE, ExitCode.SCENARIO_INVALID)
RUNNING = (*INVALID, ExitCode.RUNS_FAILED, ExitCode.ENVIRONMENT, ExitCode.INTERRUPTED)


class ScenarioFile(click.ParamType[Path]):
    """A scenario file that exists; a wrong name is answered with the nearest one."""

    name = "scenario"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path or fail with a suggestion."""
        from influence_sim.scenario.document import why_unreadable

        path = Path(value)
        reason = why_unreadable(path, "scenario file")
        if not reason:
            return path
        if "is a directory" in reason:
            reason = f"`{path}` is a folder; name a scenario file in it"
        self.fail(f"scenario file `{path}` not found.{self.hint(path)}" if reason.startswith("no such") else f"{reason}.", param, ctx)

    @staticmethod
    def hint(path: Path) -> str:
        """Return the sentence that names the nearest scenario file."""
        known = [str(p) for folder in {path.parent, Path("scenarios")} if folder.is_dir() for p in sorted(folder.glob("*.yaml"))]
        near = difflib.get_close_matches(str(path), known, 1, 0.4)
        return f" Did you mean `{near[0]}`?" if near else " See `influence-sim list scenarios`."


def scenario_argument(function: F) -> F:
    """Add the argument SCENARIO."""
    return click.argument("scenario", type=ScenarioFile(), shell_complete=scenario_files)(function)


def set_option(function: F) -> F:
    """Add `--set key=value`."""
    text = "Override one value, e.g. feed.exploration_share=0.2 (repeatable; see `list parameters`)."
    return click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=text, shell_complete=set_keys)(function)


def graph_options(function: F) -> F:
    """Add the options that say where the followers come from."""
    text = "An edge a,b says: a follows b (default), or a influences b."
    function = click.option("--population", type=click.IntRange(1), metavar="N", help="Real people that the simulated people stand for.")(
        function
    )
    function = click.option("--graph-direction", type=click.Choice(["follows", "influences"]), help=text)(function)
    file = click.Path(path_type=Path)
    return click.option("--graph", type=file, metavar="FILE", help="Followers: edge list, CSV, GraphML or Parquet (.gz too).")(function)


def world_option(function: F) -> F:
    """Add `--world DIR`."""
    folder = click.Path(path_type=Path)
    return click.option("--world", type=folder, metavar="DIR", help="Play in a world that `influence-sim world` wrote.")(function)


def voice_options(function: F) -> F:
    """Add `--json` and `--quiet`; the console reads them before anything can fail."""
    function = click.option("-q", "--quiet", is_flag=True, help="No messages on stderr but warnings and errors.")(function)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text, errors too.")(function)


def dry_run_option(function: F) -> F:
    """Add `--dry-run`; `tell_cost` answers it."""
    return click.option("--dry-run", is_flag=True, help="Play one run only: tell how many there are and how long they take.")(function)


class ExecutorName(click.ParamType[str]):
    """The name of an executor."""

    name = "executor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name or fail with those there are."""
        from influence_sim.studies.executors import check_executor

        try:
            check_executor(value)
        except ValueError as problem:
            self.fail(f"{problem}.", param, ctx)
        return str(value)


def playing_options(function: F) -> F:
    """Add `--executor` and `--keep`, with which `studies.play` plays."""
    function = click.option("--keep", type=click.Path(path_type=Path), metavar="DIR", help=KEPT)(function)
    where = "serial, local (default: one process per core), local:N, dask://HOST:PORT or dask-file:PATH. Results do not depend on it."
    return click.option("--executor", type=ExecutorName(), default="local", metavar="NAME", help=where)(function)


def workers_of(executor: str) -> int | None:
    """Return how many workers an executor of this machine has; None where that is decided later, or elsewhere."""
    return 1 if executor == "serial" else int(executor[6:]) if executor.startswith("local:") else None


def tell_cost(
    console: Console, scenario: Any, runs: int, workers: int | None = None, most: bool = False, keep: Path | None = None
) -> int:  # fmt: skip
    """Say how many runs a study has, `most` of them at worst, and about how long they take."""
    from influence_sim.cli.progress import duration
    from influence_sim.studies.estimating import cost_of

    cost = cost_of(scenario, runs, workers)
    time = f"about {duration(cost.total)}" if cost.total >= 1 else "less than a second"
    where = f"{cost.workers} process{'es' * (cost.workers > 1)}"
    text = f"{'at most ' * most}{runs:,} runs, {time} on {where} (one takes {cost.seconds:.2g} s)"
    text += f"; what {keep} has of them takes no time" if keep is not None and keep.exists() else ""
    return console.done(text, {**cost._asdict(), "total": cost.total, "told": text})


def command_line() -> str:
    """Return the command line that does again what the current command does, options at their defaults left out."""
    import shlex

    ctx = click.get_current_context()
    words = ["influence-sim", str(ctx.info_name)]
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        if isinstance(param, click.Argument):
            words.append(str(value))
        elif value not in (None, (), False, param.default) and param.name not in ("as_json", "quiet", "keep", "executor"):
            for one in value if isinstance(value, tuple) else (value,):
                words += [param.opts[0]] if one is True else [param.opts[0], str(one)]
    return shlex.join(words)


def load(path: Path, overrides: tuple[str, ...] | list[str] = ()) -> Loaded:
    """Load a scenario; an override without `=` is wrong usage."""
    from influence_sim.scenario.loader import load_scenario

    for item in overrides:
        if "=" not in item:
            raise CommandError(f"--set needs KEY=VALUE, got `{item}`", ExitCode.USAGE)
    return load_scenario(path, tuple(overrides))


def writable(out: Path, keep: Path | None = None) -> Path:
    """Find out before a long run, not after it, that results can be written to `out`, and that what is kept is not replaced with it."""
    if keep is not None and keep.resolve().is_relative_to(out.resolve()):
        raise CommandError(f"--keep {keep} lies in --out {out}, which is replaced as a whole; choose a folder beside it", ExitCode.USAGE)
    if out.exists() and not out.is_dir():
        raise CommandError(f"cannot write to `{out}`: it is a file; choose a folder with --out", ExitCode.ENVIRONMENT)
    folder = out.absolute()
    while not folder.exists():
        folder = folder.parent
    try:
        if not folder.is_dir():
            raise NotADirectoryError(20, "not a folder")
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "permission denied")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(f"cannot write to `{out}`: {error.strerror}; choose another folder with --out", ExitCode.ENVIRONMENT) from error
    return out
