"""The strategy pages of the studio: forms, jobs and their results, made on the server and sent as parts of a page.

A scenario is chosen by its identity: the name of a file in the scenarios' folder, `upload-...` for one that a page sent, or
`plan-JOB` for the plan that a job found. No path comes from the browser.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import tempfile
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from influence_sim.scenario.errors import ScenarioError
from influence_sim.scenario.loader import load_scenario
from influence_sim.studio.answers import DAMAGES, answer, files_of
from influence_sim.studio.forms import (
    FORMS,
    MOST_AGENTS,
    QUICK_PEOPLE,
    FormError,
    Source,
    channels,
    futures,
    plain,
    plans,
    read_form,
)
from influence_sim.studio.jobs import IDENTITY, Job, JobError, Jobs
from influence_sim.studio.scenario_files import TOO_LARGE, read_scenario, received

MOST_UPLOADS = 32
MOST_LISTED = 8
MORE = 100  # worlds that a further step of a comparison plays
TITLES = {"compare": "Compare strategies", "stress": "Stress test", "allocate": "Allocate the budget"}
LEADS = {
    "compare": "Which strategy is best, by how much, and how sure is that?",
    "stress": "How do the plans fare when the future is not as expected?",
    "allocate": "How should the money be split, and does the split matter?",
}
GOALS = {
    "profit": "profit", "incremental_purchases": "extra purchases", "reach": "people reached",
    "cost_per_incremental_purchase": "cost per extra purchase",
}  # fmt: skip
# Numbers that forms ask, with the least each may be.
BOXES = {
    "compare": {"replications": 2}, "stress": {"worlds": 3, "threshold": -1_000_000},
    "allocate": {"trials": 2, "worlds": 3, "check_worlds": 5},
}  # fmt: skip
BOUNDS = {"floor": 0, "ceiling": 100, "now": ""}
HELPS = {
    "compare": "A world is one simulated launch; every strategy is played in the same worlds.",
    "stress": (
        "A plan is good enough in a future when its mean there reaches the number you give: USD of profit, extra purchases or people "
        "reached, as the goal says."
    ),
    "allocate": (
        "Each of the splits tried is played in the worlds of the search. The leading ones are played again in the unseen worlds, and "
        "only what happens there is told."
    ),
}
SIZES = (
    "Sizes are small, so that a class laptop answers in about a minute. More worlds make intervals narrower, more people make the "
    "market finer."
)
EMPTY = (
    "No scenarios here: start the studio in a folder with scenarios/*.yaml, write one with `influence-sim new scenarios/mine.yaml`, "
    "or open a file."
)
# Files of a result bring styles of their own; they may run nothing and load nothing.
OF_RESULTS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"}


class Sources:
    """The scenarios that forms may name.

    Parameters
    ----------
    folder
        Whose `*.yaml` are offered; resolved once.
    jobs
        Whose plans are offered.
    """

    def __init__(self, folder: Path, jobs: Jobs) -> None:
        self.folder, self._jobs = folder.absolute(), jobs
        self._sent: dict[str, tuple[str, bytes]] = {}
        self._place = tempfile.TemporaryDirectory(prefix="influence-sim-studio-")

    def close(self) -> None:
        """Forget what pages have sent."""
        self._place.cleanup()

    def listed(self) -> dict[str, str]:
        """Return identity -> name."""
        found = {path.stem: path.stem for path in sorted(self.folder.glob("*.yaml"))} if self.folder.is_dir() else {}
        return {**found, **{key: f"{name} (your file)" for key, (name, _) in self._sent.items()}}

    def of(self, identity: str) -> Source:
        """Return a scenario.

        Raises
        ------
        FormError
            When there is none of this identity.
        """
        if identity in self._sent:
            return Source(Path(self._place.name) / f"{identity}.yaml", self._sent[identity][1])
        if identity in self.listed():
            return Source(self.folder / f"{identity}.yaml")
        job = identity.removeprefix("plan-")
        if IDENTITY.fullmatch(job) and job in self._jobs.identities() and (plan := self._jobs.result(job) / "plan.yaml").is_file():
            return Source(plan)
        raise FormError([f"the studio knows no scenario `{identity[:60]}` (any more): choose one of the list, or open the file again"])

    def add(self, body: bytes, name: str) -> str:
        """Keep a checked scenario that a page sent, and return its identity."""
        if len(self._sent) >= MOST_UPLOADS:
            del self._sent[next(iter(self._sent))]
        identity = f"upload-{secrets.token_hex(4)}"
        self._sent[identity] = name, body
        (Path(self._place.name) / f"{identity}.yaml").write_bytes(body)
        return identity


class Desk:
    """What the strategy pages ask of the server; `allowed` judges a request, its second argument asks for the page's own origin."""

    def __init__(self, jobs: Jobs, sources: Sources, allowed: Callable[[Request, bool], bool]) -> None:
        self.jobs, self.sources, self._allowed = jobs, sources, allowed

    def routes(self) -> list[Route]:
        """Return the routes."""
        kind = "/strategy/{kind}"
        return [
            Route(kind, self._guarded(self.form)), Route(kind, self._guarded(self.ask, True), methods=["POST"]),
            Route(kind + "/upload", self._guarded(self.upload, True), methods=["POST"]),
            Route(kind + "/{which}", self._guarded(self.page)),
            Route(kind + "/{which}/plan.yaml", self._guarded(self.plan)),
            Route(kind + "/{which}/file/{name:path}", self._guarded(self.file)),
            Route(kind + "/{which}/{act}", self._guarded(self.act, True), methods=["POST"]),
        ]  # fmt: skip

    def _guarded(self, answer: Callable[[Request], Awaitable[Response]], post: bool = False) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if not self._allowed(request, post):
                return PlainTextResponse("refused\n", 403)
            if request.path_params["kind"] not in FORMS:
                return PlainTextResponse("not found\n", 404)
            try:
                return await answer(request)
            except FormError as error:
                return JSONResponse({"problems": error.problems}, 422)
            except JobError as error:
                return JSONResponse({"problems": [str(error)]}, 404)

        return guarded

    # ----------------------------------------------------------------- pages

    async def form(self, request: Request) -> Response:
        """Return the form for the first scenario."""
        return await self._form(request, next(iter(self.sources.listed()), ""))

    async def page(self, request: Request) -> Response:
        """Return a job, or the form for a scenario."""
        which = request.path_params["which"]
        if not IDENTITY.fullmatch(which):
            return await self._form(request, which)
        return await self._html(request, "job.html.j2", lambda: self._job(which, str(request.query_params["token"])))

    async def _form(self, request: Request, identity: str) -> Response:
        kind = request.path_params["kind"]
        return await self._html(request, "form.html.j2", lambda: self._asked(kind, identity))

    async def _html(self, request: Request, template: str, values: Callable[[], dict[str, Any]]) -> Response:
        kind = request.path_params["kind"]
        filled = await asyncio.to_thread(values)
        earlier = [(job, _title(job)) for job in await asyncio.to_thread(self._earlier)]
        common = {"kind": kind, "titles": TITLES, "title": TITLES[kind], "lead": LEADS[kind], "earlier": earlier}
        return HTMLResponse(templates().get_template(template).render(**common, **filled))

    def _earlier(self) -> list[Job]:
        return [self.jobs.read(one) for one in self.jobs.identities()[:MOST_LISTED]]

    def _asked(self, kind: str, identity: str) -> dict[str, Any]:
        listed = self.sources.listed()
        values: dict[str, Any] = {"sources": listed, "chosen": identity, "scenario": None, "problems": []}
        if not identity:
            return {**values, "problems": [EMPTY]}
        try:
            scenario = load_scenario(self.sources.of(identity).file).scenario
            listed.setdefault(identity, f"{scenario.name} of {identity.removeprefix('plan-')}")
        except FormError as error:
            return {**values, "problems": error.problems, "chosen": ""}
        except ScenarioError as error:
            return {**values, "problems": [str(error)]}
        own = scenario.world is None and scenario.graph_file is None
        agents = scenario.market.people.agents
        people = min(agents, QUICK_PEOPLE)
        fields = FORMS[kind].model_fields
        boxes = [("budget", plain(scenario.budget), 0), ("days", scenario.horizon, 1), *([("people", people, 50)] if own else [])]
        boxes += [(name, fields[name].default, least) for name, least in BOXES[kind].items()]
        goals = {key: words for key, words in GOALS.items() if kind != "stress" or not key.startswith("cost")}
        more = f" The scenario's own market has {agents:,} simulated people." if own and people < agents else ""
        return {
            **values, "scenario": scenario, "goals": goals, "goal": scenario.objective if scenario.objective in goals else "profit",
            "plans": plans(scenario), "helps": [HELPS[kind], SIZES + more],
            "boxes": [(name, fields[name].title, *more) for name, *more in boxes],
            "bounds": [(name, fields[name].title, value) for name, value in BOUNDS.items()] if kind == "allocate" else [],
            "channels": list(channels(scenario)) if kind == "allocate" else [], "futures": futures() if kind == "stress" else {},
        }  # fmt: skip

    def _job(self, identity: str, token: str) -> dict[str, Any]:
        job, result = self.jobs.read(identity), self.jobs.result(identity)
        at = f"/strategy/{job.kind}/{identity}"
        told, acts = _state(job)
        said = job.answer if job.status == "done" else job.earlier  # until the next one is whole, the folder holds the earlier result
        try:
            found = answer(job._replace(answer=said), result) if said else {}
        except DAMAGES:
            found = {}
            if job.status == "done":
                told, acts = "The result is gone, or damaged.", [("again", "Play it again")]
        command = shlex.join(["influence-sim", *job.words])
        if job.folder != os.getcwd():
            command = f"cd {shlex.quote(job.folder)} && {command}"

        def address(name: str) -> str:
            return f"{at}/{name}?{urlencode({'token': token, 'runs': job.total})}"

        links = [(address(f"file/{found['page']}"), "Whole report")] if found else []
        if (result / "plan.yaml").exists():
            links += [(address("plan.yaml"), "Save the plan as a scenario"), (f"#stress/plan-{identity}", "Stress this plan")]
        links += [(f"#{job.kind}/{quote(source)}", "Ask again with other numbers")] if (source := job.about.get("source")) else []
        return {
            "job": job, "answer": found, "command": command, "name": _title(job), "told": told, "acts": acts,
            "links": links, "file": lambda name: address(f"file/{quote(name)}"),
        }  # fmt: skip

    # --------------------------------------------------------------- actions

    async def ask(self, request: Request) -> Response:
        """Begin a job."""
        body = await received(request)
        if body is None:
            raise FormError([TOO_LARGE])
        try:
            given = parse_qs(body.decode("utf-8", "replace"), max_num_fields=500)
        except ValueError as error:
            raise FormError([str(error)]) from error
        kind, identity = request.path_params["kind"], given.get("scenario", [""])[0]
        source = self.sources.of(identity)
        asked = await asyncio.to_thread(lambda: read_form(kind, given).ask(source))
        if "estimate" in given:
            return JSONResponse(await asyncio.to_thread(self.jobs.estimate, asked.words, asked.files))
        job = self.jobs.ask(kind, asked.words, asked.files, {"scenario": asked.name, "source": identity})
        return JSONResponse({"go": f"{kind}/{job}"})

    async def upload(self, request: Request) -> Response:
        """Take a scenario file, and ask about it."""
        body = await received(request)
        if body is None:
            raise FormError([TOO_LARGE])
        base, name, problems = await asyncio.to_thread(read_scenario, body, MOST_AGENTS)
        if base is None:
            raise FormError(problems)
        return JSONResponse({"go": f"{request.path_params['kind']}/{self.sources.add(body, name)}"})

    async def act(self, request: Request) -> Response:
        """Stop a job, go on with it, or give it more worlds."""
        which, act = request.path_params["which"], request.path_params["act"]
        if act == "stop":
            await asyncio.to_thread(self.jobs.stop, which)
        elif act == "again":
            self.jobs.again(which)
        elif act == "more":
            self.jobs.again(which, _with_more(self.jobs.read(which)))
        else:
            return PlainTextResponse("not found\n", 404)
        return JSONResponse({"go": f"{request.path_params['kind']}/{which}"})

    async def file(self, request: Request) -> Response:
        """Return a file of a result, by a name that the result has."""
        found = files_of(self.jobs.result(request.path_params["which"])).get(request.path_params["name"])
        return PlainTextResponse("not found\n", 404) if found is None else FileResponse(found, headers=OF_RESULTS)

    async def plan(self, request: Request) -> Response:
        """Return the plan that a job found as a scenario file that stands by itself."""
        which = request.path_params["which"]
        self.jobs.place(which)
        return FileResponse(self.sources.of(f"plan-{which}").file, filename="plan.yaml")


