import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.PGStatement;

/** JDBC: what a Java program sees, printed in a form that is the same for every run. */
public final class Jdbc {
    private static final String URL = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT")
            + "/" + System.getenv("PGDATABASE") + "?sslmode=" + System.getenv("PGSSLMODE");

    private static Connection connect() throws SQLException {
        return DriverManager.getConnection(URL, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    private static void show(Object... words) {
        StringJoiner joined = new StringJoiner(" ");
        for (Object word : words) joined.add(String.valueOf(word));
        System.out.println(joined);
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection connection = connect()) {
            if (arguments[0].equals("refusal")) {
                refused(connection);
                return;
            }
            types(connection);
            serverPrepared(connection);
            fetchSize(connection);
            batches(connection);
            generatedKeys(connection);
            transactions(connection);
            copies(connection);
            notifications(connection);
            cancels(connection);
            errors(connection);
            metadata(connection);
            big(connection);
        }
    }

    private static void types(Connection connection) throws SQLException {
        show("## types");
        // From the fifth execution on the driver prepares on the server and asks for binary results.
        String text = "SELECT ?::int2, ?::int8, ?::float8, ?::numeric, ?::text, ?::bytea, ?::bool, ?::date, ?::timestamp, ?::uuid, ?::int4[]";
        try (PreparedStatement statement = connection.prepareStatement(text)) {
            for (int n = 0; n < 8; n++) {
                statement.setInt(1, n);
                statement.setLong(2, 1L << 40);
                statement.setDouble(3, 0.1 * n);
                statement.setBigDecimal(4, new BigDecimal("12.3400"));
                statement.setString(5, "ža🐎");
                statement.setBytes(6, new byte[] {0, -1});
                statement.setBoolean(7, n % 2 == 0);
                statement.setDate(8, java.sql.Date.valueOf("2024-02-29"));
                statement.setTimestamp(9, Timestamp.valueOf("2024-02-29 01:02:03.5"));
                statement.setObject(10, new UUID(0, 5));
                statement.setArray(11, connection.createArrayOf("int4", new Integer[] {1, null, 3}));
                try (ResultSet rows = statement.executeQuery()) {
                    rows.next();
                    StringJoiner line = new StringJoiner(" ");
                    for (int column = 1; column <= 11; column++) {
                        Object value = rows.getObject(column);
                        line.add(value instanceof byte[] ? Arrays.toString((byte[]) value) : String.valueOf(value));
                    }
                    show(line);
                }
            }
        }
    }

    private static void serverPrepared(Connection connection) throws SQLException {
        show("## prepared");
        try (PreparedStatement statement = connection.prepareStatement("SELECT ? * 3")) {
            ((PGStatement) statement).setPrepareThreshold(1);
            for (int n = 0; n < 5; n++) {
                statement.setInt(1, n);
                ResultSet rows = statement.executeQuery();
                rows.next();
                show(rows.getInt(1), ((PGStatement) statement).isUseServerPrepare());
            }
            show(statement.getParameterMetaData().getParameterTypeName(1), statement.getMetaData().getColumnTypeName(1));
        }
    }

    private static void fetchSize(Connection connection) throws SQLException {
        show("## portals");
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(100);
            ResultSet rows = statement.executeQuery("SELECT n FROM generate_series(1, 1050) n");
            long sum = 0;
            while (rows.next()) sum += rows.getInt(1);
            show(sum);
            ResultSet some = statement.executeQuery("SELECT n FROM generate_series(1, 1050) n");
            some.next();
            some.close();
        }
        connection.commit();
        connection.setAutoCommit(true);
    }

