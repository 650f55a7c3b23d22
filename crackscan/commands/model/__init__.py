"""`crackscan model`: commands that complete or change a model folder."""

import typer

from crackscan.commands.model.add_lines import add_lines
from crackscan.commands.model.average import average
from crackscan.commands.model.calibrate import calibrate
from crackscan.commands.model.gate import gate
from crackscan.commands.model.leave_one_out import leave_one_out
from crackscan.commands.model.quantise import quantise

app = typer.Typer(
    help="Measure, calibrate or complete a model folder with the datasets that it was trained on.",
    no_args_is_help=True,
)
app.command()(leave_one_out)
app.command()(calibrate)
app.command()(quantise)
app.command()(add_lines)
app.command()(gate)
app.command()(average)
