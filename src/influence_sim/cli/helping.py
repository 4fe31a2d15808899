"""Help pages: one sentence, examples to copy, options, what is written, exit codes."""

from __future__ import annotations

from typing import Any

import click

from influence_sim.cli.exit_codes import ExitCode


class Page(click.Command):
    """A command whose help also has examples, outputs and exit codes.

    Parameters
    ----------
    examples : tuple of str
        Command lines that run from the top folder of the repository; tests run them.
    writes : str
        What the command leaves behind.
    codes : tuple of ExitCode
        Exit codes the command can return.
    """

    def __init__(
        self, *args: Any, examples: tuple[str, ...] = (), writes: str = "", codes: tuple[ExitCode, ...] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.writes = writes
        self.codes = codes

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections in reading order: what, how, options, effects."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        write_examples(formatter, self.examples)
        self.format_options(ctx, formatter)
        with formatter.section("Writes"):
            formatter.write_text(self.writes or "Nothing; the result goes to standard output.")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), code.meaning) for code in (ExitCode.DONE, *self.codes)])


def write_examples(formatter: click.HelpFormatter, examples: tuple[str, ...]) -> None:
    """Write command lines unwrapped, so that they can be copied."""
    with formatter.section("Examples"):
        for line in examples:
            formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