    private static void batches(Connection connection) throws SQLException {
        show("## batches");
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TEMP TABLE b (id int PRIMARY KEY, t text)");
            show(statement.execute("SELECT 1; SELECT 2"), statement.getMoreResults());
            statement.addBatch("INSERT INTO b VALUES (-1, 'x')");
            statement.addBatch("UPDATE b SET t = 'y' WHERE id = -1");
            show(Arrays.toString(statement.executeBatch()));
        }
        try (PreparedStatement statement = connection.prepareStatement("INSERT INTO b VALUES (?, ?)")) {
            for (int n = 0; n < 700; n++) {
                statement.setInt(1, n);
                statement.setString(2, "row " + n);
                statement.addBatch();
            }
            show(statement.executeBatch().length);
            for (int n : new int[] {1000, 5, 1001}) {
                statement.setInt(1, n);
                statement.setString(2, "again");
                statement.addBatch();
            }
            try {
                statement.executeBatch();
            } catch (BatchUpdateException error) {
                show(error.getSQLState(), error.getUpdateCounts().length);
            }
        }
        show(count(connection, "b"));
    }

    private static void generatedKeys(Connection connection) throws SQLException {
        show("## keys");
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TEMP TABLE k (id serial PRIMARY KEY, t text)");
            statement.executeUpdate("INSERT INTO k (t) VALUES ('a'), ('b')", Statement.RETURN_GENERATED_KEYS);
            ResultSet keys = statement.getGeneratedKeys();
            while (keys.next()) show(keys.getInt("id"), keys.getString("t"));
        }
        try (Statement statement = connection.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            ResultSet rows = statement.executeQuery("SELECT id, t FROM k ORDER BY id");
            rows.next();
            rows.updateString("t", "changed");
            rows.updateRow();
            rows.moveToInsertRow();
            rows.updateInt("id", 50);
            rows.updateString("t", "inserted");
            rows.insertRow();
            rows.last();
            rows.deleteRow();
        }
        show(count(connection, "k"));
    }

    private static void transactions(Connection connection) throws SQLException {
        show("## transactions");
        connection.setAutoCommit(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TEMP TABLE t (id int PRIMARY KEY)");
            statement.execute("INSERT INTO t VALUES (1)");
            Savepoint here = connection.setSavepoint("here");
            try {
                statement.execute("INSERT INTO t VALUES (1)");
            } catch (SQLException error) {
                show(error.getSQLState());
                connection.rollback(here);
            }
            statement.execute("INSERT INTO t VALUES (2)");
            connection.commit();
            show(count(connection, "t"));
            connection.rollback();
        }
        connection.setAutoCommit(true);
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        connection.setReadOnly(true);
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE never (id int)");
        } catch (SQLException error) {
            show(error.getSQLState());
        }
        connection.setReadOnly(false);
    }

    private static void copies(Connection connection) throws Exception {
        show("## copy");
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TEMP TABLE c (id int, t text)");
        }
        StringBuilder rows = new StringBuilder();
        for (int n = 0; n < 3000; n++) rows.append(n).append("\trow ").append(n).append('\n');
        var api = connection.unwrap(PGConnection.class).getCopyAPI();
        show(api.copyIn("COPY c FROM STDIN", new StringReader(rows.toString())));
        StringWriter out = new StringWriter();
        show(api.copyOut("COPY (SELECT * FROM c ORDER BY id) TO STDOUT", out), out.toString().length());
        try {
            api.copyIn("COPY c FROM STDIN", new StringReader("x\ty\n"));
        } catch (SQLException error) {
            show(error.getSQLState());
        }
    }

    private static void notifications(Connection connection) throws SQLException {
        show("## notifications");
        try (Connection other = connect(); Statement listen = connection.createStatement(); Statement send = other.createStatement()) {
            listen.execute("LISTEN news");
            send.execute("NOTIFY news, 'hello'");
            PGNotification[] notes = connection.unwrap(PGConnection.class).getNotifications(10_000);
            for (PGNotification note : notes)
                show(note.getName(), note.getParameter(), note.getPID() == other.unwrap(PGConnection.class).getBackendPID());
            listen.execute("UNLISTEN *");
        }
    }

    private static void cancels(Connection connection) throws Exception {
        show("## cancel");
        try (Statement statement = connection.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(300);
                    statement.cancel();
                } catch (Exception error) {
                    show(error);
                }
            });
            canceller.start();
            try {
                statement.execute("SELECT pg_sleep(30)");
            } catch (SQLException error) {
                show(error.getSQLState());
            }
            canceller.join();
            statement.setQueryTimeout(1);
            try {
                statement.execute("SELECT pg_sleep(30)");
            } catch (SQLException error) {
                show(error.getSQLState());
            }
        }
    }

    private static void errors(Connection connection) throws SQLException {
        show("## errors");
        for (String text : List.of("SELEC 1", "SELECT * FROM nowhere", "SELECT 1/0")) {
            try (Statement statement = connection.createStatement()) {
                statement.execute(text);
            } catch (SQLException error) {
                show(error.getSQLState(), error.getMessage().replace('\n', '|'));
            }
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("DO $$ BEGIN RAISE WARNING 'a warning'; END $$");
            show(statement.getWarnings().getMessage());
        }
    }

    private static void metadata(Connection connection) throws SQLException {
        show("## metadata");
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE meta_a (id int PRIMARY KEY, name varchar(20) NOT NULL)");
            statement.execute("CREATE TABLE meta_b (id serial PRIMARY KEY, a int REFERENCES meta_a ON DELETE CASCADE)");
        }
        DatabaseMetaData meta = connection.getMetaData();
        show(meta.getDatabaseProductName(), meta.getDatabaseProductVersion());
        table(meta.getTables(null, "public", "meta%", null), "TABLE_NAME", "TABLE_TYPE");
        table(meta.getColumns(null, "public", "meta%", null), "TABLE_NAME", "COLUMN_NAME", "TYPE_NAME", "COLUMN_DEF");
        table(meta.getPrimaryKeys(null, "public", "meta_b"), "COLUMN_NAME", "PK_NAME");
        table(meta.getImportedKeys(null, "public", "meta_b"), "PKTABLE_NAME", "FKCOLUMN_NAME", "DELETE_RULE");
        table(meta.getIndexInfo(null, "public", "meta_b", false, false), "INDEX_NAME", "NON_UNIQUE");
        table(meta.getFunctions(null, "pg_catalog", "abs"), "FUNCTION_NAME");
        table(meta.getSchemas(), "TABLE_SCHEM");
        table(meta.getTypeInfo(), "TYPE_NAME");
        try (Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE meta_b, meta_a");
        }
    }

    private static void table(ResultSet rows, String... columns) throws SQLException {
        List<String> lines = new ArrayList<>();
        while (rows.next()) {
            StringJoiner line = new StringJoiner(" | ");
            for (String column : columns) line.add(String.valueOf(rows.getString(column)));
            // The number in a temporary schema's name is the session's.
            if (!line.toString().matches("pg_(toast_)?temp_.*")) lines.add(line.toString());
        }
        Collections.sort(lines);
        show(lines.size(), String.join("; ", lines.subList(0, Math.min(lines.size(), 12))));
    }

    private static void big(Connection connection) throws SQLException {
        show("## big");
        try (Statement statement = connection.createStatement()) {
            ResultSet rows = statement.executeQuery("SELECT n, repeat('x', 100) FROM generate_series(1, 20000) n");
            long length = 0;
            while (rows.next()) length += rows.getString(2).length();
            show(length);
            rows = statement.executeQuery("SELECT repeat('z', 8000000)");
            rows.next();
            show(rows.getString(1).length());
        }
    }

    private static void refused(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String text : List.of("DELETE FROM kept", "DROP TABLE kept", "TRUNCATE kept", "SELECT 1; DELETE FROM kept")) {
                try {
                    statement.execute(text);
                } catch (SQLException error) {
                    show(error.getSQLState());
                }
            }
            connection.setAutoCommit(false);
            statement.execute("SELECT 1");
            try {
                statement.execute("DELETE FROM kept WHERE true");
            } catch (SQLException error) {
                show(error.getSQLState());
            }
            try {
                statement.execute("SELECT 1");
            } catch (SQLException error) {
                show(error.getSQLState());
            }
            connection.rollback();
        }
        show(count(connection, "kept"));
    }

    private static int count(Connection connection, String name) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT count(*) FROM " + name)) {
            rows.next();
            return rows.getInt(1);
        }
    }
}
