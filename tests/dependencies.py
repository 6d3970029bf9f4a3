"""Checks what is linked into `lob`: no network client, no query engine, only licences that go with MIT OR Apache-2.0.

Reads `cargo tree` of this platform, normal dependencies only (what the binary holds, not what tests need).
"""

import subprocess
import sys

# Why each is kept out: the engine opens no connection, and an embedded query engine costs every newcomer
# minutes of compiling for what one pass over the rows does.
FORBIDDEN = {
    "network": ["reqwest", "hyper", "ureq", "curl", "isahc", "surf", "attohttpc", "h2", "tokio", "async-std", "mio",
                "socket2", "rustls", "native-tls", "openssl", "openssl-sys", "tonic", "tungstenite", "object_store"],
    "telemetry": ["sentry", "opentelemetry", "metrics-exporter-prometheus"],
    "query engine": ["datafusion", "polars", "polars-core", "duckdb", "libduckdb-sys", "rusqlite", "libsqlite3-sys"],
}
LICENCES = {"MIT", "MIT-0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "0BSD",
            "BSL-1.0", "CC0-1.0", "ISC", "Unicode-3.0", "Unlicense", "Zlib"}


def tree() -> dict[str, str]:
    """Crate → licence expression."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    crates = {}
    for line in filter(None, lines):
        package, licence = line.split("|")
        crates[package.split(" ")[0]] = licence
    return crates


def permitted(expression: str) -> bool:
    """Every part joined by AND needs one choice that goes; `/` is an old way to write OR."""
    parts = expression.replace("/", " OR ").replace("(", "").replace(")", "").split(" AND ")
    return all(any(choice.strip() in LICENCES for choice in part.split(" OR ")) for part in parts)


def main() -> int:
    crates = tree()
    faults = [f"{name}: {kind}, not to be linked" for kind, names in FORBIDDEN.items() for name in names if name in crates]
    faults += [f"{name}: licence {licence!r}" for name, licence in sorted(crates.items()) if not permitted(licence)]
    for fault in faults:
        print(f"FAIL {fault}")
    if len(crates) < 10:
        faults.append("cargo tree lists hardly any crate: the check has checked nothing")
        print(f"FAIL {faults[-1]}")
    print(f"{len(crates)} crates linked, {len(faults)} not as they should be")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
