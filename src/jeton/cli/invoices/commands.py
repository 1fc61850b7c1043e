"""``jeton invoices``: the group, one function a command."""

import typer

from jeton.cli.invoices.commitments import commitment_command, commitments_command
from jeton.cli.invoices.giving_up import write_off_command
from jeton.cli.invoices.making import (
    close_command,
    credit_note_command,
    issue_command,
    reissue_command,
    void_command,
)
from jeton.cli.invoices.profiles import profile_command, rate_command, rates_command
from jeton.cli.invoices.save import save
from jeton.cli.invoices.showing import draft_command, list_command, show_command
from jeton.cli.invoices.verify import verify

app = typer.Typer(help="Invoices, receipts and credit notes, and whether one is right.", no_args_is_help=True)
app.command("list")(list_command)
app.command("show")(show_command)
app.command("draft")(draft_command)
app.command("issue")(issue_command)
app.command("close")(close_command)
app.command("void")(void_command)
app.command("reissue")(reissue_command)
app.command("credit-note")(credit_note_command)
app.command("write-off")(write_off_command)
app.command("profile")(profile_command)
app.command("rate")(rate_command)
app.command("rates")(rates_command)
app.command("commitment")(commitment_command)
app.command("commitments")(commitments_command)
app.command("verify")(verify)
app.command("save")(save)
