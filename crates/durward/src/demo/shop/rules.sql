-- What holds between the shop's tables, and the code that lives in the database.
ALTER TABLE categories ADD FOREIGN KEY (parent_id) REFERENCES categories;
ALTER TABLE products ADD UNIQUE (sku), ADD CHECK (price >= 0), ADD CHECK (stock >= 0),
    ADD FOREIGN KEY (category_id) REFERENCES categories, ADD FOREIGN KEY (supplier_id) REFERENCES suppliers;
ALTER TABLE price_history ADD FOREIGN KEY (product_id) REFERENCES products ON DELETE CASCADE;
ALTER TABLE customers ADD UNIQUE (email);
ALTER TABLE addresses ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE;
ALTER TABLE profiles ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE;
ALTER TABLE employees ADD UNIQUE (email), ADD FOREIGN KEY (manager_id) REFERENCES employees;
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers, ADD FOREIGN KEY (address_id) REFERENCES addresses;
ALTER TABLE order_items ADD CHECK (quantity > 0),
    ADD FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE, ADD FOREIGN KEY (product_id) REFERENCES products;
ALTER TABLE payments ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE shipments ADD UNIQUE (tracking_code), ADD FOREIGN KEY (order_id) REFERENCES orders;
ALTER TABLE reviews ADD CHECK (stars BETWEEN 1 AND 5),
    ADD FOREIGN KEY (product_id) REFERENCES products, ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE support_tickets ADD FOREIGN KEY (customer_id) REFERENCES customers, ADD FOREIGN KEY (order_id) REFERENCES orders,
    ADD FOREIGN KEY (assigned_to) REFERENCES employees;
ALTER TABLE ticket_messages ADD FOREIGN KEY (ticket_id) REFERENCES support_tickets ON DELETE CASCADE;
ALTER TABLE api_keys ADD UNIQUE (secret), ADD FOREIGN KEY (customer_id) REFERENCES customers;
ALTER TABLE web_sessions ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE;

CREATE INDEX ON products (category_id);
CREATE INDEX ON addresses (customer_id);
CREATE INDEX ON customers (lower(last_name));
CREATE INDEX ON orders (customer_id, placed_at);
CREATE INDEX orders_open ON orders (placed_at) WHERE status IN ('placed', 'paid', 'packed');
CREATE INDEX ON order_items (product_id);
CREATE INDEX ON payments (order_id);
CREATE INDEX ON shipments (order_id);
CREATE INDEX ON support_tickets (customer_id);
CREATE INDEX ON ticket_messages (ticket_id);
CREATE INDEX ON profiles USING gin (data);
CREATE INDEX ON page_views (viewed_at);

CREATE VIEW order_overview AS
SELECT o.order_id, o.placed_at, o.status, c.first_name || ' ' || c.last_name AS customer, c.email,
       sum(i.quantity * i.unit_price) AS total
FROM orders o JOIN customers c USING (customer_id) JOIN order_items i USING (order_id)
GROUP BY o.order_id, c.customer_id;

CREATE MATERIALIZED VIEW product_sales AS
SELECT p.product_id, p.name, sum(i.quantity) AS sold, sum(i.quantity * i.unit_price) AS revenue
FROM products p LEFT JOIN order_items i USING (product_id)
GROUP BY p.product_id;
CREATE UNIQUE INDEX ON product_sales (product_id);

CREATE FUNCTION order_total(wanted bigint) RETURNS numeric LANGUAGE sql STABLE
    AS 'SELECT sum(quantity * unit_price) FROM order_items WHERE order_id = wanted';

CREATE FUNCTION customer_level(wanted bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    spent numeric;
BEGIN
    SELECT sum(amount) INTO spent FROM payments JOIN orders USING (order_id) WHERE customer_id = wanted;
    RETURN CASE WHEN spent > 2000 THEN 'gold' WHEN spent > 500 THEN 'silver' ELSE 'standard' END;
END $$;

CREATE FUNCTION touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER touch BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

CREATE FUNCTION note_salary_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log (action, detail)
    VALUES ('salary changed', jsonb_build_object('employee', NEW.employee_id, 'from', OLD.salary, 'to', NEW.salary));
    RETURN NEW;
END $$;
CREATE TRIGGER note_salary AFTER UPDATE OF salary ON employees FOR EACH ROW EXECUTE FUNCTION note_salary_change();

SELECT setval(pg_get_serial_sequence(t, c), n) FROM (VALUES
    ('suppliers', 'supplier_id', (SELECT max(supplier_id) FROM suppliers)),
    ('categories', 'category_id', (SELECT max(category_id) FROM categories)),
    ('products', 'product_id', (SELECT max(product_id) FROM products)),
    ('customers', 'customer_id', (SELECT max(customer_id) FROM customers)),
    ('addresses', 'address_id', (SELECT max(address_id) FROM addresses)),
    ('employees', 'employee_id', (SELECT max(employee_id) FROM employees)),
    ('orders', 'order_id', (SELECT max(order_id) FROM orders)),
    ('payments', 'payment_id', (SELECT max(payment_id) FROM payments)),
    ('shipments', 'shipment_id', (SELECT max(shipment_id) FROM shipments)),
    ('support_tickets', 'ticket_id', (SELECT max(ticket_id) FROM support_tickets)),
    ('ticket_messages', 'message_id', (SELECT max(message_id) FROM ticket_messages)),
    ('api_keys', 'api_key_id', (SELECT max(api_key_id) FROM api_keys)),
    ('audit_log', 'entry_id', (SELECT max(entry_id) FROM audit_log))) AS s (t, c, n);
ANALYZE;
