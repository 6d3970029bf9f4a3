#!/usr/bin/env bash
# Every check of the project, in one command: bash tests/all.sh
#
# Needs Rust and Python 3.11 or newer with venv. Uses cargo-nextest when it is installed, else cargo test.
# Python packages go to a virtual environment in the target folder, once; nothing else is written outside it.
# Runs every step even when an earlier one fails; the last line counts tests, and a step without tests as one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/all"
target=$(cd "$target" && pwd)
logs=$target/all
python=$target/python/bin/python
passed=0
failed=0
failed_steps=()

# Sets `ok` and `bad` to the tests that a log counts, in the words of nextest, cargo test or tests/notebooks.py.
count_tests() {
  read -r ok bad < <(awk '
    { gsub(/\033\[[0-9;]*m/, "") }
    /^ *Summary \[/ || /^test result:/ || /^notebooks: / {
      if (match($0, /[0-9]+ passed/)) ok += substr($0, RSTART, RLENGTH)
      if (match($0, /[0-9]+ failed/)) bad += substr($0, RSTART, RLENGTH)
    }
    END { print ok + 0, bad + 0 }' "$1")
}

# step NAME COMMAND...: runs it with a header and its time, and counts it.
step() {
  local name=$1 start=$SECONDS status=0 ok=0 bad=0
  shift
  printf '\n=== %s\n    %s\n' "$name" "$*"
  local log=$logs/${name// /-}.log
  "$@" </dev/null 2>&1 | tee "$log" || status=$?
  count_tests "$log"
  if ((status != 0 && bad == 0)); then bad=1; fi
  if ((status == 0 && ok == 0)); then ok=1; fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  if ((bad > 0)); then failed_steps+=("$name"); fi
  printf -- '--- %s: %s, %d s\n' "$name" "$( ((bad > 0)) && echo failed || echo passed)" $((SECONDS - start))
}

# A virtual environment with notebooks/requirements.txt, made again only when that file or Python changes.
python_packages() {
  local stamp=$target/python/installed.txt wanted
  wanted=$(python3 --version; cat notebooks/requirements.txt)
  if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    echo "already there"
    return
  fi
  # Joined by &&: inside a step, errexit does not hold.
  python3 -m venv --clear "$target/python" &&
    "$python" -m pip install --quiet --disable-pip-version-check --requirement notebooks/requirements.txt &&
    printf '%s\n' "$wanted" >"$stamp"
}

# Tests of the library, the binary and tests/; benches are compiled with them and run once each.
rust_tests() {
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --release --locked --all-targets --no-fail-fast --final-status-level fail --status-level fail
  else
    cargo test --release --locked --all-targets --no-fail-fast
  fi
}

# What is linked. cargo-deny knows more (other platforms, sources), where someone has installed it.
dependencies() {
  if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline check bans licenses sources || return
  else
    echo "cargo-deny is not installed: the light check only"
  fi
  "$python" tests/dependencies.py
}

export CARGO_TERM_PROGRESS_WHEN=never
export LOB_PYTHON=$python

step "python packages" python_packages
step "format" cargo fmt --check
# With all targets: what the tests need decides the features of the dependencies, and every later
# step asks for the same, so that each dependency is compiled once.
step "build" cargo build --release --locked --all-targets
step "tests" rust_tests
step "documentation tests" cargo test --release --locked --doc
step "lints" cargo clippy --release --locked --all-targets -- --deny warnings
step "dependencies" dependencies
step "notebooks" "$python" tests/notebooks.py "$target/release/lob"

printf '\n%d s in all.' "$SECONDS"
if ((failed > 0)); then
  printf ' Failed:'
  printf ' %s;' "${failed_steps[@]}"
fi
printf '\n%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
