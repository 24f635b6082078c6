"""asyncpg: runs the cases of a file as one session and prints what the driver makes of each result, as JSON lines.

A case is `{"case", "transaction", "steps": [{"sql", "with"}]}`; a line of output is one step's. All its results are binary.
"""

import asyncio
import datetime
import io
import json
import os
import re
import sys

import asyncpg

CASES = sys.argv[1]

# What a program would have at hand where the cases' file has a text.
FROM_TEXT = {
    "date": datetime.date.fromisoformat,
    "timestamptz": datetime.datetime.fromisoformat,
    "int8[]": lambda text: [int(word) for word in text.strip("{}").split(",")],
}


def cell(value):
    """What kind of value the driver made, and which."""
    if value is None:
        return None
    text = json.dumps(value, default=str) if isinstance(value, (dict, list)) else str(value)
    return [type(value).__name__, text]


def argument(kind, value):
    return FROM_TEXT[kind.name](value) if isinstance(value, str) and kind.name in FROM_TEXT else value


async def copied(conn, sql):
    """The driver writes the COPY statement itself."""
    out = io.BytesIO()
    source, options = re.fullmatch(r"COPY (.*) TO STDOUT ?(.*)", sql).groups()
    if source.startswith("("):
        await conn.copy_from_query(source[1:-1], output=out)
    else:
        table, _, columns = source.partition(" (")
        columns = columns.rstrip(")").split(", ") if columns else None
        more = {"format": "csv", "header": True} if "csv" in options else {}
        await conn.copy_from_table(table, columns=columns, output=out, **more)
    return {"copied": out.getvalue().decode()}


async def run(conn, step):
    if step["sql"].startswith("COPY"):
        return await copied(conn, step["sql"])
    statement = await conn.prepare(step["sql"])
    parameters = zip(statement.get_parameters(), step["with"] or [])
    rows = await statement.fetch(*(argument(kind, value) for kind, value in parameters))
    result = {"command": statement.get_statusmsg()}
    if statement.get_attributes():
        result["columns"] = [{"name": a.name, "type": str(a.type.oid)} for a in statement.get_attributes()]
        result["rows"] = [[cell(value) for value in row.values()] for row in rows]
    return result


async def attempt(conn, step):
    try:
        return await run(conn, step)
    except asyncpg.PostgresError as error:
        return {"error": error.sqlstate or type(error).__name__, "message": str(error)}
    except Exception as error:  # What the driver can't decode.
        return {"error": type(error).__name__, "message": str(error)}


async def main():
    conn = await asyncpg.connect(ssl=os.environ["PGSSLMODE"], statement_cache_size=0)
    with open(CASES) as cases:
        for case in map(json.loads, cases):
            if case["transaction"]:
                await conn.execute("BEGIN")
            for number, step in enumerate(case["steps"]):
                print(json.dumps({"case": case["case"], "step": number} | await attempt(conn, step)))
            if conn.is_in_transaction():
                await conn.execute("ROLLBACK")
    await conn.close()


asyncio.run(main())