def _with_more(job: Job) -> list[str]:
    if job.kind != "compare":
        raise JobError("only comparisons can have more worlds")
    return [f"replications={int(word.partition('=')[2]) + MORE}" if word.startswith("replications=") else word for word in job.words]


def _state(job: Job) -> tuple[str, list[tuple[str, str]]]:
    """Return what is said of a job, and what can be done with it: acts and their words."""
    failed = str(job.answer.get("result", {}).get("message", "")) or f"The command ended without an answer: {job.line or 'it said nothing'}"
    states: dict[str, tuple[str, list[tuple[str, str]]]] = {
        "waiting": (f"Waiting in line: {job.ahead} before it.", [("stop", "Do not run it")]),
        "running": (job.line or "Starting …", [("stop", "Stop")]),
        "stopped": ("Stopped. Finished runs are kept.", [("again", "Go on")]),
        "failed": (failed, [("again", "Try again")]),
        "done": (f"Done: {job.line.partition(';')[0]}", [("more", f"Run {MORE} more")] if job.kind == "compare" else []),
    }
    return states[job.status]


def _title(job: Job) -> str:
    """Return how a job is called: its scenario and when it was asked."""
    _, day, clock, _ = job.identity.split("-")
    return f"{job.about.get('scenario', '?')}, {day[:4]}-{day[4:6]}-{day[6:]} {clock[:2]}:{clock[2:4]}"


@cache
def templates() -> Environment:
    """Return the templates of the studio; text is escaped."""
    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
