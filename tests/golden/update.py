"""Move the golden numbers: `make golden REASON="..."` or `python tests/golden/update.py --reason "..."`.

The numbers stand still unless the model is meant to change; the reason is kept beside them. Without
a reason, or with the model version of the numbers before, the script only shows what would move: runs that are kept are told apart by it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from influence_sim._version import MODEL_VERSION

HERE = Path(__file__).parent
BASELINE = HERE / "baseline.json"
sys.path.insert(0, str(HERE.parent))


def measure() -> dict[str, dict[str, float]]:
    """Return totals of small fixed runs: one per feed policy, with posts and ads of a brand."""
    from influence_sim.feeds import FeedPolicy
    from small_worlds import campaign, market_of, run, simulation

    found: dict[str, dict[str, float]] = {}
    for policy in ("following", "for_you", "instagram_like", "interest", "random", "top_chart", "trending", "x_like", "youtube_like"):
        values: dict[str, Any] = {f"feed.{k}": v for k, v in FeedPolicy.registry[policy].values.items()}
        sim = run(simulation(market_of({**values, "feed.policy": policy}), horizon=4), campaign)
        found[policy] = {name: float(sum(sim.daily[name])) for name in sim.daily}
        found[policy]["posts"] = float(sim.post_count)
    return found


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what moved: whole numbers compare exactly, others to 1e-9."""
    lines = []
    for policy in sorted({*old, *new}):
        before, after = old.get(policy, {}), new.get(policy, {})
        for name in sorted({*before, *after}):
            x, y = before.get(name), after.get(name)
            if x is None or y is None or not (x == y or (x != int(x) and abs(x - y) <= 1e-9 * max(abs(x), abs(y)))):
                lines.append(f"{policy}.{name}: {x} -> {y}")
    return lines


def main() -> int:
    """Compare with the baseline and, given a reason, replace it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reason", default=os.environ.get("REASON", ""), help="why the numbers move; kept in the file")
    reason = parser.parse_args().reason.strip()
    old = json.loads(BASELINE.read_text()) if BASELINE.exists() else {"numbers": {}, "reason": ""}
    new = measure()
    moved = differences(old["numbers"], new)
    print("\n".join(moved) or "nothing moved")
    if not moved:
        return 0
    if not reason:
        print('not written: say why, for example  make golden REASON="quality weighs less"')
        return 2
    if old.get("model_version") == MODEL_VERSION:
        print(f"not written: these are numbers of model version {MODEL_VERSION}; raise it in _version.py, for kept runs would be mixed")
        return 2
    BASELINE.write_text(json.dumps({"reason": reason, "model_version": MODEL_VERSION, "numbers": new}, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
