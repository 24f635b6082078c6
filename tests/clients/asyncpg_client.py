"""asyncpg: binary formats throughout, prepared statements cached, types looked up in the catalog."""

import asyncio
import datetime
import decimal
import os
import sys
import uuid

import asyncpg

MODE = sys.argv[1]
SSL = os.environ["PGSSLMODE"]


def show(*words):
    print(*words, flush=True)


async def connect(**more):
    return await asyncpg.connect(ssl=SSL, **more)


async def types(conn):
    values = [
        ("bool", True), ("int2", -7), ("int8", 2**50), ("float8", 0.1), ("numeric", decimal.Decimal("1.500")),
        ("text", "ža🐎"), ("bytea", b"\x00\xff"), ("date", datetime.date(2024, 2, 29)),
        ("timestamptz", datetime.datetime(2024, 2, 29, 1, tzinfo=datetime.timezone.utc)),
        ("interval", datetime.timedelta(days=3, seconds=1)), ("uuid", uuid.UUID(int=9)), ("jsonb", '{"a": 1}'),
        ("int4[]", [1, None, 3]), ("text[]", ["a", "b"]), ("inet", None), ("point", (1.0, 2.0)),
        ("int4range", asyncpg.Range(1, 5)),
    ]
    for name, value in values:
        show(name, repr(await conn.fetchval(f"SELECT $1::{name}", value)))
    await conn.execute("CREATE TYPE pair AS (a int, b text); CREATE TYPE colour AS ENUM ('red', 'blue')")
    show(await conn.fetchval("SELECT ROW(1, 'x')::pair"), await conn.fetchval("SELECT $1::colour", "red"))
    show(await conn.fetchval("SELECT ARRAY[ROW(1, 'x')::pair]"))
    await conn.execute("DROP TYPE pair; DROP TYPE colour")


async def statements(conn):
    statement = await conn.prepare("SELECT n, n * $1::int AS m FROM generate_series(1, $2::int) n")
    show(statement.get_parameters(), statement.get_attributes())
    show(await statement.fetch(3, 4))
    async with conn.transaction():
        rows = []
        async for row in statement.cursor(2, 200, prefetch=7):
            rows.append(row["m"])
        show(len(rows), sum(rows))
        cursor = await conn.cursor("SELECT generate_series(1, 100)")
        await cursor.forward(10)
        show(await cursor.fetch(3))
    await conn.execute("CREATE TEMP TABLE w (id int PRIMARY KEY, t text)")
    await conn.executemany("INSERT INTO w VALUES ($1, $2)", [(n, str(n)) for n in range(500)])
    show(await conn.fetchrow("SELECT count(*), sum(id) FROM w"))
    await conn.execute("ALTER TABLE w ADD COLUMN more int DEFAULT 5")
    show(await conn.fetchrow("SELECT * FROM w WHERE id = $1", 3))


async def schema_changes(conn):
    """A cached statement whose result changes under it: the driver prepares again by itself."""
    await conn.execute("CREATE TABLE moving (id int)")
    await conn.execute("INSERT INTO moving VALUES (1)")
    show(await conn.fetch("SELECT * FROM moving"))
    await conn.execute("ALTER TABLE moving ADD COLUMN b text DEFAULT 'b'")
    show(await conn.fetch("SELECT * FROM moving"))
    await conn.execute("DROP TABLE moving")


async def copies(conn):
    await conn.execute("CREATE TEMP TABLE c (id int, t text)")
    show(await conn.copy_records_to_table("c", records=[(n, f"r{n}") for n in range(3000)]))
    chunks = []

    async def collect(data):
        chunks.append(data)

    show(await conn.copy_from_query("SELECT * FROM c WHERE id < $1 ORDER BY id", 3, output=collect, format="csv"))
    show(b"".join(chunks))


async def notifications(conn):
    other = await connect()
    got = asyncio.Queue()
    await conn.add_listener("news", lambda c, pid, channel, payload: got.put_nowait((pid == other.get_server_pid(), channel, payload)))
    await other.execute("NOTIFY news, 'hello'")
    show(await asyncio.wait_for(got.get(), 10))
    await other.close()


async def errors(conn):
    for statement in ("SELEC", "SELECT nothing", "SELECT 1/0"):
        try:
            await conn.fetch(statement)
        except asyncpg.PostgresError as error:
            show(error.sqlstate, error, getattr(error, "position", None), conn.is_in_transaction())
    try:
        async with conn.transaction():
            async with conn.transaction():
                await conn.execute("SELECT 1/0")
    except asyncpg.PostgresError as error:
        show("transaction", error.sqlstate, conn.is_in_transaction())


async def cancel(conn):
    try:
        await asyncio.wait_for(conn.fetch("SELECT pg_sleep(30)"), 0.3)
    except asyncio.TimeoutError:
        show("timed out")
    show(await conn.fetchval("SELECT 'alive'"))
    task = asyncio.ensure_future(conn.fetch("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.3)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        show("cancelled")
    show(await conn.fetchval("SELECT 'alive'"))


async def pool(conn):
    async with asyncpg.create_pool(ssl=SSL, min_size=2, max_size=5) as pool:
        show(sorted(await asyncio.gather(*[pool.fetchval("SELECT $1::int", n) for n in range(20)])))
        async with pool.acquire() as one:
            await one.execute("SET work_mem = '9MB'")
        async with pool.acquire() as one:
            show(await one.fetchval("SHOW work_mem"))


async def big(conn):
    rows = await conn.fetch("SELECT n, repeat('x', 50) FROM generate_series(1, 50000) n")
    show(len(rows))
    show(len(await conn.fetchval("SELECT $1::bytea", b"x" * 5_000_000)))


async def refused(conn):
    for statement in ("DELETE FROM kept", "DROP TABLE kept", "TRUNCATE kept"):
        try:
            await conn.execute(statement)
        except asyncpg.PostgresError as error:
            show(type(error).__name__, error.sqlstate, conn.is_in_transaction())
        try:
            await conn.fetch(statement + " RETURNING 1" if "DELETE" in statement else statement)
        except asyncpg.PostgresError as error:
            show(error.sqlstate, conn.is_in_transaction())
    try:
        async with conn.transaction():
            await conn.execute("DELETE FROM kept WHERE id = $1 OR true", 1)
    except asyncpg.PostgresError as error:
        show("in a transaction", error.sqlstate, conn.is_in_transaction())
    show(await conn.fetchval("SELECT count(*) FROM kept"))


async def main():
    parts = {
        "conformance": [types, statements, schema_changes, copies, notifications, errors, cancel, pool, big],
        "refusal": [refused],
    }
    conn = await connect()
    for part in parts[MODE]:
        show("##", part.__name__)
        await part(conn)
    await conn.close()


asyncio.run(main())
