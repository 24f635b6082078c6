//! Values go to a real server and come back, as written and as its SQL masks them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use durward_testkit::{Access, PostgresServer};

/// The cell of a column and the server's mask of it; `None` is NULL.
pub(crate) type Pair = (Option<Vec<u8>>, Option<Vec<u8>>);

pub(crate) struct Server {
    server: PostgresServer,
    access: Access,
}

impl Server {
    pub(crate) fn start() -> Self {
        let server = PostgresServer::start();
        let access = server.create_database("masks", None);
        Self { server, access }
    }

    /// Runs a script and gives what it prints.
    pub(crate) fn run(&self, script: &str) -> Vec<u8> {
        let mut child = Command::new(self.server.bin().join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .envs(self.access.environment())
            .env("PGCLIENTENCODING", "UTF8")
            // As sessions of those who see masks begin: compiling the long expressions would take minutes.
            .env("PGOPTIONS", "-c jit=off")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql runs");
        let mut stdin = child.stdin.take().expect("piped");
        let script_bytes = script.as_bytes().to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&script_bytes));
        let output = child.wait_with_output().expect("psql ends");
        writer.join().expect("a thread").expect("psql reads all");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}\n{}", shortened(script));
        output.stdout
    }

    /// A table `t` with numbered values, NULL last.
    pub(crate) fn fill(&self, type_name: &str, values: &[String]) {
        // The temporary view of the psql before may still be there.
        let mut script =
            format!("DROP TABLE IF EXISTS t CASCADE; CREATE TABLE t (i int, v {type_name}); COPY t FROM STDIN;\n");
        for (number, value) in values.iter().enumerate() {
            let escaped = value
                .replace('\\', "\\\\")
                .replace('\t', "\\t")
                .replace('\n', "\\n")
                .replace('\r', "\\r");
            writeln!(script, "{number}\t{escaped}").expect("a string");
        }
        writeln!(script, "{}\t\\N\n\\.", values.len()).expect("a string");
        self.run(&script);
    }

    pub(crate) fn text_pairs(&self, settings: &str, mask: &str) -> Vec<Pair> {
        let script = format!("{settings}COPY (SELECT v, {mask} FROM public.t ORDER BY i) TO STDOUT;");
        let answer = self.run(&script);
        let lines = answer.strip_suffix(b"\n").expect("lines").split(|byte| *byte == b'\n');
        lines
            .map(|line| {
                let mut cells = line.split(|byte| *byte == b'\t').map(unescaped);
                (cells.next().expect("a cell"), cells.next().expect("a mask"))
            })
            .collect()
    }

    pub(crate) fn binary_pairs(&self, settings: &str, mask: &str) -> Vec<Pair> {
        let script = format!("{settings}COPY (SELECT v, {mask} FROM public.t ORDER BY i) TO STDOUT (FORMAT binary);");
        let answer = self.run(&script);
        // Signature, flags and an empty extension (manual, "COPY", binary format).
        let mut rest = &answer[19..];
        let mut pairs = Vec::new();
        while take::<2>(&mut rest) == 2_i16.to_be_bytes() {
            let cell = cell(&mut rest);
            pairs.push((cell, self::cell(&mut rest)));
        }
        pairs
    }
}

fn cell(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(i32::from_be_bytes(take(rest))).ok()?;
    let (cell, after) = rest.split_at(length);
    *rest = after;
    Some(cell.to_vec())
}

fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (bytes, after) = rest.split_first_chunk::<N>().expect("as many bytes");
    *rest = after;
    *bytes
}

/// A cell of COPY's text format.
fn unescaped(cell: &[u8]) -> Option<Vec<u8>> {
    if cell == b"\\N" {
        return None;
    }
    let mut bytes = cell.iter();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next().expect("an escape") {
                b'b' => 8,
                b'f' => 12,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 11,
                other => *other,
            },
            other => *other,
        });
    }
    Some(plain)
}

fn shortened(script: &str) -> String {
    script.chars().take(2_000).collect()
}
