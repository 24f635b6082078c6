import java.sql.*;

/** A statement that waits for people, with a socket timeout far shorter than the wait, or with a query timeout. */
public final class Holds {
    public static void main(String[] arguments) throws Exception {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/"
                + System.getenv("PGDATABASE") + "?socketTimeout=4&sslmode=" + System.getenv("PGSSLMODE");
        try (Connection connection = DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
                PreparedStatement statement = connection.prepareStatement("UPDATE orders SET status = ? WHERE price >= ?")) {
            statement.setString(1, "closed");
            statement.setInt(2, 0);
            if (arguments[0].equals("timeout")) statement.setQueryTimeout(3);
            System.out.println("changed " + statement.executeUpdate());
        } catch (SQLException error) {
            System.out.println("refused " + error.getSQLState());
        }
    }
}
