"""Many runs: `runner` runs every strategy in every replication, `statistics` compares them in pairs,
`compare` turns the runs into tables and an answer in words, `outputs` writes them.
"""

from __future__ import annotations

from influence_sim.studies.compare import Comparison, compare
from influence_sim.studies.outputs import OutputError, write_comparison, write_tables
from influence_sim.studies.runner import RunError, run_all, run_one

__all__ = ["Comparison", "OutputError", "RunError", "compare", "run_all", "run_one", "write_comparison", "write_tables"]
