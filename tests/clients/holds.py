"""A statement that waits for people, sent by three drivers."""

import asyncio
import os
import sys

TEXT = "UPDATE orders SET status = {} WHERE price >= {}"


def through_psycopg():
    import psycopg

    with psycopg.connect("", autocommit=True) as connection:
        return connection.execute(TEXT.format("%s", "%s"), ["closed", 0]).rowcount


def through_psycopg2():
    import psycopg2

    # A block is opened before the first statement, and nothing else has run in it.
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute(TEXT.format("%s", "%s"), ["closed", 0])
        return cursor.rowcount


def through_asyncpg():
    import asyncpg

    async def change():
        connection = await asyncpg.connect(ssl=os.environ["PGSSLMODE"])
        tag = await connection.execute(TEXT.format("$1", "$2"), "closed", 0)
        await connection.close()
        return tag.split()[-1]

    return asyncio.run(change())


drivers = {"psycopg": through_psycopg, "psycopg2": through_psycopg2, "asyncpg": through_asyncpg}
print("changed", drivers[sys.argv[1]]())
