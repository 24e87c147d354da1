"""A database that a migration led to is moved on to a third one, before anybody has cleaned up."""

from __future__ import annotations

import pytest

from confiture.errors import Refused
from confiture.model import Note
from conftest import run_psql

pytestmark = pytest.mark.anyio

CATS = "CREATE TABLE cats (id int PRIMARY KEY, name text)"
PETS = "CREATE TABLE pets (id int PRIMARY KEY, name text)"


async def test_on_to_a_third_database(moving, new_database):
    """Each pair that is named is the one that is meant, and a rollback of the second leaves the first alone."""
    move = await moving(f"{CATS}; INSERT INTO cats VALUES (1, 'tom')", PETS, "tables:\n  cats: {target: pets}\n")
    assert (await move.start("-cutover")).live == "new"
    third = new_database()
    move.project.environment_for(third, "third")
    run_psql(third, PETS)
    move.project.write("db/on.yaml", "tables: {}\n")
    on = {"source": "production_new", "target": "third"}
    run_psql(third, "CREATE TABLE fresh (id int)")
    await move.start("", **on, mapping="db/on.yaml", tables=("pets",))
    run_psql(move.target, "INSERT INTO pets VALUES (2, 'rex')")
    assert (await move.start("-follow", **on, until_caught_up=True)).target == "third"
    assert run_psql(third, "SELECT count(*) FROM pets") == "2"
    assert (await move.start("-validate", **on)).target == "third"
    with pytest.raises(Refused, match="'production_new' is the live database already"):
        await move.start("-rollback", **on)
    told = []
    assert (await move.start("-cutover", **on, observers=[told.append])).target == "third"
    alone = "this migration is of pets alone: other tables of 'production_new' stay open"
    assert alone in [event.message for event in told if isinstance(event, Note)]
    # Other tables of a database that is not all of this migration are nobody's business.
    run_psql(third, "INSERT INTO pets VALUES (3, 'tim'); INSERT INTO fresh VALUES (1)")
    assert (await move.start("-status", **on)).live == "new"
    assert (await move.start("-rollback", **on)).source == "production_new"
    assert (await move.start("-rollback")).source == "production"
    assert run_psql(move.source, "SELECT string_agg(name, ' ' ORDER BY id) FROM cats") == "tom rex tim"
    assert await move.writes("DELETE FROM cats", "DELETE FROM pets") == (True, False)
