"""`python -m influence_sim.cli`: the same as `influence-sim`."""

from __future__ import annotations

import sys

from influence_sim.cli import main

if __name__ == "__main__":
    sys.exit(main())
