-- Ordinary queries that ORMs, BI tools and people send to the demo's shop, and that an engineer or an agent gets right
-- results for with masks in force: as many rows and columns as in clear, the same types, the same values in every
-- column that isn't masked, NULL where NULL was, masks of the right shape, and the same order.
--
-- -- @ <identities> | <what it is> | <what may differ>
-- The third part says what can't be read off the result's own columns: `computed 2 3`: these result columns (from 1)
-- are computed from masked ones; `any order`: the order isn't that of the clear result; `other rows`: a condition
-- reads masks, so that other rows pass; `volatile 1`: the column differs from run to run; `counted`: looks rows up by a
-- masked value, which is counted; `record 1`: a whole row, which comes as an anonymous record; `refused`: it ought to work
-- and is refused so far (42501, WD008); `wrong`: it ought to give this result and gives another so far. `costly` masks many
-- rows in SQL. What is counted or costly is run with one driver for each identity. `-- @ with [...]` holds the parameters,
-- `-- @ then` begins another statement of the same session.

-- ------------------------------------------------------------------ Django

-- @ engineer agent | django: first page of a model
SELECT "customers"."customer_id", "customers"."first_name", "customers"."last_name", "customers"."email", "customers"."phone", "customers"."birth_date", "customers"."country", "customers"."newsletter", "customers"."created_at", "customers"."updated_at" FROM "customers" ORDER BY "customers"."customer_id" ASC LIMIT 25
-- @ engineer agent | django: second page with OFFSET
SELECT "customers"."customer_id", "customers"."first_name", "customers"."last_name", "customers"."email" FROM "customers" ORDER BY "customers"."created_at" DESC, "customers"."customer_id" DESC LIMIT 25 OFFSET 25
-- @ engineer agent | django: get() by primary key
SELECT "customers"."customer_id", "customers"."first_name", "customers"."last_name", "customers"."email", "customers"."phone", "customers"."birth_date" FROM "customers" WHERE "customers"."customer_id" = $1 LIMIT 21
-- @ with [42]
-- @ engineer | django: get() by a unique email | counted
SELECT "customers"."customer_id", "customers"."first_name", "customers"."last_name", "customers"."email" FROM "customers" WHERE "customers"."email" = $1 LIMIT 21
-- @ with ["olivia.okafor1@example.org"]
-- @ engineer agent | django: in_bulk
SELECT "customers"."customer_id", "customers"."first_name", "customers"."email" FROM "customers" WHERE "customers"."customer_id" IN ($1, $2, $3) ORDER BY "customers"."customer_id"
-- @ with [1, 2, 3]
-- @ engineer agent | django: count()
SELECT COUNT(*) AS "__count" FROM "customers"
-- @ engineer agent | django: count() of a filtered query
SELECT COUNT(*) AS "__count" FROM "customers" WHERE ("customers"."country" = $1 AND "customers"."newsletter")
-- @ with ["DE"]
-- @ engineer agent | django: exists()
SELECT 1 AS "a" FROM "customers" WHERE "customers"."customer_id" = $1 LIMIT 1
-- @ with [7]
-- @ engineer agent | django: select_related
SELECT "orders"."order_id", "orders"."customer_id", "orders"."status", "orders"."placed_at", "customers"."customer_id", "customers"."first_name", "customers"."last_name", "customers"."email" FROM "orders" INNER JOIN "customers" ON ("orders"."customer_id" = "customers"."customer_id") WHERE "orders"."status" = $1 ORDER BY "orders"."placed_at" DESC, "orders"."order_id" LIMIT 20
-- @ with ["shipped"]
-- @ engineer agent | django: prefetch_related
SELECT "addresses"."address_id", "addresses"."customer_id", "addresses"."kind", "addresses"."street", "addresses"."postcode", "addresses"."city", "addresses"."country" FROM "addresses" WHERE "addresses"."customer_id" IN (1, 2, 3, 4, 5) ORDER BY "addresses"."address_id"
-- @ engineer agent | django: annotate(Count)
SELECT "customers"."customer_id", "customers"."first_name", "customers"."email", COUNT("orders"."order_id") AS "n" FROM "customers" LEFT OUTER JOIN "orders" ON ("customers"."customer_id" = "orders"."customer_id") GROUP BY "customers"."customer_id" ORDER BY "n" DESC, "customers"."customer_id" LIMIT 10
-- @ engineer agent | django: annotate(Count), all columns grouped
SELECT "customers"."customer_id", "customers"."first_name", "customers"."email", COUNT("orders"."order_id") AS "n" FROM "customers" LEFT OUTER JOIN "orders" ON ("customers"."customer_id" = "orders"."customer_id") GROUP BY "customers"."customer_id", "customers"."first_name", "customers"."email" HAVING COUNT("orders"."order_id") > 3 ORDER BY "customers"."customer_id" LIMIT 10
-- @ engineer agent | django: values().annotate()
SELECT "customers"."country" AS "country", COUNT("customers"."customer_id") AS "n" FROM "customers" GROUP BY 1 ORDER BY 2 DESC, 1
-- @ engineer agent | django: aggregate(Min, Max) over dates of rows
SELECT MIN("customers"."created_at") AS "created_at__min", MAX("customers"."created_at") AS "created_at__max" FROM "customers"
-- @ engineer agent | django: exclude through a relation
SELECT "customers"."customer_id", "customers"."last_name" FROM "customers" WHERE NOT (EXISTS(SELECT 1 AS "a" FROM "orders" U1 WHERE (U1."customer_id" = ("customers"."customer_id") AND U1."status" = 'cancelled') LIMIT 1)) ORDER BY "customers"."customer_id" LIMIT 10
-- @ engineer agent | django: Exists annotation
SELECT "customers"."customer_id", "customers"."email", EXISTS(SELECT 1 AS "a" FROM "orders" U0 WHERE U0."customer_id" = ("customers"."customer_id") LIMIT 1) AS "has_orders" FROM "customers" ORDER BY "customers"."customer_id" LIMIT 15
-- @ engineer agent | django: Subquery annotation
SELECT "customers"."customer_id", "customers"."email", (SELECT U0."placed_at" FROM "orders" U0 WHERE U0."customer_id" = ("customers"."customer_id") ORDER BY U0."placed_at" DESC LIMIT 1) AS "last_order" FROM "customers" ORDER BY "customers"."customer_id" LIMIT 15
-- @ engineer agent | django: Subquery annotation of a masked column | computed 2
SELECT "orders"."order_id", (SELECT U0."email" FROM "customers" U0 WHERE U0."customer_id" = ("orders"."customer_id") LIMIT 1) AS "email" FROM "orders" ORDER BY "orders"."order_id" LIMIT 15
-- @ engineer agent | django: isnull on a masked column
SELECT "customers"."customer_id", "customers"."phone" FROM "customers" WHERE "customers"."phone" IS NULL ORDER BY "customers"."customer_id" LIMIT 10
-- @ engineer agent | django: isnull=False on a masked column
SELECT COUNT(*) AS "__count" FROM "customers" WHERE "customers"."phone" IS NOT NULL
-- @ engineer agent | django admin: icontains search | other rows
SELECT "customers"."customer_id", "customers"."first_name", "customers"."email" FROM "customers" WHERE (UPPER("customers"."first_name"::text) LIKE UPPER($1) OR UPPER("customers"."email"::text) LIKE UPPER($2)) ORDER BY "customers"."customer_id" DESC LIMIT 100
-- @ with ["%oli%", "%oli%"]
-- @ engineer agent | django admin: icontains on a harmless column
SELECT "products"."product_id", "products"."sku", "products"."name" FROM "products" WHERE UPPER("products"."name"::text) LIKE UPPER($1) ORDER BY "products"."product_id" DESC LIMIT 100
-- @ with ["%cork%"]
-- @ engineer agent | django: distinct()
SELECT DISTINCT "customers"."country" FROM "customers" ORDER BY "customers"."country" ASC
-- @ engineer agent | django: values_list(flat) of a masked column, distinct | any order
SELECT DISTINCT "ticket_messages"."author" FROM "ticket_messages"
-- @ engineer agent | django: dates() of a harmless column
SELECT DISTINCT DATE_TRUNC('month', "orders"."placed_at" AT TIME ZONE 'UTC') AS "datetimefield" FROM "orders" WHERE "orders"."placed_at" IS NOT NULL ORDER BY 1 ASC
-- @ engineer agent | django: TruncMonth with Count
SELECT DATE_TRUNC('month', "orders"."placed_at" AT TIME ZONE 'UTC') AS "month", COUNT("orders"."order_id") AS "n" FROM "orders" GROUP BY 1 ORDER BY 1 ASC
-- @ engineer agent | django: Case/When
SELECT "orders"."order_id", CASE WHEN "orders"."status" IN ('delivered', 'returned') THEN 'done' ELSE 'open' END AS "state" FROM "orders" ORDER BY "orders"."order_id" LIMIT 20
-- @ engineer agent | django: Concat of names | computed 2
SELECT "customers"."customer_id", (COALESCE("customers"."first_name", '') || (COALESCE(' ', '') || COALESCE("customers"."last_name", ''))) AS "full_name" FROM "customers" ORDER BY "customers"."customer_id" LIMIT 20
-- @ engineer agent | django: JSON key transform of a harmless column
SELECT "products"."product_id", ("products"."attributes" -> 'material') AS "m" FROM "products" WHERE ("products"."attributes" -> 'material') = '"cork"'::jsonb ORDER BY "products"."product_id" LIMIT 20
-- @ engineer | django: save() writes harmless columns
UPDATE "customers" SET "newsletter" = true WHERE "customers"."customer_id" = 9
-- @ engineer agent | django: create() of a harmless row | volatile 1
INSERT INTO "audit_log" ("at", "actor", "action", "detail") VALUES ('2026-01-01T00:00:00+00:00'::timestamptz, 'nobody', 'seen', '{}'::jsonb) RETURNING "audit_log"."entry_id"
-- @ engineer | django: create() of a customer | volatile 1
INSERT INTO "customers" ("first_name", "last_name", "email", "phone", "birth_date", "country", "newsletter", "created_at", "updated_at") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING "customers"."customer_id"
-- @ with ["Nova", "Newman", "nova@new.example", null, "1990-01-01", "DE", true, "2026-01-01 00:00:00+00", "2026-01-01 00:00:00+00"]
-- @ engineer | django: update_or_create locks the row
SELECT "customers"."customer_id", "customers"."first_name", "customers"."email" FROM "customers" WHERE "customers"."customer_id" = 5 LIMIT 21 FOR UPDATE
-- @ engineer | django: delete() by primary keys
DELETE FROM "reviews" WHERE ("reviews"."product_id" = 1 AND "reviews"."customer_id" = 1)
-- @ engineer | django: bulk_update with CASE
UPDATE "products" SET "stock" = (CASE WHEN ("products"."product_id" = 1) THEN 5 WHEN ("products"."product_id" = 2) THEN 6 ELSE NULL END)::integer WHERE "products"."product_id" IN (1, 2)
-- @ engineer | django: F() expression
UPDATE "products" SET "stock" = ("products"."stock" + 1) WHERE "products"."product_id" = 3

