//! The rows, table by table, as COPY data.

use std::io::{self, Write};

use super::numbers::{card_number, date, iban, moment};
use super::random::Random;
use super::words;

const SUPPLIERS: u64 = 60;
const PRODUCTS: u64 = 800;
const PRICES_PER_PRODUCT: u64 = 3;
const CUSTOMERS: u64 = 5_000;
const EMPLOYEES: u64 = 120;
const ORDERS: u64 = 9_000;
const REVIEWS: u64 = 4_000;
const TICKETS: u64 = 1_500;
const API_KEYS: u64 = 400;
const WEB_SESSIONS: u64 = 3_000;
const PAGE_VIEWS: u64 = 12_000;
const AUDIT_ENTRIES: u64 = 1_000;

const MINUTES_PER_DAY: u64 = 1_440;
/// 2026-09-30: the last day on which anything happens.
const LAST_DAY: u64 = 1_368;
/// 2026-01-01: the first day of the partitioned table.
const DAY_2026: u64 = 1_096;

/// Stands for NULL: no text of the shop holds this character.
const NULL: &str = "\0";

/// Writes every table's rows.
pub(super) fn write_all(out: &mut dyn Write) -> io::Result<()> {
    suppliers(out)?;
    let categories = categories(out)?;
    products(out, categories)?;
    price_history(out)?;
    customers(out)?;
    employees(out)?;
    orders(out)?;
    reviews(out)?;
    tickets(out)?;
    api_keys(out)?;
    web_sessions(out)?;
    page_views(out)?;
    audit_log(out)
}

/// Writes one `COPY … FROM stdin` with its data.
fn copy(out: &mut dyn Write, target: &str, rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<()> {
    writeln!(out, "COPY {target} FROM stdin;")?;
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
        writeln!(out, "{}", cells.join("\t"))?;
    }
    writeln!(out, "\\.")
}

