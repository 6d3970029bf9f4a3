#!/bin/sh
# A national study: the whole run by threads and by size, its cells beside DuckDB and Polars, and reading alone.
#
#   benches/national.sh [ROUNDS]
#
# One model of a tenth of it beside R (data.table with glmmTMB and lme4), where Rscript has these packages.
#
# LOB_PYTHON: a Python with duckdb and polars (default python3). LOB_BENCH_DIR: folder for the files, 1.7 GB (default: a new one in
# the temporary folder, removed afterwards; files of an earlier run are used again). Needs GNU time as /usr/bin/time.
set -eu
cd "$(dirname "$0")/.."
python=${LOB_PYTHON:-python3}
rounds=${1:-3}
if [ -z "${LOB_BENCH_DIR:-}" ]; then
    LOB_BENCH_DIR=$(mktemp -d)
    trap 'rm -rf "$LOB_BENCH_DIR"' EXIT
fi
export LOB_BENCH_DIR
cargo build --release --quiet
lob=$PWD/target/release/lob
bench=$(cargo bench --bench panel --no-run 2>&1 | sed -n 's/.*(\(.*panel-[0-9a-f]*\))$/\1/p')

# A country, and a tenth and a hundredth of it with schools of the same size.
region() {
    [ -e "$LOB_BENCH_DIR/$1/study.toml" ] || "$lob" simulate --quiet --preset national --schools "$2" --pupils "$3" --to "$LOB_BENCH_DIR/$1"
}
region national 1200 1000000
region tenth 120 100000
region hundredth 12 10000
cells=$LOB_BENCH_DIR/cells
mkdir -p "$cells"
for table in leerling activiteit inschrijving; do
    ln -sf "$LOB_BENCH_DIR/national/$table.parquet" "$cells/$table.parquet"
done
cp benches/national.toml "$cells/study.toml"
# The same activities in the order in which they were entered: no two rows of a pupil stand together, and keys are plain texts.
entered=$LOB_BENCH_DIR/entered
mkdir -p "$entered"
cp benches/national.toml "$entered/study.toml"
for table in leerling inschrijving; do
    ln -sf "$LOB_BENCH_DIR/national/$table.parquet" "$entered/$table.parquet"
done
[ -e "$entered/activiteit.parquet" ] || "$python" -c "import duckdb, sys
duckdb.sql(f\"SET temp_directory = '{sys.argv[2]}/sorting'\")
duckdb.sql(f\"\"\"COPY (FROM '{sys.argv[1]}' ORDER BY invoer_datum, hash(pseudo_id)) TO '{sys.argv[2]}/activiteit.parquet'
           (COMPRESSION zstd, ROW_GROUP_SIZE 1048576)\"\"\")" "$LOB_BENCH_DIR/national/activiteit.parquet" "$entered"

measured() {
    name=$1
    shift
    /usr/bin/time -f "$name: %e s wall, %U s user, %S s system, %M kB" "$@" >/dev/null
}
run() {
    rm -rf "$LOB_BENCH_DIR/out"
    what=$1 study=$LOB_BENCH_DIR/$2/study.toml threads=$3
    shift 3
    measured "$what" "$lob" run --quiet "$study" --out "$LOB_BENCH_DIR/out" --threads "$threads" "$@"
    sed -n '/"stages"/,/}/p' "$LOB_BENCH_DIR"/out/runs/*/run_info.json
}
for _ in $(seq "$rounds"); do
    run "run, 100 million activities, 2 threads" national 2
    run "run, 100 million activities, 1 thread" national 1
    run "run, 100 million activities, --memory 512MB" national 2 --memory 512MB
    run "run, 10 million activities, 2 threads" tenth 2
    run "run, 1 million activities, 2 threads" hundredth 2
    for order in cells entered; do
        dir=$LOB_BENCH_DIR/$order
        measured "$order: reading alone" "$bench" decode "$dir"
        measured "$order: panel" "$bench" panel "$dir"
        measured "$order: engine" "$lob" cells --quiet "$dir/study.toml" --out "$dir/cells.parquet"
        measured "$order: duckdb" "$python" benches/peers/cells_duckdb.py "$dir"
        measured "$order: polars" "$python" benches/peers/cells_polars.py "$dir"
    done
done
"$python" benches/peers/cells_compare.py "$cells" duckdb polars
"$python" benches/peers/cells_compare.py "$entered" duckdb polars

# The first model of the tenth alone, from the same tables as text.
model=$LOB_BENCH_DIR/model
mkdir -p "$model"
awk '/^\[\[models\]\]/ { models++ } /^\[privacy\]/ { models = 0 } models < 2' "$LOB_BENCH_DIR/tenth/study.toml" |
    sed 's/\.parquet"/.csv"/' >"$model/study.toml"
for table in leerling activiteit inschrijving school uitval competentie; do
    [ -e "$model/$table.csv" ] || "$python" -c "import duckdb, sys; duckdb.sql(f\"COPY (FROM '{sys.argv[1]}') TO '{sys.argv[2]}' (HEADER)\")" \
        "$LOB_BENCH_DIR/tenth/$table.parquet" "$model/$table.csv"
done
rm -rf "$LOB_BENCH_DIR/out"
measured "one model, engine" "$lob" run --quiet "$model/study.toml" --out "$LOB_BENCH_DIR/out"
for tool in glmmTMB lme4; do
    if Rscript -e "quit(status = !all(sapply(c('data.table', '$tool'), requireNamespace, quietly = TRUE)))" 2>/dev/null; then
        measured "one model, $tool" Rscript benches/peers/national.R "$model" "$tool"
    fi
done
