//! What a panic says.

use std::io::Write;
use std::panic::{PanicHookInfo, set_hook};

/// From now on a panic says its place in our code alone: its message may hold a value of the data.
pub fn say_only_the_place() {
    set_hook(Box::new(say));
}

fn say(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
    let version = env!("CARGO_PKG_VERSION");
    // `eprintln!` would panic again where nobody listens to standard error.
    let _ = writeln!(std::io::stderr(), "internal error{place} (lob {version}); please report this line");
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    const CHILD: &str = "LOB_TEST_PANIC";

    /// A hook is the process's: this test runs itself as a child, which really panics.
    #[test]
    fn f61_a_panic_says_where_and_nothing_else() {
        if let Some(value) = std::env::var_os(CHILD) {
            super::say_only_the_place();
            panic!("the cell {value:?} is wrong");
        }
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "cli::panic::tests::f61_a_panic_says_where_and_nothing_else", "--nocapture"])
            .env(CHILD, "Kanariesma 123456782")
            .env("RUST_BACKTRACE", "full")
            .output()
            .expect("it starts");
        let said = String::from_utf8_lossy(&child.stderr).into_owned() + &String::from_utf8_lossy(&child.stdout);
        assert!(!child.status.success());
        assert!(said.contains("internal error at src") && said.contains("panic.rs:"), "{said}");
        assert!(!said.contains("Kanariesma") && !said.contains("123456782"), "{said}");
    }
}
