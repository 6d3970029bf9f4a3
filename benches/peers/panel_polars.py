"""The wide table of benches/panel.rs, made with Polars: panel_polars.py DIR [memory]

With `memory` the doses per pupil and period are made and not written.
"""

import sys

import polars as pl

TYPES = ["GESPR", "STAGE", "BEDR", "GAST", "BEURS", "OPEND", "MEEL", "TEST", "REFL", "LES"]

directory = sys.argv[1]
memory = sys.argv[2:] == ["memory"]
pupils = pl.scan_parquet(f"{directory}/leerling.parquet")
activities = pl.scan_parquet(f"{directory}/activiteit-*.parquet")

begin, date = pl.col("begin"), pl.col("datum")
months = (
    (date.dt.year() - begin.dt.year()) * 12
    + date.dt.month().cast(pl.Int32)
    - begin.dt.month().cast(pl.Int32)
    - (date.dt.day() < begin.dt.day()).cast(pl.Int32)
)
counts = (
    activities.with_columns(pl.col("code").cast(pl.String))
    .join(pupils.select("id", "begin"), on="id")
    .select("id", "code", period=(months // 6 + 1).clip(lower_bound=0).cast(pl.Int32))
    .filter(pl.col("period") < 6)
    .group_by("id", "period")
    .agg([(pl.col("code") == t).sum().cast(pl.Float64).alias(t) for t in TYPES])
)
periods = pl.LazyFrame({"period": pl.Series(range(6), dtype=pl.Int32)})
start = begin.dt.offset_by((6 * pl.col("period")).cast(pl.String) + "mo")
next_start = begin.dt.offset_by((6 * (pl.col("period") + 1)).cast(pl.String) + "mo")
last = pl.min_horizontal("uitval", "einde")
wide = (
    pupils.join(periods, how="cross")
    .join(counts, on=["id", "period"], how="left")
    .sort("id", "period")
    .with_columns(
        [
            pl.col(t).fill_null(0).cum_sum().over("id", mapping_strategy="group_to_rows").alias(f"dose_{t.lower()}")
            for t in TYPES
        ]
    )
    .filter(start <= last)
    .select(
        pl.col("id").cast(pl.String).alias("pupil"),
        "school",
        "cohort",
        "period",
        *[f"dose_{t.lower()}" for t in TYPES],
        pl.col("leerweg").cast(pl.String).replace_strict(
            {"TL": 0.0, "GL": 1.0, "KB": 2.0, "BB": 3.0}, return_dtype=pl.Float64
        ),
        pl.col("geslacht").cast(pl.String).replace_strict({"M": 0.0, "V": 1.0}, return_dtype=pl.Float64).alias("vrouw"),
        "ses",
        ((pl.col("uitval") <= pl.col("einde")) & (pl.col("uitval") < next_start))
        .fill_null(False)
        .cast(pl.Float64)
        .alias("uitval"),
    )
)
if memory:
    print(wide.collect(engine="streaming").height, "rows")
else:
    out = f"{directory}/wide-polars.parquet"
    wide.sort("pupil", "period").sink_parquet(out, compression="zstd")
    print(pl.scan_parquet(out).select(pl.len()).collect().item(), "rows")
