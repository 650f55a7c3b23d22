"""The command line, run inside the tests' own process."""

from typer.testing import CliRunner, Result

from crackscan.cli import app
from crackscan.commands import console


def run(*arguments: object, stdin: str | None = None) -> Result:
    """Run a command; its text for a person is in `stderr`."""
    # The console keeps the stream it was made with, the runner puts another in its place.
    console.stderr._file = None
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
