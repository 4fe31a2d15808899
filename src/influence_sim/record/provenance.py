"""Where a result came from: the resolved question, digests, versions, code revision and machine."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath
from typing import Any

from influence_sim._version import MODEL_VERSION, __version__

PACKAGES = ("mesa", "networkx", "numpy", "numba", "llvmlite", "pandas", "scipy", "pyarrow", "matplotlib", "pydantic", "ruamel.yaml")


def provenance(question: Any) -> dict[str, Any]:
    """Return the provenance of a result.

    Parameters
    ----------
    question : Loaded or Scenario
        With a `Loaded`, the origin of every value is kept.
    """
    scenario = getattr(question, "scenario", question)
    world: dict[str, Any] = {}
    if scenario.world is not None:
        from influence_sim.world.files import read_header

        world = {"world_sha256": read_header(scenario.world)["sha256"]}
    return {
        "schema_version": 1,
        **circumstances(),
        "scenario": scenario.model_dump(mode="json"),
        "scenario_file": PurePath(getattr(question, "file", "")).name,
        "scenario_digest": scenario.digest,
        **world,
        "origins": dict(getattr(question, "origins", {})),
        "seeds": {"world_seed": scenario.world_seed, "path_seed": scenario.path_seed, "replications": scenario.replications},
        "feed_items_sample": "every slot of up to 25 people, evenly spaced by row",
    }


def circumstances() -> dict[str, Any]:
    """Return which model, code, packages and machine made a result, when and by which command."""
    return {
        "package_version": __version__,
        "model_version": MODEL_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["influence-sim", *sys.argv[1:]],
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "packages": {name: _version(name) for name in PACKAGES},
        "code": _revision(),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _revision() -> dict[str, Any]:
    """Return the git commit of the source tree and whether it was changed, or why that is unknown."""
    folder = Path(__file__).parent
    try:
        run = [
            subprocess.run(["git", "-C", str(folder), *args], capture_output=True, text=True, timeout=5, check=True).stdout
            for args in (("rev-parse", "HEAD"), ("status", "--porcelain", "--", "."))
        ]
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}
    return {"commit": run[0].strip(), "dirty": bool(run[1].strip())}
