"""Addresses of databases as messages show them: readable, and never with a password."""

import pytest

from jeton.db.pool import render_address

ADDRESSES = {
    "postgresql://jeton:secret@db.example.com:5432/jeton": "db.example.com:5432/jeton",
    "postgresql://db.example.com/jeton": "db.example.com/jeton",
    "postgresql://jeton:secret@[::1]:5433/jeton": "[::1]:5433/jeton",
    "postgresql://[::1]/jeton": "[::1]/jeton",
    "postgresql://jeton:p%2Fw@%2Fsrv%2FJeton%2Fsocket:35547/jeton": (
        "the socket in /srv/Jeton/socket (port 35547, database jeton)"
    ),
    "postgresql:///jeton?host=%2Frun%2Fpostgresql": "the socket in /run/postgresql (database jeton)",
    "postgresql:///jeton": "the local socket (database jeton)",
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_is_readable(url: str) -> None:
    assert render_address(url) == ADDRESSES[url]
