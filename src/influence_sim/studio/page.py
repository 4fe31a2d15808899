"""The page, made of its template, the lessons and the modules of the front end."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from influence_sim._version import __version__
from influence_sim.studio.lessons import Lesson, lessons

HERE = Path(__file__).parent
STATIC = HERE / "static"
_IMPORT = re.compile(r"^import\s[^;]*?from\s+\"\./(?P<file>[\w-]+\.js)\";\n", re.MULTILINE)


def studio_page() -> str:
    """Return the page of the live studio; its scripts and styles are files of the server."""
    data = island({"version": __version__, "lessons": {name: _told(one) for name, one in lessons().items()}})
    return _fill(version=__version__, title="influence_sim studio", data=data, css=None, script=None)


def replay_page(lesson: Lesson, recording: dict[str, Any]) -> str:
    """Return a page that holds everything it needs: the same player, and a recording in place of a server."""
    script = bundle(f"recorded-{lesson.name}.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    data = island({"version": __version__, "lessons": {lesson.name: _told(lesson)}, "recording": recording})
    css = Markup((STATIC / "studio.css").read_text("utf-8"))
    title = f"{lesson.title} · influence_sim"
    return _fill(version=__version__, title=title, data=data, css=css, script=Markup(script), digest=digest)


def island(value: Any) -> Markup:
    """Return JSON that may stand inside a page: no text in it can end the element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def bundle(entry: str) -> str:
    """Return the modules that `entry` needs as one script, each before those that import it; names are unique over all of them."""
    done: dict[str, str] = {}

    def add(name: str) -> None:
        text = (STATIC / name).read_text(encoding="utf-8")
        for found in _IMPORT.finditer(text):
            if found["file"] not in done:
                add(found["file"])
        body = _IMPORT.sub("", text)
        done[name] = re.sub(r"^export (?=(?:async )?(?:function|class|const|let)\b)", "", body, flags=re.MULTILINE)

    add(entry)
    return "\"use strict\";\n" + "\n".join(done.values())


def _told(lesson: Lesson) -> dict[str, Any]:
    return lesson.model_dump(mode="json", by_alias=True, exclude={"market", "record"})


def _fill(**values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html.j2").render({"digest": None, **values})
