"""The command line, run inside the tests' own process."""

from typer.testing import CliRunner, Result

from crackscan.cli import app


def run(*arguments: object, stdin: str | None = None) -> Result:
    """Run a command; its text for a person is in `stderr`."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
