"""The command group and the one place where exceptions become messages and exit codes."""

from __future__ import annotations

import difflib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from influence_sim._version import MODEL_VERSION, __version__
from influence_sim.cli.console import Console
from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import explain
from influence_sim.cli.helping import write_examples

# Verb -> (module, one sentence); modules load when their verb is used.
_VERBS = {
    "compare": ("compare", "Compare the strategies of a scenario and say which wins, by how much and how sure that is."),
    "sweep": ("sweep", "Play markets x strategies x points of a design x replications; a repeated command goes on where it stopped."),
    "allocate": ("allocate", "Find the best split of a budget over channels and timings, checked in unseen worlds."),
    "stress": ("stress", "Play plans in many futures and say how they fare: regret, the worst tenth, and when a plan fails."),
    "select": ("select", "Select the best strategy with a stated chance of being right, dropping the hopeless early."),
    "sensitivity": ("sensitivity", "Say which parameters move a measure, or the order of strategies, from a finished sweep."),
    "calibrate": ("calibrate", "Fit parameters to facts, or to posts of your own, and check the fit on facts that were held out."),
    "power": ("power", "Say how many paired replications, or how large a test in a real market, a question needs."),
    "report": ("report", "Write the report of a finished comparison again: your title, logo and currency, a replay on demand."),
    "run": ("run", "Run one strategy of a scenario once and print what happened."),
    "check": ("check", "Check scenario files and report every problem at once, without running anything."),
    "check-strategy": ("check_strategy", "Run the contract of strategies on one, built in or your own."),
    "show": ("show", "Show a scenario as resolved: every value and where it came from."),
    "new": ("new", "Write a commented scenario that runs as it is, with every parameter, its unit and its source."),
    "list": ("listing", "List strategies, feeds, events, selectors, timings, measures, scenarios or parameters."),
    "explain": ("explain", "Explain a parameter, or why a person was shown what they were shown."),
    "schema": ("schema", "Print the JSON Schema of scenario files, with which an editor completes and checks them."),
    "studio": ("studio", "Open lessons with live worlds, and pages that compare, stress and allocate, in the browser of this computer."),
    "replay": ("replay", "Write one HTML file that plays recorded worlds without a server, for a class."),
    "world": ("world", "Write the people, creators and follows of a scenario as files, which runs open at once and share."),
    "export-mmm": ("export_mmm", "Write daily spend, exposure and sales by channel for a mix model, and the truth it should find."),
    "scorecard": ("scorecard", "Measure the model against facts with bands written beforehand, failures first."),
    "odd": ("odd", "Describe a scenario by the ODD 2020 protocol, with every value it uses."),
    "doctor": ("doctor", "Check this machine: packages, memory, disk, compiled kernels, a run of two seconds."),
}
_FIRST_STEPS = (
    "influence-sim compare scenarios/demo.yaml --out results/demo",
    "influence-sim new my_scenario.yaml --market city",
    "influence-sim list strategies",
)


class Verbs(click.Group):
    """A group that imports a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order people meet them."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command of a verb."""
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"influence_sim.cli.{_VERBS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb or suggest the nearest."""
        if args and not args[0].startswith("-") and args[0] not in _VERBS and not ctx.resilient_parsing:
            near = difflib.get_close_matches(args[0], _VERBS, 1)
            hint = f" Did you mean `{near[0]}`?" if near else f" Choose from: {', '.join(_VERBS)}."
            ctx.fail(f"unknown command `{args[0]}`.{hint}")
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write first steps before the list of verbs; import none of them."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        write_examples(formatter, _FIRST_STEPS)
        with formatter.section("Commands"):
            formatter.write_dl([(verb, sentence) for verb, (_, sentence) in _VERBS.items()])
        with formatter.section("Options"):
            formatter.write_dl([("--version", "Show the version and exit."), ("--help", "Show this message and exit.")])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), code.meaning) for code in ExitCode])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, message=f"influence-sim %(version)s (model version {MODEL_VERSION})")
def cli() -> None:
    """Simulate influencer campaigns on a For-You feed and compare strategies in one world."""


_COMPLETION = "_INFLUENCE_SIM_COMPLETE"  # set by the script that a shell sources, see docs/howto/shell.md


def _invoke(args: list[str], console: Console) -> int:
    # Not `cli.main`: it would turn an interrupt and a closed pipe into its own messages and exit code 1.
    try:
        with cli.make_context("influence-sim", args, obj=console) as context:
            code: Any = cli.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return int(code or 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; a user's mistake never shows a traceback.

    Set `INFLUENCE_SIM_DEBUG=1` to see the traceback of any failure.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name must not fail for a terminal that lacks its letters
    if argv is None and os.environ.get(_COMPLETION):
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "influence-sim", _COMPLETION, os.environ[_COMPLETION])
    args = list(sys.argv[1:] if argv is None else argv)
    verb = next((a for a in args if not a.startswith("-")), "")
    console = Console(command=verb, as_json="--json" in args, quiet="-q" in args or "--quiet" in args)
    try:
        code = _invoke(args, console)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader (head, less) has gone: not a failure. Keep the interpreter from flushing again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("INFLUENCE_SIM_DEBUG", "") not in ("", "0"):
            raise
        failure = explain(error)
        console.fail(failure)
        return int(failure.code)
