"""The receipt as text: everything that is needed to recompute it by hand."""

import io
import json
from pathlib import Path

import pytest
import typer
from rich.console import Console
from tests.integration.world import World, open_world

from jeton.charging.words import Rule
from jeton.cli.receipt import print_receipt, verify_copy
from jeton.db.pool import Pool
from jeton.insight.receipt import get_receipt
from jeton.insight.receipt_json import render_receipt


async def text_of(world: World, request_id: str) -> str:
    async with world.pool.connection() as connection:
        receipt = await get_receipt(connection, None, request_id)
    out = io.StringIO()
    print_receipt(receipt, Console(file=out, width=160, highlight=False))
    return out.getvalue()


async def test_every_step_of_a_charge_is_printed(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    text = await text_of(world, charge.request_id)
    for words in (
        charge.request_id,
        "completed: The answer is complete",
        "claude-sonnet-5-5@2026-10-07",
        "sha256:",
        "Cache read: 100,000",
        "× 0.05",
        "100,000 × 0.1 ÷ 1,000,000",
        "$0.01",
        "Prompt caching",
        "-$0.19",
        "rounded once to a nano-dollar",
        "$1.00, of which $0.971 went back",
        "(free) paid $0.029",
        charge.transaction_id,
        "promotion",
    ):
        assert words in text, words
    assert "MISMATCH" not in text
    await world.close()


async def test_a_kept_copy_is_true_until_a_number_in_it_is_changed(
    pool: Pool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    async with pool.connection() as connection:
        found = await get_receipt(connection, None, charge.request_id)
    path = tmp_path / "receipt.json"
    shown = json.dumps(render_receipt(found), indent=2)
    path.write_text(shown, "utf-8")
    verify_copy(path, found)
    assert "as it is stored: sha256:" in capsys.readouterr().out
    path.write_text(shown.replace('"0.029"', '"0.028"'), "utf-8")
    with pytest.raises(typer.Exit):
        verify_copy(path, found)
    path.write_text("no JSON", "utf-8")
    with pytest.raises(typer.BadParameter):
        verify_copy(path, found)
    await world.close()


async def test_an_open_hold_and_a_released_one_are_said(pool: Pool) -> None:
    world = await open_world(pool)
    hold = await world.hold(70_000_000)
    released = await world.charging.release(await world.hold(), Rule.UPSTREAM_FAILED)
    opened = await text_of(world, hold.ask.request_id)
    assert "has set aside $0.07" in opened
    assert "valid until" in opened
    assert "$1.00, of which $1.00 went back" in await text_of(world, released.request_id)
    await world.close()


async def test_a_mismatch_is_loud(pool: Pool) -> None:
    world = await open_world(pool)
    charge = await world.bill()
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE charges DISABLE TRIGGER USER")
        await connection.execute("UPDATE charges SET net_nano = net_nano + 1")
    assert "MISMATCH The stored usage rates to $0.029" in await text_of(world, charge.request_id)
    await world.close()
