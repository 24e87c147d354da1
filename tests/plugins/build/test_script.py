"""The combined script: equal bytes for equal input, and psql takes it."""

from __future__ import annotations

import hashlib
import os
import select
import threading

import pytest

from confiture import SchemaBuilder
from confiture.errors import SyntaxInvalid, UsageError

pytestmark = pytest.mark.anyio


async def test_script_is_the_files_in_order_and_psql_takes_it(shop, kernel_run, database, psql) -> None:
    """A file without a last semicolon or line end does not run into its neighbour."""
    shop.schema("30_end.sql", "CREATE TABLE last_one (a int) -- no semicolon; no line end")
    shop.schema("40_after.sql", "CREATE TABLE after_it (a int);")
    async with kernel_run(shop, database=database) as run:
        report = await run.start("build", execute=False)
    psql(database, report.sql)
    assert psql(database, "SELECT to_regclass('last_one') IS NOT NULL, to_regclass('after_it') IS NOT NULL") == "t|t"


async def test_equal_input_gives_equal_bytes_and_the_hash_is_in_the_header(shop, kernel_run, tmp_path) -> None:
    """So that the file can be committed and compared."""
    texts = []
    for number in (1, 2):
        path = tmp_path / f"out{number}" / "schema.sql"
        async with kernel_run(shop, database=None, database_url=None) as run:
            report = await run.start("build", execute=False, output=str(path))
        texts.append(path.read_bytes())
    assert hashlib.sha256(texts[0]).digest() == hashlib.sha256(texts[1]).digest()
    assert f"-- sha256: {report.digest}\n".encode() in texts[0]


async def test_output_is_written_beside_a_build(shop, kernel_run, database, psql) -> None:
    """``--output`` builds and writes, as the mission says; the path is the project's."""
    async with kernel_run(shop, database=database) as run:
        await run.start("build", output="db/generated/schema.sql")
    assert "CREATE TABLE customers" in (shop.root / "db/generated/schema.sql").read_text()
    assert psql(database, "SELECT count(*) FROM names") == "0"


async def test_script_that_cannot_be_right_is_not_written(shop, kernel_run, database) -> None:
    """A file that exists is believed."""
    shop.schema("30_bad.sql", "CREATE TABL x;")
    async with kernel_run(shop, database=database) as run:
        with pytest.raises(SyntaxInvalid):
            await run.start("build", execute=False, output="schema.sql")
    assert not (shop.root / "schema.sql").exists()


@pytest.mark.parametrize("output", ["10_tables/orders.sql", "90_new.sql"])
async def test_output_is_never_a_file_of_the_schema(shop, kernel_run, output) -> None:
    """It would overwrite what somebody wrote, or everything would be built twice the next time."""
    before = {path: path.read_bytes() for path in shop.root.rglob("*.sql")}
    async with kernel_run(shop, database=None, database_url=None) as run:
        with pytest.raises(UsageError, match="would itself be a file of the schema"):
            await run.start("build", execute=False, output=f"db/schema/{output}")
    assert {path: path.read_bytes() for path in shop.root.rglob("*.sql")} == before


async def test_output_where_no_file_can_be_is_told(shop, kernel_run) -> None:
    """A slip of the user's, no defect of ours; nothing is left beside it."""
    before = sorted(shop.root.rglob("*"))
    async with kernel_run(shop, database=None, database_url=None) as run:
        for output in ("db", "db/schema/10_tables/orders.sql/x.sql"):
            with pytest.raises(UsageError, match="--output"):
                await run.start("build", execute=False, output=output)
    assert sorted(shop.root.rglob("*")) == before


async def test_output_into_a_pipe_leaves_the_pipe(shop, kernel_run) -> None:
    """``--output /dev/stdout`` as root: what is no regular file is written to, never replaced by one."""
    pipe = shop.root / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        async with kernel_run(shop, database=None, database_url=None) as run:
            await run.start("build", execute=False, output="pipe")
        assert b"CREATE TABLE customers" in os.read(reader, 65536)
    finally:
        os.close(reader)
    assert pipe.is_fifo()


async def test_output_into_a_pipe_that_nobody_reads_any_more_is_told(shop, kernel_run) -> None:
    """``--output /dev/stdout | head -1``: it is no connection to a server that was lost."""
    shop.schema("30_long.sql", f"-- {'x' * 300_000}\n")
    pipe = shop.root / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def go_away() -> None:
        select.select([reader], [], [])  # the first of it, and the pipe does not hold all of it
        os.close(reader)

    leaving = threading.Thread(target=go_away)
    leaving.start()
    async with kernel_run(shop, database=None, database_url=None) as run:
        with pytest.raises(UsageError, match="broken pipe"):
            await run.start("build", execute=False, output="pipe")
    leaving.join()


async def test_output_through_a_link_writes_what_it_names(shop, kernel_run, tmp_path) -> None:
    """The link is the user's arrangement."""
    (tmp_path / "real.sql").touch()
    (shop.root / "link.sql").symlink_to(tmp_path / "real.sql")
    async with kernel_run(shop, database=None, database_url=None) as run:
        await run.start("build", execute=False, output="link.sql")
    assert (shop.root / "link.sql").is_symlink()
    assert "CREATE TABLE customers" in (tmp_path / "real.sql").read_text()


def test_builder_returns_the_sql_and_builds_it(shop, database, psql) -> None:
    """The mission's own example: ``SchemaBuilder(env="local")``, ``build()``, ``execute()``."""
    shop.environment_for(database, "local")
    builder = SchemaBuilder(env="local", project=shop.root)
    assert "CREATE TABLE customers" in builder.build()
    builder.execute()
    assert psql(database, "SELECT count(*) FROM names") == "0"


async def test_builder_says_what_to_await_in_a_running_loop(shop, database, psql) -> None:
    """Blocking there would stop everything else."""
    shop.environment_for(database, "local")
    builder = SchemaBuilder(env="local", project=shop.root)
    with pytest.raises(UsageError) as caught:
        builder.execute()
    assert "await builder.execute_async()" in (caught.value.hint or "")
    assert "CREATE TABLE customers" in await builder.build_async()
    await builder.execute_async()
    assert psql(database, "SELECT count(*) FROM names") == "0"
