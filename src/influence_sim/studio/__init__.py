"""The studio: live worlds in the browser, and recorded ones in one file.

`lessons` says what can be played, `worlds` plays it, `sessions` is one open page, `app` serves pages on this
computer only, `recording` writes a page that needs no server. The front end is in `static`: plain ES modules.
"""
