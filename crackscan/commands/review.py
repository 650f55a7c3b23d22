"""`crackscan review`: show a scan as a page on this machine, and save what people say about its rows."""

import getpass
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from crackscan.basics.errors import MissingExtra
from crackscan.commands.exits import UNREADABLE, stoppable, user_errors
from crackscan.commands.options import RUNNING, Threshold

LONGEST_NAME = 80  # characters


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        return "reviewer"


@user_errors()
@stoppable()
def review(
    journal: Annotated[
        Path, typer.Argument(help="The journal OUT.journal that a scan leaves beside its output OUT.")
    ],
    *,
    reviewer: Annotated[
        str | None,
        typer.Option(help="Save verdicts under this name.", show_default="the login name"),
    ] = None,
    threshold: Threshold = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Show no page: write what was judged to a new folder, as labelled tiles and corrections for "
            "evaluate and train.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this port.", rich_help_panel=RUNNING)
    ] = 0,
    browser: Annotated[
        bool, typer.Option(help="Open the page in a browser.", rich_help_panel=RUNNING)
    ] = True,
) -> None:
    """Look at a scan in a browser, judge its rows, and measure how good it is here.

    Verdicts are saved at each key in OUT.journal.verdicts. The page is for this machine alone, and needs no
    network. Ctrl-C ends it.
    """
    name = (reviewer or _login_name()).strip()
    if not name.isprintable() or not 1 <= len(name) <= LONGEST_NAME:
        raise typer.BadParameter(f"--reviewer: give a name of 1 to {LONGEST_NAME} characters in one line.")
    if export is not None:
        _export(journal, export)
        return
    _serve(journal, name, threshold, port, open_browser=browser)


def _serve(journal: Path, reviewer: str, threshold: float | None, port: int, *, open_browser: bool) -> None:
    from crackscan.commands.console import plural, say

    try:
        from crackscan.review.session import open_session
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f'crackscan review needs {error.name}; install the extra: pip install "crackscan[review]".'
        ) from error
    with open_session(journal, reviewer, threshold=threshold, port=port) as session:
        if missing := session.rows.missing:
            say(f"The scan is not complete: {missing:,} photos and mosaic bands are left to judge.")
        count = len(session.rows)
        say(f"{count:,} {plural('row', count)} for {reviewer}. Open this address, and press Ctrl-C to end:")
        say(session.server.address)
        if open_browser:
            import webbrowser

            webbrowser.open(session.server.address)
        with suppress(KeyboardInterrupt):
            session.server.serve_forever()
        judged, path = len(session.verdicts.rows()), session.verdicts.path
    verdicts = f"{judged:,} {plural('row', judged)} with verdicts in {path}" if judged else "no verdict"
    say(f"The review has ended with {verdicts}.")


def _export(journal: Path, folder: Path) -> None:
    from crackscan.commands.console import plural, say
    from crackscan.review.export import export

    exported = export(journal, folder)
    tiles = exported.cracks + exported.no_cracks
    say(
        f"{folder}: {tiles:,} labelled {plural('tile', tiles)} ({exported.cracks:,} cracked), and "
        f"{exported.corrections:,} {plural('correction', exported.corrections)} of photos."
    )
    for source, reason in exported.unreadable.items():
        say(f"{source}: its tiles are missing, because the file cannot be read: {reason}.")
    if exported.unreadable:
        raise typer.Exit(UNREADABLE)
