"""What is kept of a run: totals, daily series, posts, a sample of exposures, and where it all came from."""

from influence_sim.record.provenance import provenance
from influence_sim.record.result import RunResult, result_of

__all__ = ["RunResult", "provenance", "result_of"]
