"""The command line: `crackscan scan`, `convert`, `review`, `evaluate`, `train` and `model`.

Each command imports what it needs when it runs, so that --help is fast.
"""

import gc
import sys
from typing import Annotated

import typer

from crackscan import __version__
from crackscan.basics.gis_environment import remove_network_drivers, restrict_gdal
from crackscan.commands.convert import convert
from crackscan.commands.evaluate import evaluate
from crackscan.commands.exits import VisibleErrors, open_missing_streams, stdout_errors
from crackscan.commands.model import app as model
from crackscan.commands.review import review
from crackscan.commands.scan import scan
from crackscan.commands.train import train

# Objects from one collection of garbage to the next. By Python's own 700, the objects of imports are looked
# through again and again, though all of them stay: a twentieth of the time of a small scan.
GARBAGE_THRESHOLD = 10_000

app = typer.Typer(
    cls=VisibleErrors,
    help="Find cracks in photos and orthomosaics of concrete, and write them as a table or a map layer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    open_missing_streams()
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")  # the row of an input says what a person needs to know
    sys.modules.setdefault("boto3", None)  # type: ignore[arg-type]  # rasterio imports it, for half a second
    restrict_gdal()
    remove_network_drivers()
    with stdout_errors():
        app()


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it with the flag
    if wanted:
        typer.echo(f"crackscan {__version__}")
        raise typer.Exit


@app.callback()
def _crackscan(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version, and exit.")
    ] = False,
) -> None:
    pass


app.command()(scan)
app.command()(convert)
app.command()(review)
app.command()(evaluate)
app.command()(train)
app.add_typer(model, name="model")
