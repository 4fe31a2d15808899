"""The command line: click commands that load everything heavy only when they run.

stdout carries the result, stderr progress and messages; exit codes are a public enumeration.
"""

from __future__ import annotations

from influence_sim.cli.app import main
from influence_sim.cli.exit_codes import ExitCode

__all__ = ["ExitCode", "main"]
