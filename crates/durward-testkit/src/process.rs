use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Asks a process to stop (SIGTERM).
pub fn terminate(child: &Child) {
    signal(child.id(), "TERM");
}

/// Interrupts a process (SIGINT), as Ctrl-C does.
pub fn interrupt(child: &Child) {
    signal(child.id(), "INT");
}

/// Ends a process at once (SIGKILL) and takes its exit status.
pub fn kill(child: &mut Child) {
    // A process that has already ended is what was wanted.
    child.kill().ok();
    child.wait().ok();
}

/// Waits for a process to end, and ends it at once when `patience` is over.
pub fn wait_for_exit(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    kill(child);
    None
}

/// Signals go through the shell's own `kill`: sending one without `unsafe` takes a crate or a process.
fn signal(pid: u32, name: &str) {
    Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .stderr(Stdio::null())
        .status()
        .expect("sh is there");
}
