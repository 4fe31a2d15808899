"""`check-strategy` and the document that explains strategies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from influence_sim.cli import main
from influence_sim.strategies import SELECTORS, TIMINGS, BrandView, Strategy

TOP = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _registries() -> Iterator[None]:
    """Forget what a test registered."""
    registries = (Strategy.registry, SELECTORS, TIMINGS)
    kept = [dict(registry) for registry in registries]
    yield
    for registry, before in zip(registries, kept, strict=True):
        registry.clear()
        registry.update(before)


def test_the_document_runs_and_names_every_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TOP)
    text = (TOP / "docs/howto/strategy.md").read_text()
    assert [field.name for field in fields(BrandView) if f"`{field.name}`" not in text] == []
    names: dict[str, object] = {"__name__": "notebook"}
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "docs/howto/strategy.md", "exec"), names)
    assert "mine" in names["result"].answer  # type: ignore[attr-defined]


def test_a_good_strategy_is_fine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-strategy", "gifting"]) == 0
    assert "gifting: fine." in capsys.readouterr().out


MINE = '''
from influence_sim.strategies import PaidImpressions, Strategy

class Spender(Strategy):
    """Spend too much."""
    name = "spender"
    claim = "more is more"
    source = "assumption"
    def plan(self, view):
        return [PaidImpressions(view.money_left + 1, view.day)]

class Peeker(Spender):
    """Look."""
    name = "peeker"
    def plan(self, view):
        view.truth()
        return []

class Honest(Peeker):
    """Look, and say so."""
    name = "honest"
    @property
    def reads_truth(self):
        return True
'''


@pytest.mark.parametrize(
    ("which", "code", "says"),
    [("Spender", 1, "spends more than the budget"), ("Peeker", 1, "reads_truth"), ("Honest", 0, "fine"), ("Nobody", 2, "cannot load"),
     ("Strategy", 1, "has no name")],
)  # fmt: skip
def test_a_strategy_of_ones_own(
    which: str, code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = f"mine_{which.lower()}"
    (tmp_path / f"{module}.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    assert main(["check-strategy", f"{module}:{which}"]) == code
    told = capsys.readouterr()
    assert says in told.out + told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("wrong", ["micro_portfolo", "zzz", "json:loads", "no_such_module:X"])
def test_a_wrong_name_is_usage(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-strategy", wrong]) == 2
    assert "error:" in capsys.readouterr().err


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-strategy", "macro", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert "macro" in json.dumps(answer)
