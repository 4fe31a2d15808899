"""What goes where: results to stdout, everything else to stderr, one object with --json."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import dataclass, field
from typing import IO, Any

from influence_sim.cli.exit_codes import ExitCode
from influence_sim.cli.failures import Failure

SCHEMA_VERSION = 1


def is_plain(stream: IO[str]) -> bool:
    """Tell whether a stream must stay free of colours and moving bars."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb" or not stream.isatty()


def jsonable(value: Any) -> Any:
    """Turn NumPy scalars, NaN and nested containers into what strict JSON allows."""
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


@dataclass
class Console:
    """One command's voice; made by `main`, passed to commands as `ctx.obj`."""

    command: str = ""
    as_json: bool = False
    quiet: bool = False
    warnings: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say something that is not the result, unless `--quiet`."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Warn on stderr (also with `--quiet`) and in the JSON object."""
        self.warnings.append(text)
        print(f"warning: {text}", file=sys.stderr, flush=True)

    def done(self, text: str, result: Any, outputs: dict[str, str] | None = None, code: ExitCode = ExitCode.DONE) -> int:
        """Print the result as text, or as the JSON object; return the exit code."""
        if self.as_json:
            self._object("ok" if code == ExitCode.DONE else "incomplete", result, outputs or {})
        else:
            print(text)
        return int(code)

    def fail(self, failure: Failure) -> None:
        """Print a failure: for people on stderr, and as the JSON object where asked."""
        print(failure.text if is_plain(sys.stderr) else f"\x1b[31m{failure.text}\x1b[0m", file=sys.stderr, flush=True)
        if self.as_json:
            result = {"exit_code": int(failure.code), "message": failure.text, "problems": failure.problems}
            self._object("interrupted" if failure.code == ExitCode.INTERRUPTED else "error", result, {})

    def _object(self, status: str, result: Any, outputs: dict[str, str]) -> None:
        # Strict JSON: a cell that means nothing is null, never NaN.
        record = {
            "schema_version": SCHEMA_VERSION, "command": self.command, "status": status,
            "result": jsonable(result), "warnings": self.warnings, "outputs": outputs,
        }  # fmt: skip
        print(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
