"""The wheel, installed without the sources, has everything it needs."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
TOP = Path(__file__).parents[2]
TINY = [
    f"--set={x}" for x in ("people.agents=200", "people.population=2_000", "creators.count=12", "feed.stage_quota=15", "horizon=3")
]  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; packages it needs are those of this one. Yields its folder of commands."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"  # so that building leaves nothing behind
    sources.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, sources)
    shutil.copytree(TOP / "src", sources / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(sources)], capture_output=True, text=True)
    if built.returncode and ("setuptools" in built.stderr or "Connection" in built.stderr):
        pytest.skip("no package index to fetch setuptools from")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    subprocess.run([*pip, "install", "--no-deps", "--prefix", str(folder / "env"), str(wheel)], check=True)
    # Below what is installed here: the sources themselves, which an editable installation would add, stay out.
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    shutil.rmtree(sources)
    return folder / "env" / "bin"


def alone(installed: Path) -> dict[str, str]:
    """Return an environment that knows nothing of the sources, and whose compiled kernels go with the test."""
    return {**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, "INFLUENCE_SIM_CACHE": str(installed.parents[1] / "cache")}


def call(installed: Path, *words: str, folder: Path) -> str:
    """Run a command of the installed package and return what it prints."""
    done = subprocess.run([installed / "influence-sim", *words], cwd=folder, env=alone(installed), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_package_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    ask = "import influence_sim; print(influence_sim.__file__)"
    found = subprocess.run(
        [installed / "python", "-c", ask], cwd=tmp_path, env=alone(installed), capture_output=True, text=True, check=True
    )  # fmt: skip
    assert found.stdout.startswith(str(installed.parent))


def test_a_first_hour(installed: Path, tmp_path: Path) -> None:
    assert "compare" in call(installed, "--help", folder=tmp_path)
    call(installed, "new", "mine.yaml", folder=tmp_path)
    call(installed, "check", "mine.yaml", folder=tmp_path)
    call(installed, "run", "mine.yaml", "--strategy", "none", *TINY, "--out", "one", folder=tmp_path)
    assert (tmp_path / "one" / "totals.csv").exists()
    call(installed, "compare", "mine.yaml", "--replications", "2", "--jobs", "1", *TINY, "--out", "two", folder=tmp_path)
    assert "<svg" in (tmp_path / "two" / "report.html").read_text()
    for verb in ("scorecard", "studio", "replay", "odd"):
        call(installed, verb, "--help", folder=tmp_path)


def test_the_studio_and_its_modules(installed: Path, tmp_path: Path) -> None:
    httpx = pytest.importorskip("httpx", reason="httpx is not installed")
    pytest.importorskip("uvicorn", reason="the studio extra is not installed")
    command = [installed / "influence-sim", "studio", "--no-browser", "--quiet"]
    with subprocess.Popen(command, cwd=tmp_path, env=alone(installed), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            link = process.stdout.readline().strip()
            assert "Parallel worlds" in httpx.get(link).text
            for path in (TOP / "src/influence_sim/studio/static").iterdir():
                answer = httpx.get(f"{link.partition('/?')[0]}/static/{path.name}")
                assert answer.text == path.read_text(encoding="utf-8"), path.name
        finally:
            process.terminate()


def test_a_replay(installed: Path, tmp_path: Path) -> None:
    call(installed, "replay", "parallel", "--out", "class.html", folder=tmp_path)
    assert (tmp_path / "class.html").stat().st_size > 50_000
