import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.sql.*;
import java.util.*;
import java.util.regex.*;
import org.postgresql.core.BaseConnection;
import org.postgresql.core.TransactionState;

/**
 * JDBC: runs the cases of a file as one session and prints what the driver makes of each result, as JSON lines.
 *
 * <p>A case is {"case", "transaction", "steps": [{"sql", "with"}]}; a line of output is one step's.
 */
public final class UtilityJdbc {
    private static final Pattern PARAMETER = Pattern.compile("\\$(\\d+)");

    public static void main(String[] arguments) throws Exception {
        // 0: never prepared on the server, and text; -1: prepared from the first execution on, and binary.
        String threshold = arguments[1].equals("binary") ? "-1" : "0";
        // Texts have no type of their own, as from the other drivers.
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                + System.getenv("PGDATABASE") + "?sslmode=disable&stringtype=unspecified&prepareThreshold=" + threshold;
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        try (Connection connection =
                DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"))) {
            for (String line : Files.readAllLines(Path.of(arguments[0]))) runCase(connection, line, out);
        }
        out.flush();
    }

    private static void runCase(Connection connection, String line, PrintStream out) throws SQLException {
        Map<?, ?> the = (Map<?, ?>) new Json(line).value();
        if (the.get("transaction").equals(true)) execute(connection, "BEGIN");
        int number = 0;
        for (Object step : (List<?>) the.get("steps")) {
            Map<String, Object> told = new LinkedHashMap<>();
            told.put("case", the.get("case"));
            told.put("step", number++);
            told.putAll(attempt(connection, (Map<?, ?>) step));
            out.println(Json.write(told));
        }
        if (connection.unwrap(BaseConnection.class).getTransactionState() != TransactionState.IDLE)
            execute(connection, "ROLLBACK");
    }

    private static void execute(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static Map<String, Object> attempt(Connection connection, Map<?, ?> step) {
        String sql = (String) step.get("sql");
        try {
            return sql.startsWith("COPY") ? copied(connection, sql) : run(connection, sql, (List<?>) step.get("with"));
        } catch (SQLException error) {
            return failed(error.getSQLState(), error);
        } catch (Exception error) {
            return failed(error.getClass().getSimpleName(), error);
        }
    }

    private static Map<String, Object> failed(String code, Exception error) {
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("error", code == null ? error.getClass().getSimpleName() : code);
        told.put("message", String.valueOf(error.getMessage()));
        return told;
    }

    private static Map<String, Object> copied(Connection connection, String sql) throws Exception {
        ByteArrayOutputStream copied = new ByteArrayOutputStream();
        connection.unwrap(BaseConnection.class).getCopyAPI().copyOut(sql, copied);
        return Map.of("copied", copied.toString(StandardCharsets.UTF_8));
    }

    private static Map<String, Object> run(Connection connection, String sql, List<?> parameters) throws SQLException {
        Map<String, Object> told = new LinkedHashMap<>();
        Matcher matcher = PARAMETER.matcher(sql);
        try (PreparedStatement statement = connection.prepareStatement(
                parameters == null ? sql.replace("?", "??") : matcher.replaceAll("?"))) {
            if (parameters != null) {
                matcher.reset();
                for (int n = 1; matcher.find(); n++)
                    statement.setObject(n, parameters.get(Integer.parseInt(matcher.group(1)) - 1));
            }
            boolean hasRows = statement.execute();
            told.put("command", String.valueOf(statement.getUpdateCount()));
            if (!hasRows) return told;
            ResultSet rows = statement.getResultSet();
            ResultSetMetaData meta = rows.getMetaData();
            List<Object> columns = new ArrayList<>();
            for (int n = 1; n <= meta.getColumnCount(); n++)
                columns.add(Map.of("name", meta.getColumnLabel(n), "type", typeOf(meta, n)));
            told.put("columns", columns);
            List<Object> all = new ArrayList<>();
            while (rows.next()) {
                List<Object> row = new ArrayList<>();
                for (int n = 1; n <= columns.size(); n++) row.add(cell(rows.getObject(n)));
                all.add(row);
            }
            told.put("rows", all);
        }
        return told;
    }

    /** Not the type's name: of a bigint it is `bigserial` where the driver sees the table's default. */
    private static String typeOf(ResultSetMetaData meta, int column) throws SQLException {
        return meta.getColumnType(column) + " " + meta.getColumnClassName(column);
    }

    /** What kind of value the driver made, and which. */
    private static List<Object> cell(Object value) {
        return value == null ? null : List.of(value.getClass().getSimpleName(), value.toString());
    }

    /** As much of JSON as the cases and results have. */
    private static final class Json {
        private final String text;
        private int at;

        Json(String text) {
            this.text = text;
        }

        Object value() {
            char next = text.charAt(at);
            switch (next) {
                case '{':
                    return object();
                case '[':
                    return array();
                case '"':
                    return string();
                default:
                    return word();
            }
        }

        private Map<String, Object> object() {
            Map<String, Object> object = new LinkedHashMap<>();
            while (text.charAt(at) != '}' && text.charAt(++at) != '}') {
                String key = string();
                at++;
                object.put(key, value());
            }
            at++;
            return object;
        }

        private List<Object> array() {
            List<Object> array = new ArrayList<>();
            while (text.charAt(at) != ']' && text.charAt(++at) != ']') array.add(value());
            at++;
            return array;
        }

        private String string() {
            StringBuilder string = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                if (text.charAt(at) != '\\') {
                    string.append(text.charAt(at));
                    continue;
                }
                char escaped = text.charAt(++at);
                if (escaped == 'u') {
                    string.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                    at += 4;
                } else {
                    int known = "nrtbf".indexOf(escaped);
                    string.append(known < 0 ? escaped : "\n\r\t\b\f".charAt(known));
                }
            }
            at++;
            return string.toString();
        }

        private Object word() {
            int from = at;
            while (at < text.length() && ",]}".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(from, at);
            switch (word) {
                case "null":
                    return null;
                case "true":
                    return true;
                case "false":
                    return false;
                default:
                    return Integer.valueOf(word);
            }
        }

        static String write(Object value) {
            if (value instanceof String) return quoted((String) value);
            StringJoiner joined;
            if (value instanceof List) {
                joined = new StringJoiner(",", "[", "]");
                for (Object element : (List<?>) value) joined.add(write(element));
            } else if (value instanceof Map) {
                joined = new StringJoiner(",", "{", "}");
                for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet())
                    joined.add(write(entry.getKey()) + ":" + write(entry.getValue()));
            } else {
                return String.valueOf(value);
            }
            return joined.toString();
        }

        private static String quoted(String text) {
            StringBuilder quoted = new StringBuilder("\"");
            for (char next : text.toCharArray()) {
                if (next == '"' || next == '\\') quoted.append('\\').append(next);
                else if (next < ' ') quoted.append(String.format("\\u%04x", (int) next));
                else quoted.append(next);
            }
            return quoted.append('"').toString();
        }
    }
}
