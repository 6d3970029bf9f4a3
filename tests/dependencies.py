"""Checks what is linked into `lob` against `deny.toml`: no banned crate, only the licences that may stand there.

A light stand-in for `cargo deny check bans licenses`, which takes longer to install than all tests take to run.
Reads `cargo tree` of this platform, normal dependencies only: what the binary holds, not what tests need.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

RULES = Path(__file__).resolve().parent.parent / "deny.toml"


def tree() -> dict[str, str]:
    """Crate → licence expression."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    crates = {}
    for line in filter(None, lines):
        package, licence = line.split("|")
        crates[package.split(" ")[0]] = licence
    return crates


def permitted(expression: str, allowed: set[str]) -> bool:
    """Every part joined by AND needs one choice that is allowed; `/` is an old way to write OR."""
    parts = expression.replace("/", " OR ").replace("(", "").replace(")", "").split(" AND ")
    return all(any(choice.strip() in allowed for choice in part.split(" OR ")) for part in parts)


def main() -> int:
    rules = tomllib.loads(RULES.read_text())
    banned = {ban["crate"]: ban["reason"] for ban in rules["bans"]["deny"]}
    allowed = set(rules["licenses"]["allow"])
    crates = tree()
    faults = [f"{name}: {banned[name]}" for name in sorted(crates.keys() & banned.keys())]
    faults += [f"{name}: licence {licence!r}" for name, licence in sorted(crates.items()) if not permitted(licence, allowed)]
    if len(crates) < 10 or not banned:
        faults.append("nothing was checked: hardly any crate, or no ban")
    for fault in faults:
        print(f"FAIL {fault}")
    print(f"{len(crates)} crates linked, {len(banned)} banned, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
