-- The database of the guardrail and evasion tests. Every trap in it was laid by an operator: whoever comes through the
-- gateway only has to step on it.
CREATE SCHEMA shop;
CREATE EXTENSION pg_trgm;

CREATE TABLE shop.customers (
    id serial PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    balance numeric(10, 2) NOT NULL DEFAULT 0,
    active boolean NOT NULL DEFAULT true,
    "delete" boolean NOT NULL DEFAULT false,
    profile jsonb NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT '2024-01-01 00:00:00+00'
);
CREATE TABLE shop.products (
    id serial PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    name text NOT NULL,
    price numeric(10, 2) NOT NULL,
    "drop" text
);
CREATE TABLE shop.orders (
    id serial PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES shop.customers ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'sent', 'closed')),
    total numeric(10, 2) NOT NULL DEFAULT 0,
    placed_on date NOT NULL DEFAULT '2024-02-01'
);
CREATE TABLE shop.order_items (
    order_id integer NOT NULL REFERENCES shop.orders ON DELETE CASCADE,
    line integer NOT NULL,
    product_id integer NOT NULL REFERENCES shop.products,
    quantity integer NOT NULL DEFAULT 1,
    PRIMARY KEY (order_id, line)
);
CREATE TABLE shop.accounts (id integer PRIMARY KEY, owner text NOT NULL, secret text NOT NULL);
CREATE TABLE shop.audit_trail (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), what text NOT NULL);
CREATE TABLE shop."drop" (id integer PRIMARY KEY, reason text);
CREATE TABLE shop."Delete From" (id integer PRIMARY KEY, "where" text, "TRUNCATE" integer);
CREATE TABLE shop.documents (id integer PRIMARY KEY, title text NOT NULL, body text NOT NULL);
CREATE TABLE shop.nodes (id integer PRIMARY KEY, parent integer REFERENCES shop.nodes, label text);
CREATE TABLE shop.measurements (at date NOT NULL, sensor integer NOT NULL, value double precision, PRIMARY KEY (at, sensor))
    PARTITION BY RANGE (at);
CREATE TABLE shop.measurements_2023 PARTITION OF shop.measurements FOR VALUES FROM ('2023-01-01') TO ('2024-01-01');
CREATE TABLE shop.measurements_2024 PARTITION OF shop.measurements FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE public.settings (key text PRIMARY KEY, value text);
CREATE TABLE public.inbox (id serial PRIMARY KEY, message text);
CREATE TYPE shop.mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN shop.positive AS integer CHECK (VALUE > 0);
CREATE SEQUENCE shop.invoice_numbers;
CREATE INDEX orders_customer ON shop.orders (customer_id);
CREATE INDEX customers_name ON shop.customers (lower(name));

INSERT INTO shop.customers (email, name, balance, profile, tags)
    SELECT 'person' || n || '@example.com', 'Person ' || n, n * 10, jsonb_build_object('level', n % 3), ARRAY['t' || n % 4]
    FROM generate_series(1, 20) n;
INSERT INTO shop.products (sku, name, price) SELECT 'SKU-' || n, 'Product ' || n, n FROM generate_series(1, 10) n;
INSERT INTO shop.orders (customer_id, status, total)
    SELECT 1 + n % 20, (ARRAY['new', 'paid', 'sent', 'closed'])[1 + n % 4], n * 3 FROM generate_series(1, 60) n;
INSERT INTO shop.order_items SELECT n, 1, 1 + n % 10, n % 5 + 1 FROM generate_series(1, 60) n;
INSERT INTO shop.accounts SELECT n, 'owner' || n, 'secret-' || n FROM generate_series(1, 5) n;
INSERT INTO shop.audit_trail (at, what) SELECT '2024-01-01', 'event ' || n FROM generate_series(1, 10) n;
INSERT INTO shop."drop" SELECT n, 'reason ' || n FROM generate_series(1, 5) n;
INSERT INTO shop."Delete From" SELECT n, 'somewhere', n FROM generate_series(1, 5) n;
INSERT INTO shop.documents SELECT n, 'Title ' || n, 'DROP TABLE is what this text number ' || n || ' talks about' FROM generate_series(1, 8) n;
INSERT INTO shop.nodes SELECT n, nullif(n / 2, 0), 'node ' || n FROM generate_series(1, 15) n;
INSERT INTO shop.measurements SELECT '2023-06-01'::date + n * 20, n % 3, n FROM generate_series(1, 20) n;
INSERT INTO public.settings VALUES ('theme', 'dark'), ('language', 'en');

