"""The studio: lessons with live worlds and questions of strategists in the browser, and recorded worlds in one file.

Lessons: `lessons` says what can be played, `worlds` plays it, `sessions` is one open page, `recording` writes a page that
needs no server. Questions: `forms` turns a form into a command line, `jobs` plays it in a process of its own, `answers` reads
its result, `strategy` serves all that. `runs` shows every result of the results folder. `app` serves pages on this computer only. The front
end is in `static`: plain ES modules.
"""
