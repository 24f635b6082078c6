//! How fast cells are scanned: `cargo run --release -p durward-mask --example detection_speed`.

#![expect(clippy::print_stdout, reason = "an example shows what it measured")]

use std::time::Instant;

use durward_mask::detect::Detectors;

/// Bytes of each kind of text.
const TEXT_BYTES: usize = 8 << 20;
/// How often each is scanned; the fastest counts.
const ROUNDS: usize = 5;

fn main() {
    let began = Instant::now();
    let detectors = Detectors::built_in();
    println!("compiled in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    let only = std::env::args().nth(1);
    for (kind, cells) in kinds()
        .into_iter()
        .filter(|(kind, _)| only.as_ref().is_none_or(|only| only == kind))
    {
        let cells: Vec<&[u8]> = cells.iter().cycle().scan(0, until_full).collect();
        let bytes: usize = cells.iter().map(|cell| cell.len()).sum();
        let mut found = 0;
        let seconds = (0..ROUNDS)
            .map(|_| {
                let began = processor_seconds();
                found = cells.iter().map(|cell| detectors.scan(cell).len()).sum();
                processor_seconds() - began
            })
            .fold(f64::INFINITY, f64::min);
        let count = u32::try_from(cells.len()).map_or(1.0, f64::from);
        let megabytes = u32::try_from(bytes).map_or(0.0, f64::from) / 1e6;
        println!(
            "{kind:12} {:6.0} MB/s {:7.0} ns a cell of {:4.0} bytes {found:8} found",
            megabytes / seconds,
            seconds / count * 1e9,
            megabytes * 1e6 / count,
        );
    }
}

/// Seconds that this thread has run on a processor, where the system tells (Linux); so other work does not count.
fn processor_seconds() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e9
}

fn until_full<'a>(bytes: &mut usize, cell: &'a String) -> Option<&'a [u8]> {
    *bytes += cell.len();
    (*bytes < TEXT_BYTES).then_some(cell.as_bytes())
}

/// Cells of several kinds.
fn kinds() -> Vec<(&'static str, Vec<String>)> {
    let prose = "The customer wrote that the parcel, ordered on Monday, has not arrived. Please check with the carrier, and \
                 offer a refund if it is lost. Der Kunde möchte außerdem wissen, ob die Größe passt. ";
    let numbers = |count: u32, write: fn(u32) -> String| {
        (0..count)
            .map(|number| write(number.wrapping_mul(2_654_435_761)))
            .collect()
    };
    vec![
        ("prose", vec![prose.repeat(6)]),
        (
            "words",
            ["shipped", "Anna", "red shirt, XL", "in progress", "Zürich"]
                .map(str::to_owned)
                .to_vec(),
        ),
        (
            "json",
            numbers(1000, |n| {
                format!(
                    r#"{{"id":{n},"sku":"SKU-{}","name":"Blue shirt","price":{}.99,"tags":["new","sale"],"created":"2024-01-15T10:22:33Z"}}"#,
                    n % 9999,
                    n % 100
                )
            }),
        ),
        ("uuid", numbers(1000, |n| format!("{n:08x}-e29b-41d4-a716-4466{n:08x}"))),
        (
            "timestamp",
            numbers(1000, |n| {
                format!(
                    "2024-01-{:02} 10:{:02}:{:02}.{:06}+00",
                    n % 28 + 1,
                    n % 60,
                    n % 59,
                    n % 1_000_000
                )
            }),
        ),
        ("number", numbers(1000, |n| format!("{n}"))),
        (
            "url",
            numbers(1000, |n| {
                format!(
                    "https://shop.example.org/products/{}/blue-shirt?ref=newsletter&page={}",
                    n % 99999,
                    n % 9
                )
            }),
        ),
        ("cyrillic", vec!["Клиент написал, что посылка не пришла. ".repeat(10)]),
        (
            "dashes",
            vec!["The parcel — ordered on Monday — has not arrived. ".repeat(10)],
        ),
        ("email", numbers(1000, |n| format!("anna.{n}@example.org"))),
    ]
}
