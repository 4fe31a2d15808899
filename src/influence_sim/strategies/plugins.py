"""Plug-ins named in scenario files: is the name known, and does the plug-in take these options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def check_named(name: str, options: Mapping[str, float], known: Mapping[str, Callable[..., Any]], given: int) -> None:
    """Raise `ValueError` when a plug-in is not known or does not take these options; it is called with `given` arguments of its own."""
    if name not in known:
        raise ValueError(f"must be one of {', '.join(sorted(known))}; got {name!r}")
    takes = list(inspect.signature(known[name]).parameters)[given:]
    wrong = sorted(set(options) - set(takes))
    if wrong:
        raise ValueError(f"{name!r} takes {', '.join(takes) or 'no options'}; got {', '.join(wrong)}")
