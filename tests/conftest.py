"""What every test starts from: no display, one hypothesis profile, validation on, paths of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import HealthCheck, settings

# Derandomised: a failure in continuous integration is the failure on a desk. Two shared cores: no deadline.
settings.register_profile(
    "project", derandomize=True, deadline=None, max_examples=25, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("project")


def pytest_configure(config: pytest.Config) -> None:
    """Compile the engine once, before the workers start: side by side each would compile it for itself."""
    if not hasattr(config, "workerinput"):
        from influence_sim.engine import warm_up

        warm_up(print)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Top folder of the repository."""
    return Path(__file__).parents[1]
