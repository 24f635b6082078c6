"""psycopg 3: what a program sees, printed in a form that is the same for every run."""

import concurrent.futures
import datetime
import decimal
import ipaddress
import logging
import os
import sys
import threading
import time
import uuid

import psycopg
from psycopg.types.json import Jsonb

MODE = sys.argv[1]
# Whether a pipeline's error is still awaited as the block ends, and then warned of, is a race within the client.
logging.getLogger("psycopg").setLevel(logging.ERROR)


def connect(**more):
    return psycopg.connect(sslmode=os.environ["PGSSLMODE"], **more)


def show(*words):
    print(*words, flush=True)


VALUES = [
    True, 7, 2**40, 1.5, decimal.Decimal("12345.678900"), "ža\u2603 🐎 'quoted'", b"\x00\xff\\", None,
    datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 12, 30, 1, 5), datetime.time(1, 2, 3),
    datetime.timedelta(days=1, seconds=5), datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
    uuid.UUID(int=5), ipaddress.ip_address("10.0.0.1"), Jsonb({"a": [1, None, "x"]}), [1, 2, None], [["a"], ["b"]],
]


def types():
    with connect() as conn:
        for binary in (False, True):
            with conn.cursor(binary=binary) as cur:
                for value in VALUES:
                    mark = "%b" if binary else "%t"
                    if isinstance(value, (decimal.Decimal, Jsonb)) or value is None:
                        mark = "%s"
                    cur.execute(f"SELECT {mark} AS v", (value,))
                    show(binary, cur.description[0].type_code, repr(cur.fetchone()[0]))


def prepared():
    with connect(prepare_threshold=2) as conn:
        for n in range(6):
            show(conn.execute("SELECT %s::int * 2, %s::text", (n, str(n))).fetchone())
        show(conn.execute("SELECT count(*) FROM pg_prepared_statements").fetchone())


def pipeline():
    with connect() as conn:
        with conn.pipeline():
            conn.execute("CREATE TEMP TABLE p (id int PRIMARY KEY, t text)")
            cur = conn.cursor()
            cur.executemany("INSERT INTO p VALUES (%s, %s) RETURNING id", [(n, f"row {n}") for n in range(50)], returning=True)
            total = 0
            while True:
                total += cur.fetchone()[0]
                if not cur.nextset():
                    break
            show("sum", total)
        show(conn.execute("SELECT count(*) FROM p").fetchone())
        try:
            with conn.pipeline() as pipe:
                conn.execute("SELECT 1")
                conn.execute("SELECT 1 / 0")
                conn.execute("SELECT 2")
                pipe.sync()
        except psycopg.Error as error:
            show("pipeline error", error.sqlstate, conn.info.transaction_status.name)
        conn.rollback()


def copy():
    with connect() as conn, conn.cursor() as cur:
        cur.execute("CREATE TEMP TABLE c (id int, t text, n numeric)")
        with cur.copy("COPY c FROM STDIN") as out:
            for n in range(5000):
                out.write_row((n, f"tab\tnewline\n{n}", decimal.Decimal(n) / 4))
        with cur.copy("COPY c (id, t) FROM STDIN (FORMAT binary)") as out:
            out.set_types(["int4", "text"])
            for n in range(100):
                out.write_row((n, "binary"))
        cur.execute("SELECT count(*), sum(id), sum(n), md5(string_agg(t, '' ORDER BY id, t)) FROM c")
        show(cur.fetchone())
        with cur.copy("COPY (SELECT * FROM c ORDER BY id, t LIMIT 5) TO STDOUT") as rows:
            for row in rows.rows():
                show(row)
        with cur.copy("COPY (SELECT id FROM c) TO STDOUT (FORMAT binary)") as rows:
            show("binary bytes", sum(len(block) for block in rows))
        try:
            with cur.copy("COPY c FROM STDIN") as out:
                out.write("not a number\tx\t1\n")
        except psycopg.Error as error:
            show("copy error", error.sqlstate, conn.info.transaction_status.name)
        conn.rollback()
        cur.execute("CREATE TEMP TABLE c2 (id int)")
        try:
            with cur.copy("COPY c2 FROM STDIN") as out:
                out.write_row((1,))
                raise KeyError("the client gives up")
        except KeyError:
            show("given up", conn.info.transaction_status.name)


def notify():
    with connect(autocommit=True) as listener, connect(autocommit=True) as sender:
        listener.execute("LISTEN news")
        sender.execute("NOTIFY news, 'first'")
        sender.execute("SELECT pg_notify('news', 'second')")
        for note in listener.notifies(timeout=10, stop_after=2):
            show(note.channel, note.payload, note.pid == sender.info.backend_pid)
        show(sender.execute("SELECT pg_backend_pid()").fetchone()[0] == sender.info.backend_pid)


def cancel():
    with connect() as conn:
        for how in ("cancel", "cancel_safe"):
            timer = threading.Timer(0.3, getattr(conn, how))
            timer.start()
            began = time.monotonic()
            try:
                conn.execute("SELECT pg_sleep(30)")
            except psycopg.Error as error:
                show(how, error.sqlstate, str(error).strip(), time.monotonic() - began < 15)
            timer.join()
            conn.rollback()
        show(conn.execute("SELECT 'alive'").fetchone())


