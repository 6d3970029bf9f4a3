#!/bin/sh
# The mixed models by the engine, R and Python on the same rows: one table in benches/RESULTS.md.
#
#   benches/models_peers.sh [CASE...]
#
# Without cases all of them. LOB_BENCH_PEERS: peers to run (default: all below; "none" for the engine alone).
# LOB_BENCH_CRATES: the program of benches/peers/crates, built (default: none).
# LOB_BENCH_LIMIT: seconds for one fit of a peer, reading included (default 900). LOB_PYTHON: a Python with gpboost
# and statsmodels (default python3). LOB_BENCH_DIR: folder for files (400 MB) and measurements (default: a new one in the
# temporary folder, removed afterwards); with one of your own, measurements of earlier calls stay and those of the same
# case and tool are replaced. LOB_SHARED: the folder that holds data/oulad.
# Peers that are not installed are named and left out; benches/peers/README.md says how to install them.
set -eu
cd "$(dirname "$0")/.."
python=${LOB_PYTHON:-python3}
limit=${LOB_BENCH_LIMIT:-900}
crates=${LOB_BENCH_CRATES:-}
peers=${LOB_BENCH_PEERS:-lmer glmer glmmTMB glmmTMB-cells gpboost statsmodels glmm mixeff-rs mixeff-rs-joint}
if [ -z "${LOB_BENCH_DIR:-}" ]; then
    LOB_BENCH_DIR=$(mktemp -d)
    trap 'rm -rf "$LOB_BENCH_DIR"' EXIT
fi
dir=$LOB_BENCH_DIR
mkdir -p "$dir"
lines=$dir/measured.jsonl

bench=$(cargo bench --bench models --no-run 2>&1 | sed -n 's/.*(\(.*models-[0-9a-f]*\))$/\1/p')
[ -n "$bench" ] || { echo "the benchmark does not build: cargo bench --bench models --no-run" >&2; exit 1; }
# run TOOL CASE COMMAND...: keeps the line that it prints, or says why there is none.
run() {
    tool=$1 name=$2
    shift 2
    start=$(date +%s)
    status=0
    line=$(timeout "$limit" "$@" 2>"$dir/errors") || status=$?
    spent=$(($(date +%s) - start))
    case $status in
        # Some packages talk before.
        0) line=$(printf '%s\n' "$line" | tail -n 1) ;;
        3) echo "skipped $tool on $name: not installed, or it can't fit such a model" && return ;;
        124) line="{\"case\":\"$name\",\"tool\":\"$tool\",\"note\":\"not done after $limit s\"}" ;;
        *)
            tail -n 3 "$dir/errors"
            line="{\"case\":\"$name\",\"tool\":\"$tool\",\"note\":\"failed after $spent s\"}"
            ;;
    esac
    echo "$line"
    case $line in "{"*) echo "$line" >>"$lines" ;; esac
}

echo "load before: $(cut -d ' ' -f 1-3 /proc/loadavg 2>/dev/null || uptime)"
for name in ${*:-$("$bench" cases)}; do
    run engine "$name" "$bench" fit "$name"
    # Rows in another order are the same to the peers.
    case $name in *-mixed) continue ;; esac
    [ "$peers" = none ] && continue
    [ -f "$dir/$name.model" ] || "$bench" write "$name" "$dir" >"$dir/$name.model"
    read -r family formula <"$dir/$name.model"
    [ "$family" = skipped ] && continue
    for tool in $peers; do
        file=$dir/$name.csv
        case $family-$tool in
            binomial-lmer | gaussian-glmer) continue ;;
            *-glmmTMB-cells)
                file=$dir/$name-cells.csv
                [ -f "$file" ] || continue
                run "$tool" "$name" Rscript benches/peers/models.R "$tool" "$name" "$file" "$formula" "$family"
                ;;
            *-lmer | *-glmer | *-glmmTMB)
                if ! command -v Rscript >/dev/null; then
                    echo "skipped $tool: no Rscript"
                    continue
                fi
                run "$tool" "$name" Rscript benches/peers/models.R "$tool" "$name" "$file" "$formula" "$family"
                ;;
            *-glmm | *-mixeff-rs | *-mixeff-rs-joint)
                if [ ! -x "$crates" ]; then
                    echo "skipped $tool: not built, or LOB_BENCH_CRATES does not say where"
                    continue
                fi
                run "$tool" "$name" "$crates" "$tool" "$name" "$file" "$formula" "$family"
                ;;
            *-gpboost | *-statsmodels)
                run "$tool" "$name" "$python" benches/peers/models.py "$tool" "$name" "$file" "$formula" "$family"
                ;;
        esac
    done
done
"$python" benches/peers/models_table.py "$lines" benches/RESULTS.md