CREATE VIEW shop.active_customers AS SELECT id, name, email FROM shop.customers WHERE active;
CREATE VIEW shop.order_totals AS
    SELECT c.name, count(*) AS orders, sum(o.total) AS total
    FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id GROUP BY c.name;
CREATE MATERIALIZED VIEW shop.monthly_sales AS
    SELECT date_trunc('month', placed_on) AS month, sum(total) AS total FROM shop.orders GROUP BY 1;

-- Functions that do as they say.
CREATE FUNCTION shop.order_total(integer) RETURNS numeric LANGUAGE sql STABLE
    AS 'SELECT sum(total) FROM shop.orders WHERE customer_id = $1';
CREATE FUNCTION shop.greeting(who text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE words text := 'Hello, ';
BEGIN
    IF who IS NULL THEN RETURN words || 'stranger'; END IF;
    RETURN words || who;
END $$;
CREATE FUNCTION shop.note(what text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
    INSERT INTO shop.audit_trail (at, what) VALUES ('2024-01-01', note.what) RETURNING id INTO made;
    RETURN made;
END $$;
CREATE FUNCTION shop.big_orders(minimum numeric) RETURNS SETOF shop.orders LANGUAGE sql STABLE
    AS 'SELECT * FROM shop.orders WHERE total >= minimum ORDER BY id';
CREATE PROCEDURE shop.close_order(number integer) LANGUAGE plpgsql AS $$
BEGIN UPDATE shop.orders SET status = 'closed' WHERE id = number; END $$;

-- Functions that don't.
CREATE FUNCTION shop.purge_customers() RETURNS integer LANGUAGE sql AS 'DELETE FROM shop.customers; SELECT 1';
CREATE FUNCTION shop.tidy_up() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    IF now() > '2000-01-01' THEN PERFORM shop.purge_customers(); END IF;
    RETURN 1;
END $$;
CREATE FUNCTION shop.rebuild() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE shop.order_items; END $$;
CREATE FUNCTION shop.empty_items() RETURNS void LANGUAGE plpgsql AS $$ BEGIN TRUNCATE shop.order_items; END $$;
CREATE FUNCTION shop.raise_prices(percent numeric) RETURNS void LANGUAGE sql
    AS 'UPDATE shop.products SET price = price * (1 + percent / 100)';
CREATE FUNCTION shop.run(command text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; END $$;
CREATE FUNCTION shop.run_quoted(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('TRUNCATE %s CASCADE', target); END $$;
CREATE FUNCTION shop.give_rights() RETURNS void LANGUAGE plpgsql AS $$ BEGIN GRANT ALL ON ALL TABLES IN SCHEMA shop TO PUBLIC; END $$;
CREATE FUNCTION shop.as_owner() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM shop.orders; SELECT 1';
CREATE FUNCTION shop.end_session(integer) RETURNS boolean LANGUAGE internal STRICT AS 'pg_terminate_backend';
CREATE FUNCTION shop.loud(text) RETURNS text LANGUAGE internal STRICT IMMUTABLE AS 'upper';
CREATE FUNCTION shop.late_purge() RETURNS integer LANGUAGE sql BEGIN ATOMIC DELETE FROM shop.nodes; SELECT 1; END;
CREATE FUNCTION shop.swap(a integer, b integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN DELETE FROM shop.nodes; RETURN true; END $$;
CREATE OPERATOR shop.<#> (LEFTARG = integer, RIGHTARG = integer, FUNCTION = shop.swap);
CREATE FUNCTION shop.to_mood(integer) RETURNS shop.mood LANGUAGE plpgsql AS $$
BEGIN DELETE FROM shop.documents; RETURN 'ok'; END $$;
CREATE CAST (integer AS shop.mood) WITH FUNCTION shop.to_mood(integer);
CREATE FUNCTION shop.gather(state integer, value integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN DELETE FROM shop.documents; RETURN state + value; END $$;
CREATE AGGREGATE shop.collect(integer) (SFUNC = shop.gather, STYPE = integer, INITCOND = '0');
CREATE FUNCTION shop.approve(integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN DELETE FROM shop.documents; RETURN true; END $$;
CREATE DOMAIN shop.approved AS integer CHECK (shop.approve(VALUE));
CREATE PROCEDURE shop.wipe() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.orders; COMMIT; END $$;
CREATE FUNCTION shop.cursor_on_all() RETURNS refcursor LANGUAGE plpgsql AS $$
DECLARE c refcursor := 'all_rows';
BEGIN
    OPEN c FOR SELECT * FROM shop.customers ORDER BY id;
    DELETE FROM shop.documents;
    RETURN c;
END $$;

-- Views, rules, triggers and defaults that carry them.
CREATE VIEW shop.report AS SELECT shop.purge_customers() AS result;
CREATE VIEW shop.report_of_reports AS SELECT r.result, p.name FROM shop.report r CROSS JOIN shop.products p;
CREATE VIEW shop.customer_names AS SELECT id, name FROM shop.customers;
CREATE TABLE shop.requests (id serial PRIMARY KEY, what text);
CREATE RULE requests_purge AS ON INSERT TO shop.requests DO ALSO DELETE FROM shop.nodes;
CREATE TABLE shop.mailbox (id integer PRIMARY KEY, message text);
INSERT INTO shop.mailbox VALUES (1, 'first'), (2, 'second');
CREATE FUNCTION shop.on_mail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.orders; RETURN NEW; END $$;
CREATE TRIGGER mail_arrives BEFORE INSERT ON shop.mailbox FOR EACH ROW EXECUTE FUNCTION shop.on_mail();
CREATE FUNCTION shop.on_mail_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'TRUNCATE ' || TG_ARGV[0]; RETURN OLD; END $$;
CREATE TRIGGER mail_goes AFTER DELETE ON shop.mailbox FOR EACH STATEMENT EXECUTE FUNCTION shop.on_mail_gone('shop.order_items');
CREATE TABLE shop.tickets (id serial PRIMARY KEY, priority integer DEFAULT shop.purge_customers(), text text);
CREATE TABLE shop.journal (id serial PRIMARY KEY, entry text, changed_at timestamptz);
CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changed_at := '2024-03-01'; RETURN NEW; END $$;
CREATE TRIGGER journal_stamp BEFORE INSERT OR UPDATE ON shop.journal FOR EACH ROW EXECUTE FUNCTION shop.stamp();
CREATE VIEW shop.front_desk AS SELECT id, message FROM shop.mailbox;
CREATE FUNCTION shop.on_front_desk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.orders; RETURN NEW; END $$;
CREATE TRIGGER front_desk_update INSTEAD OF UPDATE ON shop.front_desk FOR EACH ROW EXECUTE FUNCTION shop.on_front_desk();

CREATE FUNCTION shop.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM shop.orders; END $$;

CREATE ROLE clerk LOGIN PASSWORD 'clerk-password';
CREATE ROLE auditors NOLOGIN;
SELECT lo_from_bytea(4242, '\x0102');
ANALYZE;

-- A function whose body finds another function by the search path of whoever runs it.
CREATE SCHEMA calm;
CREATE SCHEMA stormy;
CREATE FUNCTION calm.wind() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION stormy.wind() RETURNS integer LANGUAGE plpgsql AS 'BEGIN DELETE FROM shop.documents; RETURN 1; END';
CREATE FUNCTION shop.weather() RETURNS SETOF integer LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT wind(); END';
