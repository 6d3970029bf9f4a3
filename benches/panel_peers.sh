#!/bin/sh
# The wide table of 20 million activities by the engine, DuckDB and Polars: wall, CPU and memory of each.
#
#   benches/panel_peers.sh [ROUNDS]
#
# LOB_PYTHON: a Python with duckdb and polars (default python3). LOB_BENCH_DIR: folder for the files, about
# 300 MB (default: a new one in the temporary folder, removed afterwards). LOB_BENCH_ROWS: activities.
# Needs GNU time as /usr/bin/time.
set -eu
cd "$(dirname "$0")/.."
python=${LOB_PYTHON:-python3}
rounds=${1:-3}
if [ -z "${LOB_BENCH_DIR:-}" ]; then
    LOB_BENCH_DIR=$(mktemp -d)
    trap 'rm -rf "$LOB_BENCH_DIR"' EXIT
fi
export LOB_BENCH_DIR LOB_BENCH_ROWS="${LOB_BENCH_ROWS:-20000000}"

bench=$(cargo bench --bench panel --no-run 2>&1 | sed -n 's/.*(\(.*panel-[0-9a-f]*\))$/\1/p')
"$bench" generate

measured() {
    name=$1
    shift
    /usr/bin/time -f "$name: %e s wall, %U s user, %S s system, %M kB" "$@" >/dev/null
}
for _ in $(seq "$rounds"); do
    measured "wide engine" "$bench" wide
    measured "wide duckdb" "$python" benches/peers/panel_duckdb.py "$LOB_BENCH_DIR"
    measured "wide polars" "$python" benches/peers/panel_polars.py "$LOB_BENCH_DIR"
    measured "memory engine" "$bench" memory
    measured "memory duckdb" "$python" benches/peers/panel_duckdb.py "$LOB_BENCH_DIR" memory
    measured "memory polars" "$python" benches/peers/panel_polars.py "$LOB_BENCH_DIR" memory
done
"$python" benches/peers/compare.py "$LOB_BENCH_DIR" duckdb polars
