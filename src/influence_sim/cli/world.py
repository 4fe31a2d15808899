"""`influence-sim world`: build a world once and keep it, for runs that start at once and share its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from influence_sim.cli.asking import ask
from influence_sim.cli.console import Console
from influence_sim.cli.helping import Page
from influence_sim.cli.options import RUNNING, graph_options, scenario_argument, set_option, voice_options, writable


@click.command(
    "world",
    cls=Page,
    examples=(
        "influence-sim world scenarios/demo.yaml --out results/demo_world",
        "influence-sim compare scenarios/demo.yaml --world results/demo_world --out results/demo",
        "influence-sim world scenarios/demo.yaml --replication 3 --seed 7 --out results/another_world --json",
    ),
    writes="With --out DIR: a .npy file per column of people, creators and follows, world.json and provenance.json; whole or not at all.",
    codes=RUNNING,
)
@scenario_argument
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Folder for the world.")
@click.option("--replication", type=click.IntRange(0, 2**20 - 1), default=0, show_default=True, metavar="N", help="Which draw.")
@click.option("--seed", type=int, metavar="N", help="Seed of the world.")
@graph_options
@set_option
@voice_options
@click.pass_obj
def command(console: Console, /, scenario: Path, out: Path, replication: int, overrides: tuple[str, ...], **options: Any) -> int:
    """Write the people, creators and follows of a scenario as files, which `compare --world` and `run --world` open at once."""
    from influence_sim.studies.outputs import check_target

    check_target(writable(out))
    loaded = ask(console, scenario, overrides, options)
    asked = loaded.scenario
    if asked.world is not None:
        raise click.UsageError(f"the scenario already plays in the world {asked.world}")

    from influence_sim.engine import warm_up
    from influence_sim.record import provenance
    from influence_sim.studies.outputs import whole_folder, write_provenance
    from influence_sim.studies.worlds import Worlds
    from influence_sim.world.build import build_world
    from influence_sim.world.files import write_world

    warm_up(announce=console.note)
    console.note(f"{asked.name}: a world of {asked.market.people.agents:,} people")
    made = build_world(asked.market, asked.world_seed, replication, Worlds().graph(asked))
    with whole_folder(out) as folder:
        file = None if asked.graph_file is None else Path(asked.graph_file).name
        write_world(made, folder, asked.market, asked.world_seed, replication, file)
        write_provenance({**provenance(loaded), "world": {"replication": replication}}, folder)
        names = sorted(path.name for path in folder.iterdir())
    size = sum((out / name).stat().st_size for name in names)
    found = {"people": made.size, "follows": len(made.follows.target), "creators": int((made.people.creator >= 0).sum()), "bytes": size}
    text = f"{found['people']:,} people, {found['creators']:,} creators, {found['follows']:,} follows: {size / 1e6:,.0f} MB in {out}"
    return console.done(text, found, {name: str(out / name) for name in names})
