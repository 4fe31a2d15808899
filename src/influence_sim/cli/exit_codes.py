"""Exit codes: public, stable, printed in every help."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit code of a command means."""

    DONE = 0
    CONDITION_FAILED = 1
    USAGE = 2
    SCENARIO_INVALID = 3
    RUNS_FAILED = 4
    NOTHING_MATCHED = 5
    ENVIRONMENT = 6
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One line for help pages."""
        return _MEANING[self]


_MEANING = {
    ExitCode.DONE: "done",
    ExitCode.CONDITION_FAILED: "done, but a stated condition failed",
    ExitCode.USAGE: "wrong usage (unknown option, missing file)",
    ExitCode.SCENARIO_INVALID: "scenario or graph file invalid; nothing was run",
    ExitCode.RUNS_FAILED: "some replications failed",
    ExitCode.NOTHING_MATCHED: "nothing matched",
    ExitCode.ENVIRONMENT: "environment (folder not writable, disk, missing package)",
    ExitCode.INTERRUPTED: "interrupted",
}