-- -------------------------------------------------------------- SQLAlchemy

-- @ engineer agent | sqlalchemy: select(entity) with labels
SELECT customers.customer_id AS customers_customer_id, customers.first_name AS customers_first_name, customers.last_name AS customers_last_name, customers.email AS customers_email, customers.phone AS customers_phone, customers.birth_date AS customers_birth_date FROM customers ORDER BY customers.customer_id LIMIT $1::INTEGER OFFSET $2::INTEGER
-- @ with [10, 20]
-- @ engineer agent | sqlalchemy: session.get
SELECT customers.customer_id, customers.first_name, customers.last_name, customers.email, customers.phone, customers.birth_date, customers.country FROM customers WHERE customers.customer_id = $1::BIGINT
-- @ with [11]
-- @ engineer agent | sqlalchemy: joinedload
SELECT anon_1.order_id, anon_1.customer_id, anon_1.placed_at, customers_1.customer_id AS customer_id_1, customers_1.first_name, customers_1.email FROM (SELECT orders.order_id AS order_id, orders.customer_id AS customer_id, orders.placed_at AS placed_at FROM orders ORDER BY orders.order_id LIMIT 10) AS anon_1 LEFT OUTER JOIN customers AS customers_1 ON customers_1.customer_id = anon_1.customer_id ORDER BY anon_1.order_id
-- @ engineer agent | sqlalchemy: joinedload of a masked entity
SELECT anon_1.customer_id, anon_1.first_name, anon_1.email, orders_1.order_id, orders_1.status FROM (SELECT customers.customer_id AS customer_id, customers.first_name AS first_name, customers.email AS email FROM customers ORDER BY customers.customer_id LIMIT 10) AS anon_1 LEFT OUTER JOIN orders AS orders_1 ON anon_1.customer_id = orders_1.customer_id ORDER BY anon_1.customer_id, orders_1.order_id
-- @ engineer agent | sqlalchemy: selectinload
SELECT orders_1.customer_id AS orders_1_customer_id, orders_1.order_id AS orders_1_order_id, orders_1.status AS orders_1_status FROM orders AS orders_1 WHERE orders_1.customer_id IN ($1::BIGINT, $2::BIGINT, $3::BIGINT) ORDER BY orders_1.order_id
-- @ with [1, 2, 3]
-- @ engineer agent | sqlalchemy: subqueryload
SELECT addresses.street AS addresses_street, addresses.city AS addresses_city, anon_1.customers_customer_id AS anon_1_customers_customer_id FROM (SELECT customers.customer_id AS customers_customer_id FROM customers WHERE customers.country = 'PT' ORDER BY customers.customer_id LIMIT 5) AS anon_1 JOIN addresses ON anon_1.customers_customer_id = addresses.customer_id ORDER BY addresses.address_id
-- @ engineer agent | sqlalchemy: func.count of a subquery
SELECT count(*) AS count_1 FROM (SELECT customers.customer_id AS customers_customer_id, customers.first_name AS customers_first_name, customers.email AS customers_email FROM customers WHERE customers.newsletter = true) AS anon_1
-- @ engineer agent | sqlalchemy: func.count(distinct)
SELECT count(DISTINCT customers.email) AS count_1 FROM customers
-- @ engineer agent | sqlalchemy: exists().scalar()
SELECT EXISTS (SELECT 1 FROM customers WHERE customers.country = $1::VARCHAR) AS anon_1
-- @ with ["DE"]
-- @ engineer agent | sqlalchemy: any()
SELECT customers.customer_id, customers.email FROM customers WHERE EXISTS (SELECT 1 FROM orders WHERE customers.customer_id = orders.customer_id AND orders.status = 'returned') ORDER BY customers.customer_id LIMIT 12
-- @ engineer agent | sqlalchemy: aliased self join
SELECT employees.employee_id, employees.name, employees_1.name AS manager FROM employees LEFT OUTER JOIN employees AS employees_1 ON employees_1.employee_id = employees.manager_id ORDER BY employees.employee_id
-- @ engineer agent | sqlalchemy: core select of an aliased CTE
WITH recent AS (SELECT orders.customer_id AS customer_id, max(orders.placed_at) AS last_order FROM orders GROUP BY orders.customer_id) SELECT customers.customer_id, customers.email, recent.last_order FROM customers JOIN recent ON recent.customer_id = customers.customer_id ORDER BY recent.last_order DESC, customers.customer_id LIMIT 10
-- @ engineer agent | sqlalchemy: row_number over
SELECT anon_1.order_id, anon_1.customer_id, anon_1.rn FROM (SELECT orders.order_id AS order_id, orders.customer_id AS customer_id, row_number() OVER (PARTITION BY orders.customer_id ORDER BY orders.placed_at DESC, orders.order_id) AS rn FROM orders) AS anon_1 WHERE anon_1.rn = 1 ORDER BY anon_1.order_id LIMIT 10
-- @ engineer agent | sqlalchemy: = ANY
SELECT customers.customer_id, customers.last_name FROM customers WHERE customers.customer_id = ANY ($1::BIGINT[]) ORDER BY customers.customer_id
-- @ with ["{4,5,6}"]
-- @ engineer agent | sqlalchemy: union_all of two entities' columns | computed 2
SELECT customers.customer_id AS id, customers.email AS email FROM customers WHERE customers.customer_id < 5 UNION ALL SELECT employees.employee_id AS id, employees.email AS email FROM employees WHERE employees.employee_id < 5 ORDER BY id
-- @ engineer | sqlalchemy: insertmanyvalues RETURNING | volatile 1
INSERT INTO audit_log (actor, action, detail) SELECT p0::TEXT, p1::TEXT, p2::JSONB FROM (VALUES ('a', 'b', '{}', 0), ('c', 'd', '{}', 1)) AS imp_sen(p0, p1, p2, sen_counter) ORDER BY sen_counter RETURNING audit_log.entry_id, audit_log.action
-- @ engineer | sqlalchemy: flush of a changed column
UPDATE orders SET note=$1::VARCHAR WHERE orders.order_id = $2::BIGINT
-- @ with ["call first", 12]
-- @ engineer | sqlalchemy: update with RETURNING of server defaults | volatile 1
UPDATE customers SET newsletter=$1 WHERE customers.customer_id = $2 RETURNING customers.updated_at, customers.customer_id
-- @ with [true, 8]
-- @ engineer | sqlalchemy: with_for_update of a join
SELECT orders.order_id, orders.status, customers.email FROM orders JOIN customers ON customers.customer_id = orders.customer_id WHERE orders.order_id = 10 FOR UPDATE OF orders

-- ------------------------------------------------------------- ActiveRecord