def errors():
    with connect() as conn:
        for statement in ("SELEC 1", "SELECT * FROM nowhere", "SELECT 1/0", "SELECT 'x'::int"):
            try:
                conn.execute(statement)
            except psycopg.Error as error:
                d = error.diag
                show(error.sqlstate, d.severity, d.message_primary, d.statement_position, conn.info.transaction_status.name)
            try:
                conn.execute("SELECT 1")
            except psycopg.Error as error:
                show("then", error.sqlstate)
            conn.rollback()
            show(conn.info.transaction_status.name)
        notices = []
        conn.add_notice_handler(lambda diag: notices.append((diag.severity, diag.message_primary)))
        conn.execute("DO $$ BEGIN RAISE WARNING 'a warning'; RAISE NOTICE 'a notice'; END $$")
        show(notices)


def transactions():
    with connect() as conn:
        conn.execute("CREATE TEMP TABLE t (id int PRIMARY KEY)")
        conn.commit()
        try:
            with conn.transaction():
                conn.execute("INSERT INTO t VALUES (1)")
                try:
                    with conn.transaction():
                        conn.execute("INSERT INTO t VALUES (1)")
                except psycopg.errors.UniqueViolation as error:
                    show("inner", error.sqlstate)
                conn.execute("INSERT INTO t VALUES (2)")
        finally:
            show(conn.execute("SELECT array_agg(id ORDER BY id) FROM t").fetchone())
        conn.commit()
        conn.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        show(conn.execute("SHOW transaction_isolation").fetchone())
        conn.commit()
        xid = conn.xid(1, "gtrid", "bqual")
        conn.tpc_begin(xid)
        conn.execute("SELECT 1")
        conn.tpc_prepare()
        conn.tpc_rollback()
        show(conn.info.transaction_status.name)


def big():
    with connect() as conn:
        with conn.cursor(name="server_side") as cur:
            cur.itersize = 1000
            cur.execute("SELECT n, repeat('x', n %% 100) FROM generate_series(1, %s) n", (20000,))
            show("rows", sum(1 for _ in cur))
        with conn.cursor() as cur:
            count = 0
            for row in cur.stream("SELECT n, repeat('y', 200) FROM generate_series(1, 20000) n"):
                count += len(row[1])
            show("streamed", count)
        value = conn.execute("SELECT repeat('z', 20000000)").fetchone()[0]
        show("one cell", len(value))
        show(len(conn.execute("SELECT %s::text", ("q" * 3_000_000,)).fetchone()[0]))


def many():
    def one(n):
        with connect() as conn:
            return conn.execute("SELECT %s + 1", (n,)).fetchone()[0]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        show(sum(pool.map(one, range(24))))


def info():
    with connect(application_name="mine", options="-c work_mem=5MB -c search_path=pg_catalog") as conn:
        show(conn.info.server_version, conn.info.encoding, conn.info.timezone, conn.info.dbname)
        show(conn.execute("SHOW work_mem").fetchone(), conn.execute("SHOW search_path").fetchone())
        show(conn.info.parameter_status("standard_conforming_strings"), conn.pgconn.protocol_version)
        show(bool(conn.pgconn.ssl_in_use) == (os.environ["PGSSLMODE"] == "require"))


def refused():
    """Run by a service: one statement is refused, and the session goes on as after a server's own error."""
    with connect() as conn:
        show(conn.execute("SELECT count(*) FROM kept").fetchone())
        try:
            conn.execute("DELETE FROM kept")
        except psycopg.Error as error:
            show(type(error).__name__, error.sqlstate, conn.info.transaction_status.name, bool(error.diag.message_hint))
        try:
            conn.execute("SELECT 1")
        except psycopg.Error as error:
            show("then", error.sqlstate)
        conn.rollback()
        show(conn.execute("SELECT count(*) FROM kept").fetchone(), conn.info.transaction_status.name)
    with connect(autocommit=True) as conn:
        try:
            conn.execute("TRUNCATE kept", prepare=True)
        except psycopg.Error as error:
            show(error.sqlstate, conn.info.transaction_status.name)
        show(conn.execute("SELECT count(*) FROM kept").fetchone())
        try:
            with conn.pipeline() as pipe:
                conn.execute("SELECT 1")
                conn.execute("DROP TABLE kept")
                conn.execute("SELECT 2")
                pipe.sync()
        except psycopg.Error as error:
            show("pipeline", error.sqlstate)
        show(conn.info.transaction_status.name, conn.execute("SELECT count(*) FROM kept").fetchone())
        cur = conn.execute("UPDATE kept SET note = 'x' WHERE id = %s", (1,))
        show(cur.rowcount)


PARTS = {
    "conformance": [info, types, prepared, pipeline, copy, notify, cancel, errors, transactions, big, many],
    "refusal": [refused],
}
for part in PARTS[MODE]:
    show("##", part.__name__)
    part()
