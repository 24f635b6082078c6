"""psycopg 3: runs the cases of a file as one session and prints what the driver makes of each result, as JSON lines.

A case is `{"case", "transaction", "steps": [{"sql", "with"}]}`; a line of output is one step's.
"""

import json
import sys

import psycopg

CASES, WAY = sys.argv[1:]


def cell(value):
    """What kind of value the driver made, and which."""
    if value is None:
        return None
    plain = isinstance(value, (dict, list))
    return [type(value).__name__, json.dumps(value, default=str, sort_keys=True) if plain else str(value)]


def described(cur):
    """The result's columns: name, type, and the table and column that they are of."""
    result = cur.pgresult
    return [
        {"name": column.name, "type": str(column.type_code), "table": result.ftable(n), "column": result.ftablecol(n)}
        for n, column in enumerate(cur.description)
    ]


def run(conn, step):
    cur = psycopg.RawCursor(conn)
    if step["sql"].startswith("COPY"):
        with cur.copy(step["sql"]) as out:
            return {"copied": b"".join(out).decode()}
    cur.execute(step["sql"], step["with"], binary=WAY == "binary")
    result = {"command": cur.statusmessage}
    if cur.description is not None:
        result["columns"] = described(cur)
        result["rows"] = [[cell(value) for value in row] for row in cur]
    return result


def attempt(conn, step):
    try:
        return run(conn, step)
    except psycopg.Error as error:
        return {"error": error.sqlstate or type(error).__name__, "message": str(error)}
    except Exception as error:  # What the driver can't decode.
        return {"error": type(error).__name__, "message": str(error)}


with open(CASES) as cases, psycopg.connect(autocommit=True) as conn:
    for case in map(json.loads, cases):
        if case["transaction"]:
            conn.execute("BEGIN")
        for number, step in enumerate(case["steps"]):
            print(json.dumps({"case": case["case"], "step": number} | attempt(conn, step)))
        if conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            conn.execute("ROLLBACK")