-- @ engineer agent | activerecord: Model.all.limit
SELECT "customers".* FROM "customers" ORDER BY "customers"."customer_id" ASC LIMIT $1
-- @ with [11]
-- @ engineer agent | activerecord: find
SELECT "customers".* FROM "customers" WHERE "customers"."customer_id" = $1 LIMIT $2
-- @ with [3, 1]
-- @ engineer | activerecord: find_by email | counted
SELECT "customers".* FROM "customers" WHERE "customers"."email" = $1 LIMIT $2
-- @ with ["anastasia.pereira2@example.com", 1]
-- @ engineer agent | activerecord: exists?
SELECT 1 AS one FROM "customers" WHERE "customers"."country" = $1 LIMIT $2
-- @ with ["DE", 1]
-- @ engineer | activerecord: validates uniqueness | counted
SELECT 1 AS one FROM "customers" WHERE "customers"."email" = $1 AND "customers"."customer_id" != $2 LIMIT $3
-- @ with ["olivia.okafor1@example.org", 1, 1]
-- @ engineer agent | activerecord: eager_load
SELECT "orders"."order_id" AS t0_r0, "orders"."customer_id" AS t0_r1, "orders"."status" AS t0_r2, "customers"."customer_id" AS t1_r0, "customers"."first_name" AS t1_r1, "customers"."last_name" AS t1_r2, "customers"."email" AS t1_r3 FROM "orders" LEFT OUTER JOIN "customers" ON "customers"."customer_id" = "orders"."customer_id" WHERE "orders"."order_id" IN ($1, $2) ORDER BY "orders"."order_id"
-- @ with [1, 2]
-- @ engineer agent | activerecord: pluck | any order
SELECT "employees"."email" FROM "employees" WHERE "employees"."department" = $1
-- @ with ["Support"]
-- @ engineer agent | activerecord: group.count
SELECT COUNT(*) AS "count_all", "orders"."status" AS "orders_status" FROM "orders" GROUP BY "orders"."status" ORDER BY "orders"."status"
-- @ engineer agent | activerecord: find_each
SELECT "customers".* FROM "customers" WHERE "customers"."customer_id" > $1 ORDER BY "customers"."customer_id" ASC LIMIT $2
-- @ with [1000, 1000]
-- @ engineer agent | activerecord: has_many through
SELECT "products".* FROM "products" INNER JOIN "order_items" ON "products"."product_id" = "order_items"."product_id" INNER JOIN "orders" ON "order_items"."order_id" = "orders"."order_id" WHERE "orders"."customer_id" = $1 ORDER BY "products"."product_id"
-- @ with [226]
-- @ engineer agent | activerecord: distinct with joins
SELECT DISTINCT "customers".* FROM "customers" INNER JOIN "support_tickets" ON "support_tickets"."customer_id" = "customers"."customer_id" WHERE "support_tickets"."status" = 'open' ORDER BY "customers"."customer_id" LIMIT 20
-- @ engineer agent | activerecord: count distinct of a limit
SELECT COUNT(*) FROM (SELECT 1 AS one FROM "customers" WHERE "customers"."newsletter" = TRUE LIMIT 100) subquery_for_count
-- @ engineer agent | activerecord: last
SELECT "customers".* FROM "customers" ORDER BY "customers"."customer_id" DESC LIMIT 1
-- @ engineer agent | activerecord: default order by a masked column | any order
SELECT "employees".* FROM "employees" ORDER BY "employees"."name" ASC
-- @ engineer | activerecord: touch
UPDATE "customers" SET "updated_at" = '2026-02-02 00:00:00' WHERE "customers"."customer_id" = 4
-- @ engineer | activerecord: upsert_all
INSERT INTO "price_history" ("product_id","valid_from","price") VALUES (1, '2030-01-01', 9.99), (2, '2030-01-01', 8.99) ON CONFLICT ("product_id","valid_from") DO UPDATE SET "price"=excluded."price" RETURNING "product_id"
-- @ engineer | activerecord: with_lock
SELECT "orders".* FROM "orders" WHERE "orders"."order_id" = 1 LIMIT 1 FOR UPDATE

-- ------------------------------------------------------------------- Prisma