/// A cell in COPY's text format (manual, COPY, "Text Format").
fn escape(cell: &str) -> String {
    if cell == NULL {
        return "\\N".to_owned();
    }
    cell.replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

macro_rules! row {
    ($($cell:expr),+ $(,)?) => { vec![$($cell.to_string()),+] };
}

fn cents(amount: u64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

fn yes(value: bool) -> &'static str {
    if value { "t" } else { "f" }
}

/// Who a customer is: computed alike wherever the name is needed.
struct Person {
    first: &'static str,
    last: &'static str,
    email: String,
    phone: String,
}

fn customer(id: u64) -> Person {
    let mut random = Random::for_table(&format!("customer {id}"));
    let first = random.pick(words::FIRST_NAMES);
    let last = random.pick(words::LAST_NAMES);
    let plain = |name: &str| -> String {
        name.chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase()
    };
    let email = format!(
        "{}.{}{id}@{}",
        plain(first),
        plain(last),
        random.pick(words::MAIL_DOMAINS)
    );
    let phone = format!(
        "+{} 555 01{} {}",
        random.between(20, 99),
        random.digits(2),
        random.digits(4)
    );
    Person {
        first,
        last,
        email,
        phone,
    }
}

fn price_cents(product: u64) -> u64 {
    Random::for_table(&format!("price {product}")).between(350, 24_900)
}

fn suppliers(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("suppliers");
    let rows = (1..=SUPPLIERS).map(|id| {
        let name = format!(
            "{} {}",
            random.pick(words::LAST_NAMES),
            random.pick(words::SUPPLIER_ENDINGS)
        );
        let email = format!("orders@supplier{id}.example");
        row![
            id,
            name,
            email,
            format!("+49 555 {}", random.digits(6)),
            random.pick(words::COUNTRIES),
            iban(&mut random)
        ]
    });
    copy(
        out,
        "suppliers (supplier_id, name, contact_email, phone, country, iban)",
        rows,
    )
}

/// Returns how many there are.
fn categories(out: &mut dyn Write) -> io::Result<u64> {
    let mut rows = Vec::new();
    let mut id = 0;
    for (parent, children) in words::CATEGORIES {
        id += 1;
        let parent_id: u64 = id;
        rows.push(row![parent_id, NULL, parent]);
        for child in *children {
            id += 1;
            rows.push(row![id, parent_id, child]);
        }
    }
    copy(out, "categories (category_id, parent_id, name)", rows)?;
    Ok(id)
}

fn products(out: &mut dyn Write, categories: u64) -> io::Result<()> {
    let mut random = Random::for_table("products");
    let rows = (1..=PRODUCTS).map(|id| {
        let (quality, material, thing) = (
            random.pick(words::QUALITIES),
            random.pick(words::MATERIALS),
            random.pick(words::THINGS),
        );
        let attributes = format!(
            r#"{{"material": "{material}", "weight_grams": {}, "tags": ["{}", "{thing}"]}}"#,
            random.between(40, 9_000),
            quality.to_lowercase()
        );
        let made = random.below(400) * MINUTES_PER_DAY;
        row![
            id,
            format!("SKU-{id:05}"),
            format!("{quality} {material} {thing}"),
            format!("A {} {thing} made of {material}.", quality.to_lowercase()),
            random.between(1, categories),
            random.between(1, SUPPLIERS),
            cents(price_cents(id)),
            random.below(500),
            attributes,
            moment(made),
            moment(made + random.below(900) * MINUTES_PER_DAY)
        ]
    });
    let columns = "product_id, sku, name, description, category_id, supplier_id, price, stock, attributes, created_at, updated_at";
    copy(out, &format!("products ({columns})"), rows)
}

fn price_history(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("price_history");
    let rows = (1..=PRODUCTS)
        .flat_map(|id| (0..PRICES_PER_PRODUCT).map(move |step| (id, step)))
        .map(|(id, step)| {
            let price = price_cents(id) * random.between(80, 120) / 100;
            row![id, date(step * 400 + random.below(300)), cents(price)]
        });
    copy(out, "price_history (product_id, valid_from, price)", rows)
}

fn customers(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("customers");
    let joined = |id: u64| id * LAST_DAY * MINUTES_PER_DAY / (CUSTOMERS * 2);
    let rows = (1..=CUSTOMERS).map(|id| {
        let who = customer(id);
        let phone = if random.chance(80) { who.phone } else { NULL.to_owned() };
        // The shop's customers were born between 1943 and 2004: the year of a date from 2023 on, less 80 to 19 years.
        let birth = date(random.below(365)).replacen("2023", &random.between(1943, 2004).to_string(), 1);
        row![
            id,
            who.first,
            who.last,
            who.email,
            phone,
            birth,
            random.pick(words::COUNTRIES),
            yes(random.chance(40)),
            moment(joined(id)),
            moment(joined(id) + random.below(300) * MINUTES_PER_DAY)
        ]
    });
    let columns =
        "customer_id, first_name, last_name, email, phone, birth_date, country, newsletter, created_at, updated_at";
    copy(out, &format!("customers ({columns})"), rows)?;

    let rows = (1..=CUSTOMERS)
        .map(|id| row![id, id, "home"])
        .chain((1..=CUSTOMERS / 2).map(|id| row![CUSTOMERS + id, id * 2, "work"]));
    let rows = rows.map(|mut row| {
        let (city, country) = random.pick(words::CITIES);
        let street = format!("{} {}", random.pick(words::STREETS), random.between(1, 180));
        row.extend(row![street, random.digits(5), city, country]);
        row
    });
    copy(
        out,
        "addresses (address_id, customer_id, kind, street, postcode, city, country)",
        rows.collect::<Vec<_>>(),
    )?;

    let rows = (1..=CUSTOMERS).map(|id| row![id, profile(&mut random, id)]);
    copy(out, "profiles (customer_id, data)", rows)
}

fn profile(random: &mut Random, id: u64) -> String {
    let who = customer(id);
    format!(
        r#"{{"display_name": "{} {}", "contact": {{"email": "{}", "phone": "{}"}}, "preferences": {{"theme": "{}", "interests": ["{}", "{}"]}}, "loyalty": {{"points": {}, "card": "LC{}"}}}}"#,
        who.first,
        who.last,
        who.email,
        who.phone,
        random.pick(&["light", "dark"]),
        random.pick(words::THINGS),
        random.pick(words::MATERIALS),
        random.below(20_000),
        random.digits(10)
    )
}

fn employees(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("employees");
    let rows = (1..=EMPLOYEES).map(|id| {
        let (first, last) = (random.pick(words::FIRST_NAMES), random.pick(words::LAST_NAMES));
        let manager = if id <= 6 {
            NULL.to_owned()
        } else {
            random.between(1, 6).to_string()
        };
        row![
            id,
            format!("{first} {last}"),
            format!("staff{id}@shop.example"),
            random.pick(words::DEPARTMENTS),
            manager,
            cents(random.between(3_200_000, 9_800_000)),
            iban(&mut random),
            date(random.below(LAST_DAY))
        ]
    });
    copy(
        out,
        "employees (employee_id, name, email, department, manager_id, salary, iban, hired_on)",
        rows,
    )
}

/// Orders with what hangs on them: lines, payments, shipments.
fn orders(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("orders");
    let (mut orders, mut items, mut payments, mut shipments) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for id in 1..=ORDERS {
        let customer_id = random.between(1, CUSTOMERS);
        let placed = (id * (LAST_DAY - 2) / ORDERS) * MINUTES_PER_DAY + random.below(MINUTES_PER_DAY);
        let status = match random.below(20) {
            _ if id > ORDERS - 120 => *random.pick(&["placed", "paid", "packed"]),
            0 => "cancelled",
            1 => "returned",
            2 | 3 => "shipped",
            _ => "delivered",
        };
        let note = if random.chance(8) {
            "Please leave it with a neighbour"
        } else {
            NULL
        };
        orders.push(row![
            id,
            customer_id,
            customer_id,
            status,
            note,
            moment(placed),
            moment(placed + random.below(9_000))
        ]);

        let mut total = 0;
        for line in 1..=random.between(1, 4) {
            let product = random.between(1, PRODUCTS);
            let quantity = random.between(1, 3);
            total += price_cents(product) * quantity;
            items.push(row![id, line, product, quantity, cents(price_cents(product))]);
        }
        if status != "placed" && status != "cancelled" {
            payments.push(payment(&mut random, id, customer_id, total, placed + 3));
        }
        if matches!(status, "shipped" | "delivered" | "returned") {
            let shipped = placed + random.between(300, 4_000);
            let delivered = if status == "shipped" {
                NULL.to_owned()
            } else {
                moment(shipped + random.between(900, 9_000))
            };
            let code = format!("{}{}", random.token(3).to_uppercase(), format_args!("{id:09}"));
            shipments.push(row![id, random.pick(words::CARRIERS), code, moment(shipped), delivered]);
        }
    }
    copy(
        out,
        "orders (order_id, customer_id, address_id, status, note, placed_at, updated_at)",
        orders,
    )?;
    copy(
        out,
        "order_items (order_id, line, product_id, quantity, unit_price)",
        items,
    )?;
    copy(
        out,
        "payments (order_id, method, card_number, card_holder, card_expires, iban, amount, paid_at)",
        payments,
    )?;
    copy(
        out,
        "shipments (order_id, carrier, tracking_code, shipped_at, delivered_at)",
        shipments,
    )
}

fn payment(random: &mut Random, order: u64, customer_id: u64, total: u64, at: u64) -> Vec<String> {
    let who = customer(customer_id);
    if random.chance(75) {
        let expires = format!("{:02}/{}", random.between(1, 12), random.between(27, 31));
        let holder = format!("{} {}", who.first, who.last);
        row![
            order,
            "card",
            card_number(random),
            holder,
            expires,
            NULL,
            cents(total),
            moment(at)
        ]
    } else {
        row![
            order,
            "transfer",
            NULL,
            NULL,
            NULL,
            iban(random),
            cents(total),
            moment(at)
        ]
    }
}

fn reviews(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("reviews");
    let rows = (0..REVIEWS).map(|number| {
        // Each customer reviews a product once: product and customer step through different lengths.
        let (product, customer) = (number % PRODUCTS + 1, (number * 7 + number / PRODUCTS) % CUSTOMERS + 1);
        row![
            product,
            customer,
            random.between(1, 5),
            random.pick(words::REVIEWS),
            moment(random.below(LAST_DAY * MINUTES_PER_DAY))
        ]
    });
    copy(out, "reviews (product_id, customer_id, stars, body, written_at)", rows)
}

fn tickets(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("support_tickets");
    let (mut tickets, mut messages) = (Vec::new(), Vec::new());
    for id in 1..=TICKETS {
        let customer_id = random.between(1, CUSTOMERS);
        let who = customer(customer_id);
        let order = random.between(1, ORDERS);
        let (language, subject, body) = random.pick(words::TICKETS);
        let body = body
            .replace("{name}", &format!("{} {}", who.first, who.last))
            .replace("{email}", &who.email)
            .replace("{phone}", &who.phone)
            .replace("{order}", &order.to_string());
        let opened = id * LAST_DAY * MINUTES_PER_DAY / TICKETS;
        let status = random.pick(&["open", "waiting", "closed", "closed", "closed"]);
        let staff = random.between(1, EMPLOYEES);
        tickets.push(row![
            id,
            customer_id,
            order,
            staff,
            language,
            subject,
            body,
            status,
            moment(opened)
        ]);
        for answer in 0..random.between(1, 3) {
            let (author, text) = if answer % 2 == 0 {
                (
                    format!("staff{staff}@shop.example"),
                    format!("Dear {}, we are looking into it.", who.first),
                )
            } else {
                (who.email.clone(), format!("Thank you. My number is {}.", who.phone))
            };
            messages.push(row![id, author, text, moment(opened + 60 * (answer + 1))]);
        }
    }
    let columns = "ticket_id, customer_id, order_id, assigned_to, language, subject, body, status, opened_at";
    copy(out, &format!("support_tickets ({columns})"), tickets)?;
    copy(out, "ticket_messages (ticket_id, author, body, sent_at)", messages)
}

fn api_keys(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("api_keys");
    let rows = (1..=API_KEYS).map(|number| {
        // Put together here so that no file holds anything that looks like a real key.
        let secret = match number % 3 {
            0 => ["sk", "test", &random.token(24)].join("_"),
            1 => ["whsec", &random.token(32)].join("_"),
            _ => ["shop", "live", &random.token(40)].join("_"),
        };
        let label = random.pick(&["warehouse sync", "web shop", "accounting export", "test"]);
        row![
            random.between(1, CUSTOMERS),
            label,
            secret,
            moment(random.below(LAST_DAY * MINUTES_PER_DAY)),
            yes(random.chance(20))
        ]
    });
    copy(
        out,
        "api_keys (customer_id, label, secret, last_used_at, revoked)",
        rows,
    )
}

fn web_sessions(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("web_sessions");
    let rows = (0..WEB_SESSIONS).map(|_| {
        // Documentation addresses (RFC 5737).
        let net = random.pick(&["192.0.2", "198.51.100", "203.0.113"]);
        let ip = format!("{net}.{}", random.between(1, 254));
        let started = (LAST_DAY - random.below(30)) * MINUTES_PER_DAY + random.below(MINUTES_PER_DAY);
        row![
            random.token(32),
            random.between(1, CUSTOMERS),
            ip,
            random.pick(words::USER_AGENTS),
            moment(started)
        ]
    });
    copy(
        out,
        "web_sessions (session_token, customer_id, ip, user_agent, started_at)",
        rows,
    )
}

fn page_views(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("page_views");
    let rows = (0..PAGE_VIEWS).map(|_| {
        let at = DAY_2026 * MINUTES_PER_DAY + random.below((LAST_DAY - DAY_2026) * MINUTES_PER_DAY);
        let who = if random.chance(60) {
            random.between(1, CUSTOMERS).to_string()
        } else {
            NULL.to_owned()
        };
        row![moment(at), who, random.pick(words::PATHS), random.between(8, 2_500)]
    });
    copy(out, "page_views (viewed_at, customer_id, path, duration_ms)", rows)
}

fn audit_log(out: &mut dyn Write) -> io::Result<()> {
    let mut random = Random::for_table("audit_log");
    let rows = (0..AUDIT_ENTRIES).map(|number| {
        let actor = format!("staff{}@shop.example", random.between(1, EMPLOYEES));
        let action = random.pick(&[
            "refund approved",
            "order cancelled",
            "address changed",
            "export downloaded",
        ]);
        let at = number * LAST_DAY * MINUTES_PER_DAY / AUDIT_ENTRIES;
        row![
            moment(at),
            actor,
            action,
            format!(r#"{{"order": {}}}"#, random.between(1, ORDERS))
        ]
    });
    copy(out, "audit_log (at, actor, action, detail)", rows)
}
