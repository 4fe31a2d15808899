"""What is kept of a run: totals, daily series, posts, a sample of exposures, its events, and where it all came from."""

from influence_sim.record.event_log import EventLog, read_events
from influence_sim.record.provenance import provenance
from influence_sim.record.result import RunResult, result_of

__all__ = ["EventLog", "RunResult", "provenance", "read_events", "result_of"]
