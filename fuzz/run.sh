#!/usr/bin/env bash
# Builds the targets and runs one: fuzz/run.sh TARGET [SECONDS], or fuzz/run.sh build. Needs a C++ compiler and no cargo-fuzz.
#
# Coverage is LLVM's, switched on with flags of the stable compiler. There is no address sanitizer: nothing here is unsafe,
# so what is looked for are panics, overflows, hangs and leaps in memory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
machine=$(rustc -vV | sed -n 's/^host: //p')
flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg=fuzzing)

# Flags of a named machine reach no build script.
build() {
  RUSTFLAGS="${flags[*]}" cargo build --release --bin csv --bin xlsx --bin ro --bin xml --bin study --target "$machine"
}

if [[ ${1:?a target or build} == build ]]; then
  build
  exit
fi
target=$1
work=$CARGO_TARGET_DIR/corpus/$target
mkdir -p "$work" "$CARGO_TARGET_DIR/found/$target"
"$CARGO_TARGET_DIR/$machine/release/$target" "$work" "corpus/$target" -max_total_time="${2:-660}" -max_len=65536 -timeout=10 \
  -rss_limit_mb=2048 -artifact_prefix="$CARGO_TARGET_DIR/found/$target/" -print_final_stats=1