-- @ engineer agent | prisma: findMany
SELECT "public"."customers"."customer_id", "public"."customers"."first_name", "public"."customers"."last_name", "public"."customers"."email", "public"."customers"."phone", "public"."customers"."birth_date" FROM "public"."customers" WHERE 1=1 ORDER BY "public"."customers"."customer_id" ASC LIMIT $1 OFFSET $2
-- @ with [5, 0]
-- @ engineer agent | prisma: findUnique by id
SELECT "public"."customers"."customer_id", "public"."customers"."email" FROM "public"."customers" WHERE ("public"."customers"."customer_id" = $1 AND 1=1) LIMIT $2 OFFSET $3
-- @ with [5, 1, 0]
-- @ engineer | prisma: findUnique by email | counted
SELECT "public"."customers"."customer_id", "public"."customers"."email" FROM "public"."customers" WHERE ("public"."customers"."email" = $1 AND 1=1) LIMIT $2 OFFSET $3
-- @ with ["olivia.okafor1@example.org", 1, 0]
-- @ engineer agent | prisma: include
SELECT "public"."orders"."order_id", "public"."orders"."customer_id", "public"."orders"."status"::text FROM "public"."orders" WHERE "public"."orders"."customer_id" IN ($1,$2,$3) ORDER BY "public"."orders"."order_id" OFFSET $4
-- @ with [1, 2, 3, 0]
-- @ engineer agent | prisma: _count
SELECT COUNT(*) FROM (SELECT "public"."customers"."customer_id" FROM "public"."customers" WHERE 1=1 OFFSET $1) AS "sub"
-- @ with [0]
-- @ engineer agent | prisma: relation count
SELECT "public"."customers"."customer_id", "public"."customers"."email", COALESCE("aggr_selection_0_Order"."_aggr_count_orders", 0) AS "_aggr_count_orders" FROM "public"."customers" LEFT JOIN (SELECT "public"."orders"."customer_id", COUNT(*) AS "_aggr_count_orders" FROM "public"."orders" WHERE 1=1 GROUP BY "public"."orders"."customer_id") AS "aggr_selection_0_Order" ON ("public"."customers"."customer_id" = "aggr_selection_0_Order"."customer_id") WHERE 1=1 ORDER BY "public"."customers"."customer_id" ASC LIMIT 10
-- @ engineer agent | prisma: relationJoins with LATERAL and JSONB_BUILD_OBJECT | computed 2
SELECT "t1"."order_id", "Order_customer"."__prisma_data__" AS "customer" FROM "public"."orders" AS "t1" LEFT JOIN LATERAL (SELECT JSONB_BUILD_OBJECT('id', "t2"."customer_id", 'email', "t2"."email", 'first_name', "t2"."first_name") AS "__prisma_data__" FROM (SELECT "t3".* FROM "public"."customers" AS "t3" WHERE "t1"."customer_id" = "t3"."customer_id" LIMIT 1) AS "t2") AS "Order_customer" ON true ORDER BY "t1"."order_id" LIMIT 10
-- @ engineer agent | prisma: relationJoins, a list
SELECT "t1"."customer_id", "t1"."email", "Customer_orders"."__prisma_data__" AS "orders" FROM "public"."customers" AS "t1" LEFT JOIN LATERAL (SELECT COALESCE(JSONB_AGG("__prisma_data__"), '[]') AS "__prisma_data__" FROM (SELECT "t3"."__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT('order_id', "t2"."order_id", 'status', "t2"."status") AS "__prisma_data__" FROM (SELECT "t4".* FROM "public"."orders" AS "t4" WHERE "t1"."customer_id" = "t4"."customer_id") AS "t2") AS "t3") AS "t5") AS "Customer_orders" ON true ORDER BY "t1"."customer_id" LIMIT 10
-- @ engineer agent | prisma: groupBy
SELECT COUNT(*), "public"."customers"."country" FROM "public"."customers" WHERE 1=1 GROUP BY "public"."customers"."country" ORDER BY "public"."customers"."country" ASC OFFSET $1
-- @ with [0]
-- @ engineer | prisma: create | volatile 1
INSERT INTO "public"."audit_log" ("action","detail","actor") VALUES ($1,$2::jsonb,$3) RETURNING "public"."audit_log"."entry_id", "public"."audit_log"."action", "public"."audit_log"."actor"
-- @ with ["seen", "{}", "nobody"]
-- @ engineer | prisma: update with RETURNING of masked columns
UPDATE "public"."customers" SET "newsletter" = $1 WHERE ("public"."customers"."customer_id" = $2 AND 1=1) RETURNING "public"."customers"."customer_id", "public"."customers"."first_name", "public"."customers"."email", "public"."customers"."newsletter"
-- @ with [false, 17]
-- @ engineer | prisma: delete with RETURNING
DELETE FROM "public"."reviews" WHERE ("public"."reviews"."product_id" = $1 AND "public"."reviews"."customer_id" = $2 AND 1=1) RETURNING "public"."reviews"."product_id", "public"."reviews"."stars"
-- @ with [2, 8]

-- ---------------------------------------------------------------- Hibernate

-- @ engineer agent | hibernate: entity by id
select c1_0.customer_id,c1_0.birth_date,c1_0.country,c1_0.created_at,c1_0.email,c1_0.first_name,c1_0.last_name,c1_0.newsletter,c1_0.phone,c1_0.updated_at from customers c1_0 where c1_0.customer_id=$1
-- @ with [21]
-- @ engineer agent | hibernate: HQL list with setMaxResults
select c1_0.customer_id,c1_0.email,c1_0.first_name,c1_0.last_name from customers c1_0 where c1_0.country=$1 order by c1_0.customer_id offset $2 rows fetch first $3 rows only
-- @ with ["DE", 0, 10]
-- @ engineer agent | hibernate: join fetch
select o1_0.order_id,o1_0.status,c1_0.customer_id,c1_0.email,c1_0.last_name,o1_0.placed_at from orders o1_0 join customers c1_0 on c1_0.customer_id=o1_0.customer_id where o1_0.order_id between $1 and $2 order by o1_0.order_id
-- @ with [1, 9]
-- @ engineer agent | hibernate: count query of a page
select count(c1_0.customer_id) from customers c1_0 where c1_0.newsletter=true
-- @ engineer agent | hibernate: count of a masked attribute | costly
select count(c1_0.phone) from customers c1_0
-- @ engineer agent | hibernate: collection
select a1_0.customer_id,a1_0.address_id,a1_0.city,a1_0.country,a1_0.kind,a1_0.postcode,a1_0.street from addresses a1_0 where a1_0.customer_id=$1 order by a1_0.address_id
-- @ with [12]
-- @ engineer agent | hibernate: batch fetch by array
select c1_0.customer_id,c1_0.email from customers c1_0 where c1_0.customer_id = any ($1) order by c1_0.customer_id
-- @ with ["{1,2,3,4}"]
-- @ engineer agent | hibernate: select new dto() | computed 2
select c1_0.customer_id,(c1_0.first_name||' '||c1_0.last_name),(select count(o1_0.order_id) from orders o1_0 where o1_0.customer_id=c1_0.customer_id) from customers c1_0 order by c1_0.customer_id fetch first 10 rows only
-- @ engineer | hibernate: select for a pessimistic lock
select c1_0.customer_id,c1_0.email,c1_0.newsletter from customers c1_0 where c1_0.customer_id=6 for no key update
-- @ engineer | hibernate: insert with generated key | volatile 1
insert into audit_log (action,actor,detail) values ('seen','nobody','{}') returning entry_id
-- @ engineer agent | spring data: existsBy | volatile 1
select c1_0.customer_id from customers c1_0 where c1_0.country='FR' fetch first 1 rows only
-- @ engineer agent | spring data: findByLastName, ignoring case | other rows
select c1_0.customer_id,c1_0.email,c1_0.last_name from customers c1_0 where upper(c1_0.last_name)=upper('Okafor') order by c1_0.customer_id
-- @ engineer agent | spring data: sort by a masked attribute | any order
select e1_0.employee_id,e1_0.name from employees e1_0 order by e1_0.name
-- @ engineer agent | spring data: keyset scroll
select c1_0.customer_id,c1_0.created_at,c1_0.email from customers c1_0 where (c1_0.created_at>'2023-02-01' or c1_0.created_at='2023-02-01' and c1_0.customer_id>10) order by c1_0.created_at,c1_0.customer_id fetch first 10 rows only

-- ---------------------------------------------------------------- Sequelize

-- @ engineer agent | sequelize: findAll
SELECT "customer_id", "first_name", "last_name", "email", "phone" FROM "customers" AS "Customer" ORDER BY "Customer"."customer_id" LIMIT 10
-- @ engineer agent | sequelize: findAndCountAll
SELECT count(*) AS "count" FROM "customers" AS "Customer" WHERE "Customer"."country" = 'DE'
-- @ engineer agent | sequelize: include with a limit
SELECT "Customer".*, "Orders"."order_id" AS "Orders.order_id", "Orders"."status" AS "Orders.status" FROM (SELECT "Customer"."customer_id", "Customer"."first_name", "Customer"."email" FROM "customers" AS "Customer" ORDER BY "Customer"."customer_id" LIMIT 5) AS "Customer" LEFT OUTER JOIN "orders" AS "Orders" ON "Customer"."customer_id" = "Orders"."customer_id" ORDER BY "Customer"."customer_id", "Orders"."order_id"
-- @ engineer agent | sequelize: nested include
SELECT "Order"."order_id", "Customer"."customer_id" AS "Customer.customer_id", "Customer"."email" AS "Customer.email", "Customer->Addresses"."address_id" AS "Customer.Addresses.address_id", "Customer->Addresses"."street" AS "Customer.Addresses.street" FROM "orders" AS "Order" LEFT OUTER JOIN "customers" AS "Customer" ON "Order"."customer_id" = "Customer"."customer_id" LEFT OUTER JOIN "addresses" AS "Customer->Addresses" ON "Customer"."customer_id" = "Customer->Addresses"."customer_id" WHERE "Order"."order_id" < 6 ORDER BY 1, 4
-- @ engineer agent | sequelize: fn COUNT DISTINCT
SELECT count(DISTINCT("Customer"."customer_id")) AS "count" FROM "customers" AS "Customer" INNER JOIN "orders" AS "Orders" ON "Customer"."customer_id" = "Orders"."customer_id"
-- @ engineer agent | sequelize: iLike on a harmless column
SELECT "product_id", "name", "price" FROM "products" AS "Product" WHERE "Product"."name" ILIKE '%bamboo%' ORDER BY "Product"."product_id" LIMIT 20
-- @ engineer agent | sequelize: JSON path condition
SELECT "product_id", "sku" FROM "products" AS "Product" WHERE CAST(("Product"."attributes"#>>'{weight_grams}') AS INTEGER) > 4000 ORDER BY "product_id" LIMIT 20
-- @ engineer | sequelize: update returning all
UPDATE "orders" SET "note"='x',"updated_at"='2026-01-01' WHERE "order_id" = 33 RETURNING "order_id","customer_id","status","note"
-- @ engineer | sequelize: update returning all of a masked model | volatile 10
UPDATE "customers" SET "newsletter"=true WHERE "customer_id" = 33 RETURNING *
-- @ engineer | sequelize: findOrCreate | volatile 1
INSERT INTO "audit_log" ("entry_id","action","actor","detail") VALUES (DEFAULT,'seen','me','{}') ON CONFLICT DO NOTHING RETURNING "entry_id","action"

-- ----------------------------------------------------------------- Metabase

-- @ engineer agent | metabase: table preview
SELECT "public"."customers"."customer_id" AS "customer_id", "public"."customers"."first_name" AS "first_name", "public"."customers"."last_name" AS "last_name", "public"."customers"."email" AS "email", "public"."customers"."phone" AS "phone", "public"."customers"."birth_date" AS "birth_date", "public"."customers"."country" AS "country" FROM "public"."customers" ORDER BY "public"."customers"."customer_id" ASC LIMIT 2000
-- @ engineer agent | metabase: count by month
SELECT DATE_TRUNC('month', "public"."orders"."placed_at") AS "placed_at", COUNT(*) AS "count" FROM "public"."orders" GROUP BY DATE_TRUNC('month', "public"."orders"."placed_at") ORDER BY DATE_TRUNC('month', "public"."orders"."placed_at") ASC
-- @ engineer agent | metabase: distinct values of a masked field
SELECT COUNT(DISTINCT "public"."customers"."email") AS "count" FROM "public"."customers"
-- @ engineer agent | metabase: fingerprint sample | computed 2 3
SELECT "public"."customers"."customer_id" AS "customer_id", SUBSTRING("public"."customers"."email", 1, 1234) AS "substring1", SUBSTRING("public"."customers"."first_name", 1, 1234) AS "substring2" FROM "public"."customers" ORDER BY 1 LIMIT 100
-- @ engineer agent | metabase: field values of a masked field | computed 1; any order
SELECT "public"."customers"."last_name" AS "last_name" FROM "public"."customers" GROUP BY "public"."customers"."last_name" ORDER BY "public"."customers"."last_name" ASC LIMIT 1000
-- @ engineer agent | metabase: joined question with an alias of its own
SELECT "source"."country" AS "country", COUNT(*) AS "count" FROM (SELECT "public"."orders"."order_id" AS "order_id", "Customers"."country" AS "country", "Customers"."email" AS "email" FROM "public"."orders" LEFT JOIN "public"."customers" AS "Customers" ON "public"."orders"."customer_id" = "Customers"."customer_id") AS "source" GROUP BY "source"."country" ORDER BY "count" DESC, "source"."country" ASC
-- @ engineer agent | metabase: nested question selects a masked column
SELECT "source"."order_id" AS "order_id", "source"."email" AS "email" FROM (SELECT "public"."orders"."order_id" AS "order_id", "Customers"."email" AS "email" FROM "public"."orders" LEFT JOIN "public"."customers" AS "Customers" ON "public"."orders"."customer_id" = "Customers"."customer_id") AS "source" ORDER BY "source"."order_id" LIMIT 10
-- @ engineer agent | metabase: top customers by an email
SELECT "Customers"."email" AS "email", SUM("public"."payments"."amount") AS "sum" FROM "public"."payments" LEFT JOIN "public"."orders" AS "Orders" ON "public"."payments"."order_id" = "Orders"."order_id" LEFT JOIN "public"."customers" AS "Customers" ON "Orders"."customer_id" = "Customers"."customer_id" GROUP BY "Customers"."email" ORDER BY "sum" DESC LIMIT 10
-- @ engineer agent | metabase: binned numbers
SELECT FLOOR(("public"."payments"."amount" / 100.0)) * 100.0 AS "amount", COUNT(*) AS "count" FROM "public"."payments" GROUP BY FLOOR(("public"."payments"."amount" / 100.0)) * 100.0 ORDER BY FLOOR(("public"."payments"."amount" / 100.0)) * 100.0 ASC
-- @ engineer agent | metabase: text is not empty | costly
SELECT COUNT(*) AS "count" FROM "public"."customers" WHERE ("public"."customers"."phone" IS NOT NULL AND ("public"."customers"."phone" <> '' OR "public"."customers"."phone" IS NULL))
-- @ engineer agent | metabase: case-insensitive contains on a masked field | other rows
SELECT COUNT(*) AS "count" FROM "public"."customers" WHERE (LOWER("public"."customers"."email") LIKE '%example%')

-- ------------------------------------------------------------------ Tableau

-- @ engineer agent | tableau: aggregated measure
SELECT "orders"."status" AS "status", SUM("order_items"."quantity") AS "sum:quantity:ok", SUM(CAST("order_items"."unit_price" AS DOUBLE PRECISION)) AS "sum:unit_price:ok" FROM "public"."orders" "orders" INNER JOIN "public"."order_items" "order_items" ON ("orders"."order_id" = "order_items"."order_id") GROUP BY 1 ORDER BY 1
-- @ engineer agent | tableau: count of distinct customers
SELECT CAST("orders"."status" AS TEXT) AS "status", COUNT(DISTINCT "orders"."customer_id") AS "ctd:customer_id:ok" FROM "public"."orders" "orders" GROUP BY 1 ORDER BY 1
-- @ engineer agent | tableau: count of distinct masked values by a dimension
SELECT "customers"."country" AS "country", COUNT(DISTINCT "customers"."last_name") AS "ctd:last_name:ok" FROM "public"."customers" "customers" GROUP BY 1 ORDER BY 1
-- @ engineer agent | tableau: dimension of masked text cast to text | computed 1; any order
SELECT CAST("customers"."last_name" AS TEXT) AS "last_name", COUNT(1) AS "cnt" FROM "public"."customers" "customers" GROUP BY 1
-- @ engineer agent | tableau: custom SQL wrapped
SELECT "Custom SQL Query"."country" AS "country", SUM(1) AS "cnt:n:ok" FROM (select c.customer_id, c.email, c.country from customers c) "Custom SQL Query" GROUP BY 1 HAVING (COUNT(1) > 0) ORDER BY 1
-- @ engineer agent | tableau: top n filter by a join
SELECT "customers"."email" AS "email", SUM("payments"."amount") AS "sum" FROM "public"."payments" "payments" INNER JOIN "public"."orders" "orders" ON ("payments"."order_id" = "orders"."order_id") INNER JOIN "public"."customers" "customers" ON ("orders"."customer_id" = "customers"."customer_id") INNER JOIN (SELECT "orders"."customer_id" AS "cid", COUNT(1) AS "n" FROM "public"."orders" "orders" GROUP BY 1 ORDER BY 2 DESC, 1 ASC LIMIT 5) "t0" ON ("orders"."customer_id" = "t0"."cid") GROUP BY 1 ORDER BY 2 DESC
-- @ engineer agent | tableau: connection test
SELECT 1 AS "COL"
-- @ engineer agent | tableau: metadata query without rows
SELECT * FROM (SELECT * FROM "public"."customers") "T" WHERE 1=0
-- @ engineer agent | tableau: LIMIT 0 probe
SELECT * FROM "public"."payments" LIMIT 0
-- @ engineer agent | tableau: date part
SELECT EXTRACT(YEAR FROM "orders"."placed_at")::int AS "yr", EXTRACT(QUARTER FROM "orders"."placed_at")::int AS "qr", COUNT(1) FROM "public"."orders" "orders" GROUP BY 1, 2 ORDER BY 1, 2

-- --------------------------------------------------------- Superset, Looker

-- @ engineer agent | superset: chart over a virtual dataset
SELECT country AS country, count(*) AS count FROM (SELECT c.*, o.order_id FROM customers c JOIN orders o ON o.customer_id = c.customer_id) AS virtual_table GROUP BY country ORDER BY count DESC, country LIMIT 1000
-- @ engineer agent | superset: time series
SELECT DATE_TRUNC('week', placed_at) AS __timestamp, COUNT(*) AS count FROM public.orders WHERE placed_at >= TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND placed_at < TO_TIMESTAMP('2026-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY DATE_TRUNC('week', placed_at) ORDER BY __timestamp LIMIT 10000
-- @ engineer agent | superset: series limit join
SELECT DATE_TRUNC('month', placed_at) AS __timestamp, status AS status, COUNT(*) AS count FROM public.orders JOIN (SELECT status AS status__, COUNT(*) AS mme_inner__ FROM public.orders GROUP BY status ORDER BY mme_inner__ DESC LIMIT 3) AS anon_1 ON status = status__ GROUP BY status, DATE_TRUNC('month', placed_at) ORDER BY 1, 2
-- @ engineer agent | superset: SQL Lab
SELECT * FROM customers
WHERE country = 'GB'
ORDER BY customer_id
LIMIT 1001
-- @ engineer agent | superset: COUNT_DISTINCT of a masked column of a virtual dataset
SELECT COUNT(DISTINCT email) AS "COUNT_DISTINCT(email)" FROM (SELECT * FROM customers) AS virtual_table LIMIT 50000
-- @ engineer agent | superset: filter values of a masked column | any order
SELECT DISTINCT author AS author FROM public.ticket_messages LIMIT 1000
-- @ engineer agent | looker: explore with ordinals
SELECT customers.country AS "customers.country", COUNT(DISTINCT customers.customer_id) AS "customers.count", COALESCE(SUM(payments.amount), 0) AS "payments.total" FROM public.orders AS orders LEFT JOIN public.customers AS customers ON orders.customer_id = customers.customer_id LEFT JOIN public.payments AS payments ON payments.order_id = orders.order_id GROUP BY 1 ORDER BY 2 DESC, 1 FETCH NEXT 500 ROWS ONLY
-- @ engineer agent | looker: derived table of facts
WITH customer_order_facts AS (SELECT o.customer_id, COUNT(*) AS lifetime_orders, MIN(o.placed_at) AS first_order FROM orders o GROUP BY 1) SELECT (CASE WHEN f.lifetime_orders >= 5 THEN '5+' WHEN f.lifetime_orders >= 2 THEN '2-4' ELSE '1' END) AS tier, COUNT(DISTINCT c.email) AS customers FROM customers AS c LEFT JOIN customer_order_facts AS f ON f.customer_id = c.customer_id GROUP BY 1 ORDER BY 1
-- @ engineer agent | looker: age tiers over a masked birth date | computed 1; other rows
SELECT (EXTRACT(YEAR FROM AGE(TIMESTAMP '2026-01-01', customers.birth_date))::int / 10) * 10 AS age_tier, COUNT(*) AS n FROM customers GROUP BY 1 ORDER BY 1
-- @ engineer agent | looker: symmetric aggregate
SELECT orders.status AS "orders.status", AVG(payments.amount) AS "avg", PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY payments.amount) AS "median" FROM orders LEFT JOIN payments ON payments.order_id = orders.order_id GROUP BY 1 ORDER BY 1
-- @ engineer agent | looker: running total
SELECT d, n, SUM(n) OVER (ORDER BY d ROWS UNBOUNDED PRECEDING) AS running FROM (SELECT placed_at::date AS d, COUNT(*) AS n FROM orders GROUP BY 1) x ORDER BY d LIMIT 50
-- @ engineer agent | looker: row totals by GROUPING SETS
SELECT country, newsletter, COUNT(*) AS n, GROUPING(country, newsletter) AS g FROM customers GROUP BY ROLLUP (country, newsletter) ORDER BY g, country, newsletter
-- @ engineer agent | looker: pivot by FILTER
SELECT country, COUNT(*) FILTER (WHERE newsletter) AS yes, COUNT(*) FILTER (WHERE NOT newsletter) AS no FROM customers GROUP BY country ORDER BY country
-- @ engineer agent | looker: cohort
SELECT DATE_TRUNC('quarter', c.created_at)::date AS cohort, COUNT(DISTINCT c.customer_id) AS customers, COUNT(o.order_id) AS orders FROM customers c LEFT JOIN orders o ON o.customer_id = c.customer_id AND o.placed_at < c.created_at + INTERVAL '90 days' GROUP BY 1 ORDER BY 1

-- ------------------------------------------------------------------- People

-- @ engineer agent | a whole table
SELECT * FROM customers ORDER BY customer_id
-- @ engineer agent | TABLE
TABLE employees ORDER BY employee_id
-- @ engineer agent | all columns of a join
SELECT * FROM orders o JOIN customers c USING (customer_id) WHERE o.order_id < 10 ORDER BY o.order_id
-- @ engineer agent | all columns of one side
SELECT c.* FROM customers c JOIN orders o USING (customer_id) WHERE o.order_id IN (1, 2, 3) ORDER BY o.order_id
-- @ engineer agent | NATURAL JOIN
SELECT order_id, line, product_id, status FROM orders NATURAL JOIN order_items WHERE order_id < 10 ORDER BY 1, 2
-- @ engineer agent | a support look-up by key
SELECT c.first_name, c.last_name, c.email, t.subject, t.status FROM support_tickets t JOIN customers c USING (customer_id) WHERE t.ticket_id = 17
-- @ engineer agent | a ticket's messages
SELECT message_id, author, body, sent_at FROM ticket_messages WHERE ticket_id = 17 ORDER BY sent_at, message_id
-- @ engineer | a look-up by email | counted
SELECT customer_id FROM customers WHERE email = 'olivia.okafor1@example.org'
-- @ engineer | orders of a customer by email | counted
SELECT o.order_id, o.status FROM orders o JOIN customers c ON c.customer_id = o.customer_id WHERE c.email = 'anastasia.pereira2@example.com' ORDER BY o.order_id
-- @ engineer | a look-up by email within IN | counted
SELECT order_id, status FROM orders WHERE customer_id IN (SELECT customer_id FROM customers WHERE email = 'anastasia.pereira2@example.com') ORDER BY order_id
-- @ engineer agent | the view of orders | computed 4 5
SELECT * FROM order_overview WHERE order_id < 10 ORDER BY order_id
-- @ engineer agent | unmasked columns of a view
SELECT order_id, status, total FROM order_overview ORDER BY total DESC, order_id LIMIT 5
-- @ engineer agent | one masked column of a view | computed 2
SELECT order_id, email FROM order_overview WHERE order_id BETWEEN 5 AND 8 ORDER BY order_id
-- @ engineer agent | a view's masked column grouped | computed 1
SELECT email, count(*), sum(total) FROM order_overview GROUP BY email ORDER BY 3 DESC LIMIT 5
-- @ engineer agent | a materialised view
SELECT * FROM product_sales ORDER BY revenue DESC NULLS LAST, product_id LIMIT 10
-- @ engineer agent | partitions
SELECT count(*), count(customer_id), avg(duration_ms) FROM page_views
-- @ engineer agent | one partition
SELECT path, count(*) FROM page_views_2026_q1 GROUP BY path ORDER BY path
-- @ engineer agent | a recursive tree
WITH RECURSIVE tree AS (SELECT category_id, name, 0 AS depth, name::text AS path FROM categories WHERE parent_id IS NULL UNION ALL SELECT c.category_id, c.name, t.depth + 1, t.path || ' > ' || c.name FROM categories c JOIN tree t ON c.parent_id = t.category_id) SELECT * FROM tree ORDER BY path
-- @ engineer agent | a recursive tree of employees | computed 2
WITH RECURSIVE chain AS (SELECT employee_id, name, manager_id, 1 AS level FROM employees WHERE manager_id IS NULL UNION ALL SELECT e.employee_id, e.name, e.manager_id, c.level + 1 FROM employees e JOIN chain c ON e.manager_id = c.employee_id) SELECT employee_id, name, level FROM chain ORDER BY level, employee_id
-- @ engineer agent | doubles by last name | any order
SELECT last_name, count(*) FROM customers GROUP BY last_name HAVING count(*) > 50 ORDER BY 2 DESC
-- @ engineer agent | doubles by name and birth date | any order
SELECT first_name, last_name, birth_date, count(*) FROM customers GROUP BY 1, 2, 3 HAVING count(*) > 1
-- @ engineer agent | customers that share a phone | costly
SELECT a.customer_id, b.customer_id FROM customers a JOIN customers b ON a.phone = b.phone AND a.customer_id < b.customer_id ORDER BY 1, 2
-- @ engineer agent | customers who are employees, by name | other rows
SELECT count(*) FROM customers c JOIN employees e ON e.name = c.first_name || ' ' || c.last_name
-- @ engineer agent | tickets by agents' emails
SELECT e.employee_id, count(m.message_id) FROM employees e LEFT JOIN ticket_messages m ON m.author = e.email GROUP BY e.employee_id ORDER BY e.employee_id
-- @ engineer agent | average salary by department | computed 2
SELECT department, round(avg(salary), 2), count(*) FROM employees GROUP BY department ORDER BY department
-- @ engineer agent | minimum and maximum of salaries | computed 1 2
SELECT min(salary), max(salary) FROM employees
-- @ engineer agent | total of salaries | computed 1
SELECT sum(salary) FROM employees
-- @ engineer agent | minimum and maximum of birth dates | computed 1 2; costly
SELECT min(birth_date), max(birth_date) FROM customers
-- @ engineer agent | rank by salary | any order; computed 3
SELECT employee_id, department, rank() OVER (PARTITION BY department ORDER BY salary DESC) FROM employees
-- @ engineer agent | a masked column ordered, with LIMIT | other rows
SELECT customer_id, email FROM customers ORDER BY email LIMIT 10
-- @ engineer agent | a masked column searched by LIKE | other rows
SELECT customer_id, email FROM customers WHERE email LIKE '%@example.org' ORDER BY customer_id LIMIT 10
-- @ engineer agent | string_agg of emails | computed 2
SELECT department, string_agg(email, ', ' ORDER BY employee_id) FROM employees GROUP BY department ORDER BY department
-- @ engineer agent | array_agg of emails | computed 2
SELECT department, array_agg(email ORDER BY employee_id) FROM employees GROUP BY department ORDER BY department
-- @ engineer agent | json_agg of rows | computed 1
SELECT json_agg(row_to_json(c)) FROM (SELECT customer_id, email, country FROM customers ORDER BY customer_id LIMIT 5) c
-- @ engineer agent | to_jsonb of a row | computed 1
SELECT to_jsonb(c) FROM customers c WHERE customer_id = 3
-- @ engineer agent | a whole row | computed 1; record 1
SELECT c FROM customers c WHERE customer_id = 3
-- @ engineer agent | upper and length | computed 1 2
SELECT upper(last_name), length(email) FROM customers ORDER BY customer_id LIMIT 5
-- @ engineer agent | domain of an email | computed 1; other rows
SELECT split_part(email, '@', 2) AS domain, count(*) FROM customers GROUP BY 1 ORDER BY 2 DESC, 1
-- @ engineer agent | initials | computed 2
SELECT customer_id, left(first_name, 1) || '.' || left(last_name, 1) || '.' AS initials FROM customers ORDER BY customer_id LIMIT 5
-- @ engineer agent | coalesce of a phone | computed 2
SELECT customer_id, coalesce(phone, 'none') FROM customers ORDER BY customer_id LIMIT 10
-- @ engineer agent | whether a phone is known
SELECT customer_id, phone IS NOT NULL AS has_phone FROM customers ORDER BY customer_id LIMIT 10
-- @ engineer agent | a CASE on whether a phone is known
SELECT customer_id, CASE WHEN phone IS NULL THEN 'no' ELSE 'yes' END FROM customers ORDER BY customer_id LIMIT 10
-- @ engineer agent | share of phones known | costly
SELECT country, count(phone)::numeric / count(*) AS share FROM customers GROUP BY country ORDER BY country
-- @ engineer agent | year of birth | computed 2
SELECT customer_id, extract(year FROM birth_date)::int FROM customers ORDER BY customer_id LIMIT 10
-- @ engineer agent | born in a decade | other rows
SELECT count(*) FROM customers WHERE birth_date BETWEEN '1980-01-01' AND '1989-12-31'
-- @ engineer agent | payments with cards
SELECT payment_id, card_number, card_holder, card_expires, iban, amount FROM payments WHERE method = 'card' ORDER BY payment_id LIMIT 10
-- @ engineer agent | last four digits of a card
SELECT payment_id, right(card_number, 4) FROM payments WHERE card_number IS NOT NULL ORDER BY payment_id LIMIT 10
-- @ engineer agent | payments by method | costly
SELECT method, count(*), sum(amount), count(DISTINCT card_number), count(DISTINCT iban) FROM payments GROUP BY method ORDER BY method
-- @ engineer agent | cards used by several orders
SELECT count(*) FROM (SELECT card_number FROM payments WHERE card_number IS NOT NULL GROUP BY card_number HAVING count(DISTINCT order_id) > 1) d
-- @ engineer agent | addresses by city
SELECT city, count(*), count(DISTINCT postcode) FROM addresses GROUP BY city ORDER BY city
-- @ engineer agent | addresses of one postcode each
SELECT a.address_id, a.street, a.postcode, a.city FROM addresses a WHERE a.city = 'Porto' ORDER BY a.address_id LIMIT 10
-- @ engineer agent | web sessions by address | any order
SELECT ip, count(*) FROM web_sessions GROUP BY ip HAVING count(*) > 1
-- @ engineer agent | sessions of a customer
SELECT customer_id, ip, user_agent, started_at FROM web_sessions WHERE customer_id < 50 ORDER BY started_at, customer_id
-- @ engineer agent | user agents
SELECT user_agent, count(*) FROM web_sessions GROUP BY user_agent ORDER BY count(*) DESC, user_agent
-- @ engineer agent | api keys without their secrets
SELECT api_key_id, customer_id, label, last_used_at, revoked FROM api_keys ORDER BY api_key_id LIMIT 10
-- @ engineer agent | api keys, all columns
SELECT * FROM api_keys ORDER BY api_key_id LIMIT 10
-- @ engineer agent | profiles
SELECT * FROM profiles ORDER BY customer_id LIMIT 10
-- @ engineer agent | a harmless key of a profile
SELECT customer_id, data -> 'preferences' ->> 'theme' AS theme FROM profiles ORDER BY customer_id LIMIT 10
-- @ engineer agent | themes counted | costly
SELECT data #>> '{preferences,theme}' AS theme, count(*) FROM profiles GROUP BY 1 ORDER BY 1
-- @ engineer agent | loyalty points | costly
SELECT avg((data -> 'loyalty' ->> 'points')::int), max((data #>> '{loyalty,points}')::int) FROM profiles
-- @ engineer agent | containment in a profile | costly
SELECT count(*) FROM profiles WHERE data @> '{"preferences": {"theme": "dark"}}'
-- @ engineer agent | a masked key of a profile | computed 2
SELECT customer_id, data -> 'contact' ->> 'email' AS email FROM profiles ORDER BY customer_id LIMIT 10
-- @ engineer agent | keys of a profile | costly
SELECT DISTINCT k FROM profiles, jsonb_object_keys(data) k ORDER BY k
-- @ engineer agent | interests unnested | costly
SELECT i, count(*) FROM profiles p, jsonb_array_elements_text(p.data -> 'preferences' -> 'interests') AS i GROUP BY i ORDER BY 2 DESC, 1 LIMIT 10
-- @ engineer agent | tags of products
SELECT tag, count(*) FROM products, jsonb_array_elements_text(attributes -> 'tags') AS tag GROUP BY tag ORDER BY 2 DESC, 1 LIMIT 10
-- @ engineer agent | products as JSON
SELECT jsonb_build_object('id', product_id, 'name', name, 'price', price) FROM products ORDER BY product_id LIMIT 5
-- @ engineer agent | product search
SELECT product_id, name, price FROM products WHERE name ~* 'cork|brass' AND price < 50 ORDER BY price, product_id LIMIT 10
-- @ engineer agent | full text search of products
SELECT product_id, ts_rank(to_tsvector('english', description), plainto_tsquery('english', 'brass')) AS r FROM products WHERE to_tsvector('english', description) @@ plainto_tsquery('english', 'brass') ORDER BY r DESC, product_id LIMIT 10
-- @ engineer agent | reviews with stars
SELECT product_id, avg(stars)::numeric(3,2), count(*) FROM reviews GROUP BY product_id HAVING count(*) > 5 ORDER BY 2 DESC, 1 LIMIT 10
-- @ engineer agent | reviews' texts
SELECT product_id, stars, body FROM reviews ORDER BY product_id, customer_id LIMIT 10
-- @ engineer agent | reviews with their customers | computed 3
SELECT r.product_id, r.stars, c.first_name || ' ' || left(c.last_name, 1) || '.' AS who FROM reviews r JOIN customers c USING (customer_id) ORDER BY r.product_id, r.customer_id LIMIT 10
-- @ engineer agent | open tickets
SELECT ticket_id, subject, body, opened_at FROM support_tickets WHERE status = 'open' ORDER BY opened_at, ticket_id LIMIT 10
-- @ engineer agent | tickets by subject | any order
SELECT subject, count(*) FROM support_tickets GROUP BY subject ORDER BY count(*) DESC, 1
-- @ engineer agent | tickets searched by text | other rows
SELECT ticket_id, subject FROM support_tickets WHERE body ILIKE '%invoice%' ORDER BY ticket_id LIMIT 10
-- @ engineer agent | audit log
SELECT entry_id, at, actor, action, detail FROM audit_log ORDER BY entry_id DESC LIMIT 10
-- @ engineer agent | audit log by actor
SELECT actor, count(*) FROM audit_log GROUP BY actor ORDER BY 2 DESC LIMIT 5
-- @ engineer agent | audit log by action and actor
SELECT action, count(DISTINCT actor) FROM audit_log GROUP BY action ORDER BY action
-- @ engineer agent | suppliers and their products
SELECT s.supplier_id, s.name, s.contact_email, count(*) FROM suppliers s JOIN products p USING (supplier_id) GROUP BY s.supplier_id ORDER BY 4 DESC, 1 LIMIT 10
-- @ engineer agent | suppliers grouped by a masked column
SELECT s.contact_email, s.name, sum(p.stock) FROM suppliers s JOIN products p USING (supplier_id) GROUP BY s.contact_email, s.name ORDER BY 3 DESC, 2 LIMIT 10
-- @ engineer agent | UNION of masked columns | computed 1; any order
SELECT email FROM customers WHERE customer_id < 20 UNION SELECT email FROM employees
-- @ engineer agent | UNION ALL with a kind | computed 2; any order
SELECT 'customer' AS kind, email FROM customers WHERE customer_id < 5 UNION ALL SELECT 'supplier', contact_email FROM suppliers WHERE supplier_id < 5
-- @ engineer agent | UNION of unmasked columns of masked tables
SELECT country FROM customers UNION SELECT country FROM addresses UNION SELECT country FROM suppliers ORDER BY 1
-- @ engineer agent | INTERSECT of masked columns
SELECT count(*) FROM (SELECT email FROM employees INTERSECT SELECT author FROM ticket_messages) x
-- @ engineer agent | EXCEPT of masked columns
SELECT count(*) FROM (SELECT email FROM employees EXCEPT SELECT author FROM ticket_messages) x
-- @ engineer agent | IN with a masked subquery
SELECT count(*) FROM audit_log WHERE actor IN (SELECT email FROM employees)
-- @ engineer agent | NOT EXISTS on a masked column
SELECT count(*) FROM employees e WHERE NOT EXISTS (SELECT FROM audit_log a WHERE a.actor = e.email)
-- @ engineer agent | DISTINCT ON
SELECT DISTINCT ON (customer_id) customer_id, order_id, placed_at FROM orders ORDER BY customer_id, placed_at DESC, order_id LIMIT 10
-- @ engineer agent | DISTINCT ON with masked columns
SELECT DISTINCT ON (c.country) c.country, c.email, c.created_at FROM customers c ORDER BY c.country, c.created_at DESC, c.customer_id
-- @ engineer agent | LATERAL top orders
SELECT c.customer_id, c.email, o.order_id FROM customers c CROSS JOIN LATERAL (SELECT order_id FROM orders o WHERE o.customer_id = c.customer_id ORDER BY placed_at DESC, order_id LIMIT 2) o WHERE c.customer_id < 10 ORDER BY 1, 3
-- @ engineer agent | lag over orders
SELECT order_id, placed_at - lag(placed_at) OVER (PARTITION BY customer_id ORDER BY placed_at, order_id) AS since FROM orders WHERE customer_id < 20 ORDER BY order_id
-- @ engineer agent | first_value of a masked column | computed 2
SELECT DISTINCT department, first_value(email) OVER (PARTITION BY department ORDER BY employee_id) FROM employees ORDER BY 1
-- @ engineer agent | percentiles
SELECT percentile_disc(array[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY amount) FROM payments
-- @ engineer agent | width_bucket
SELECT width_bucket(price, 0, 300, 6) AS b, count(*) FROM products GROUP BY b ORDER BY b
-- @ engineer agent | generate_series left join
SELECT d::date, count(o.order_id) FROM generate_series('2025-01-01'::timestamptz, '2025-01-31', '1 day') d LEFT JOIN orders o ON o.placed_at >= d AND o.placed_at < d + interval '1 day' GROUP BY 1 ORDER BY 1
-- @ engineer agent | VALUES joined with a key
SELECT v.k, c.email FROM (VALUES (1), (2), (3)) AS v(k) JOIN customers c ON c.customer_id = v.k ORDER BY 1
-- @ engineer agent | a scalar subquery
SELECT (SELECT count(*) FROM customers) AS customers, (SELECT count(*) FROM orders) AS orders
-- @ engineer agent | TABLESAMPLE
SELECT count(*) >= 0 FROM customers TABLESAMPLE SYSTEM (10)
-- @ engineer agent | quoted alias of a masked column
SELECT email AS "E-Mail", last_name AS "Nachname" FROM customers ORDER BY customer_id LIMIT 3
-- @ engineer agent | column aliases of a table
SELECT x.a, x.d FROM customers AS x(a, b, c, d) ORDER BY x.a LIMIT 3
-- @ engineer agent | the row's place
SELECT ctid IS NOT NULL, tableoid::regclass, customer_id FROM customers ORDER BY customer_id LIMIT 3
-- @ engineer agent | a row's version with a masked column | computed 3
SELECT xmin IS NOT NULL, customer_id, upper(email) FROM customers ORDER BY customer_id LIMIT 3
-- @ engineer agent | EXPLAIN
EXPLAIN (COSTS OFF) SELECT customer_id, email FROM customers WHERE customer_id = 5
-- @ engineer agent | a function of the shop
SELECT order_id, order_total(order_id) FROM orders ORDER BY order_id LIMIT 5
-- @ engineer agent | a plpgsql function of the shop
SELECT customer_id, customer_level(customer_id) FROM customers ORDER BY customer_id LIMIT 5
-- @ engineer agent | COPY out of a table
COPY products (product_id, sku, price) TO STDOUT
-- @ engineer | COPY out of a masked table | costly
COPY customers TO STDOUT (FORMAT csv, HEADER)
-- @ engineer | COPY out of a query
COPY (SELECT customer_id, email FROM customers ORDER BY customer_id LIMIT 10) TO STDOUT
-- @ engineer agent | a cursor
BEGIN
-- @ then
DECLARE c CURSOR FOR SELECT customer_id, email FROM customers ORDER BY customer_id
-- @ then
FETCH 10 FROM c
-- @ then
FETCH FORWARD 5 FROM c
-- @ then
CLOSE c
-- @ engineer agent | SQL PREPARE and EXECUTE
PREPARE by_key(bigint) AS SELECT customer_id, email, phone FROM customers WHERE customer_id = $1
-- @ then
EXECUTE by_key(7)
-- @ then
DEALLOCATE by_key
-- @ engineer agent | SQL PREPARE of a computing statement
PREPARE up(bigint) AS SELECT customer_id, upper(email) FROM customers WHERE customer_id = $1
-- @ then | computed 2
EXECUTE up(7)
-- @ then
DEALLOCATE up
-- @ engineer | a temporary table of harmless columns
CREATE TEMP TABLE t_orders AS SELECT order_id, status FROM orders WHERE order_id < 10
-- @ then
SELECT * FROM t_orders ORDER BY order_id
-- @ engineer | a temporary table of masked columns
CREATE TEMP TABLE t_customers AS SELECT customer_id, email, country FROM customers WHERE customer_id < 10
-- @ then
SELECT customer_id, country FROM t_customers ORDER BY customer_id
-- @ then
SELECT t.customer_id, c.customer_id FROM t_customers t JOIN customers c USING (customer_id) ORDER BY 1
-- @ engineer | UPDATE of one row with a look at it
UPDATE orders SET status = 'packed' WHERE order_id = 40 RETURNING order_id, status
-- @ engineer | UPDATE … FROM a masked table, by key
UPDATE orders o SET note = 'VIP' FROM customers c WHERE c.customer_id = o.customer_id AND c.customer_id = 226 AND o.order_id = 2 RETURNING o.order_id, o.note
-- @ engineer | UPDATE … FROM with RETURNING of a masked column
UPDATE orders o SET note = 'VIP' FROM customers c WHERE c.customer_id = o.customer_id AND o.order_id = 2 RETURNING o.order_id, c.email
-- @ engineer | DELETE … USING a masked table
DELETE FROM reviews r USING customers c WHERE c.customer_id = r.customer_id AND c.customer_id = 8 RETURNING r.product_id
-- @ engineer | INSERT … SELECT of harmless columns
INSERT INTO price_history (product_id, valid_from, price) SELECT product_id, DATE '2031-01-01', price FROM products WHERE product_id < 5 RETURNING product_id
-- @ engineer | INSERT of a ticket's message with RETURNING of it | volatile 1
INSERT INTO ticket_messages (ticket_id, author, body, sent_at) VALUES (17, 'staff1@shop.example', 'On its way.', '2026-01-01') RETURNING message_id, ticket_id, sent_at
-- @ engineer | a change of an email by key
UPDATE customers SET email = 'new.address@example.org' WHERE customer_id = 44
-- @ engineer | RETURNING with an expression on a harmless column
UPDATE products SET price = price * 1.1 WHERE product_id = 5 RETURNING product_id, round(price, 1)
-- @ engineer | RETURNING with an expression on a masked column | computed 2; refused
UPDATE customers SET newsletter = true WHERE customer_id = 45 RETURNING customer_id, upper(email)
-- @ engineer | MERGE by key
MERGE INTO price_history h USING (VALUES (1::bigint, DATE '2032-01-01', 5.00)) v(p, d, x) ON h.product_id = v.p AND h.valid_from = v.d WHEN MATCHED THEN UPDATE SET price = v.x WHEN NOT MATCHED THEN INSERT VALUES (v.p, v.d, v.x)
-- @ engineer | a transaction with a savepoint
BEGIN
-- @ then
UPDATE products SET stock = stock - 1 WHERE product_id = 9 RETURNING stock
-- @ then
SAVEPOINT s
-- @ then
SELECT email FROM customers WHERE customer_id = 9
-- @ then
ROLLBACK TO SAVEPOINT s
-- @ then
ROLLBACK

-- ------------------------------------------------ Shapes that broke a build

-- @ engineer agent | django: annotate(Count), ordered by a masked column | any order; other rows
SELECT "customers"."customer_id", COUNT("orders"."order_id") AS "n" FROM "customers" LEFT OUTER JOIN "orders" ON ("customers"."customer_id" = "orders"."customer_id") GROUP BY "customers"."customer_id" ORDER BY "customers"."last_name" ASC LIMIT 10
-- @ engineer agent | django: annotate(Count) of all columns, ordered by a masked one | any order
SELECT "employees"."employee_id", "employees"."name", "employees"."email", COUNT("support_tickets"."ticket_id") AS "n" FROM "employees" LEFT OUTER JOIN "support_tickets" ON ("employees"."employee_id" = "support_tickets"."assigned_to") GROUP BY "employees"."employee_id" ORDER BY "employees"."name" ASC
-- @ engineer agent | django: annotate(Count) after a search on a masked column | other rows
SELECT "customers"."customer_id", "customers"."email", COUNT("orders"."order_id") AS "n" FROM "customers" LEFT OUTER JOIN "orders" ON ("customers"."customer_id" = "orders"."customer_id") WHERE UPPER("customers"."email"::text) LIKE UPPER('%a%') GROUP BY "customers"."customer_id" ORDER BY "n" DESC LIMIT 10
-- @ engineer agent | names joined, grouped by the key | computed 1
SELECT c.first_name || ' ' || c.last_name AS name, count(*) FROM customers c JOIN orders o USING (customer_id) GROUP BY c.customer_id ORDER BY 2 DESC, c.customer_id LIMIT 10
-- @ engineer agent | lower(email) grouped by the key | computed 2
SELECT customer_id, lower(email) FROM customers GROUP BY customer_id ORDER BY customer_id LIMIT 5
-- @ engineer agent | schema-qualified columns with an aggregate of a masked one | costly
SELECT count(public.customers.phone) FROM public.customers
-- @ engineer agent | schema-qualified star of a computing statement
SELECT public.customers.* FROM public.customers WHERE length(public.customers.email) > 0 ORDER BY public.customers.customer_id LIMIT 5
-- @ engineer agent | prisma: case-insensitive contains | other rows
SELECT "public"."customers"."customer_id", "public"."customers"."email" FROM "public"."customers" WHERE "public"."customers"."email"::text ILIKE $1 ORDER BY "public"."customers"."customer_id" ASC LIMIT $2 OFFSET $3
-- @ with ["%oli%", 10, 0]
-- @ engineer agent | prisma: orderBy a masked column | any order
SELECT "public"."employees"."employee_id", "public"."employees"."name" FROM "public"."employees" WHERE 1=1 ORDER BY "public"."employees"."name" ASC OFFSET $1
-- @ with [0]
-- @ engineer agent | TABLESAMPLE with a computed masked column | other rows
SELECT upper(email) FROM customers TABLESAMPLE SYSTEM (100) ORDER BY customer_id LIMIT 5
-- @ engineer agent | ctid with a computed masked column | computed 2
SELECT ctid, upper(name) FROM employees ORDER BY employee_id LIMIT 5
-- @ engineer agent | all columns of a view with a name made of two | computed 4 5
SELECT "order_overview".* FROM "order_overview" WHERE "order_overview"."order_id" = 7
-- @ engineer agent | a computed masked column of a view | computed 1
SELECT customer FROM order_overview WHERE order_id < 6 ORDER BY order_id
-- @ engineer | a look-up by email, ordered by a masked column | counted
SELECT customer_id, email, last_name FROM customers WHERE email = 'olivia.okafor1@example.org' ORDER BY last_name
-- @ engineer | a look-up by email that computes on a masked column | counted; computed 2
SELECT customer_id, first_name || ' ' || last_name AS name FROM customers WHERE email = 'olivia.okafor1@example.org'
-- @ engineer | orders of a customer by email, with the name | counted; computed 2
SELECT o.order_id, concat(c.first_name, ' ', c.last_name) FROM orders o JOIN customers c USING (customer_id) WHERE c.email = 'anastasia.pereira2@example.com' ORDER BY o.order_id
-- @ engineer | whether an email is taken | counted
SELECT EXISTS (SELECT 1 FROM customers WHERE email = 'anastasia.pereira2@example.com')
-- @ engineer | a look-up by email in a list of one | counted
SELECT customer_id FROM customers WHERE email IN ('olivia.okafor1@example.org')
-- @ engineer | a look-up by email by = ANY | counted; wrong
SELECT customer_id FROM customers WHERE email = ANY ('{olivia.okafor1@example.org}')
-- @ engineer | UPDATE by email | counted
UPDATE customers SET newsletter = true WHERE email = 'olivia.okafor1@example.org'
-- @ engineer | UPDATE of another table by a masked condition | other rows; refused
UPDATE orders SET note = 'x' WHERE order_id < 10 AND customer_id IN (SELECT customer_id FROM customers WHERE last_name LIKE 'Ok%')
-- @ engineer | UPDATE of unmasked columns with a condition on a masked one | other rows; refused
UPDATE support_tickets SET status = 'closed' WHERE ticket_id = 5 AND body LIKE '%a%'
-- @ engineer | UPDATE … FROM with a computed masked column returned | computed 2; refused
UPDATE orders o SET note = 'VIP' FROM customers c WHERE c.customer_id = o.customer_id AND o.order_id = 2 RETURNING o.order_id, upper(c.email)
-- @ engineer | a JSON key that isn't masked is changed | refused
UPDATE profiles SET data = jsonb_set(data, '{preferences,theme}', '"light"') WHERE customer_id = 3
-- @ engineer | UPSERT that keeps what is there | volatile 1
INSERT INTO customers (first_name, last_name, email, country, newsletter, created_at, updated_at) VALUES ('A', 'B', 'a@b.example', 'DE', true, now(), now()) ON CONFLICT (email) DO UPDATE SET newsletter = EXCLUDED.newsletter RETURNING customer_id, newsletter
-- @ engineer | INSERT with RETURNING of all columns | volatile 1 9 10
INSERT INTO customers (first_name, last_name, email, country, newsletter, created_at, updated_at) VALUES ('A', 'B', 'c@b.example', 'DE', true, now(), now()) RETURNING *
-- @ engineer agent | first words of tickets | computed 2
SELECT ticket_id, left(subject, 10) FROM support_tickets ORDER BY ticket_id LIMIT 5
-- @ engineer agent | tickets' subjects, ordered by subject | any order
SELECT ticket_id, subject FROM support_tickets WHERE ticket_id < 50 ORDER BY subject
-- @ engineer agent | tickets of one subject | other rows
SELECT count(*) FROM support_tickets WHERE subject = 'Rechnung fehlt'
-- @ engineer agent | count of distinct secrets | computed 1
SELECT count(DISTINCT session_token) FROM web_sessions
-- @ engineer | a masked temporary table, read again
CREATE TEMP TABLE t_mails AS SELECT customer_id, email, phone FROM customers WHERE customer_id < 10
-- @ then | computed 2 3
SELECT customer_id, email, phone FROM t_mails ORDER BY customer_id
-- @ then
SELECT count(*) FROM t_mails t JOIN customers c ON c.email = t.email
-- @ engineer agent | one's own activity
SELECT pid = pg_backend_pid(), usename IS NOT NULL FROM pg_stat_activity WHERE pid = pg_backend_pid()
