"""``jeton payments``: the group, one function a command."""

import typer

from jeton.cli.payments.recording import (
    apply_command,
    list_command,
    pay_back_command,
    record_command,
    unapply_command,
    void_command,
    wait_command,
)
from jeton.cli.payments.statements import assign_command, ignore_command, import_command, lines_command

app = typer.Typer(help="Payments on documents, and statements of the bank.", no_args_is_help=True)
app.command("list")(list_command)
app.command("record")(record_command)
app.command("apply")(apply_command)
app.command("unapply")(unapply_command)
app.command("void")(void_command)
app.command("pay-back")(pay_back_command)
app.command("import")(import_command)
app.command("lines")(lines_command)
app.command("assign")(assign_command)
app.command("ignore")(ignore_command)
app.command("wait")(wait_command)
