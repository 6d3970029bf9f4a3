"""The cells of benches/national.toml, made with Polars' streaming engine: cells_polars.py DIR"""

import sys

import polars as pl

directory = sys.argv[1]
pupils = pl.scan_parquet(f"{directory}/leerling.parquet")
activities = pl.scan_parquet(f"{directory}/activiteit.parquet")
enrolments = pl.scan_parquet(f"{directory}/inschrijving.parquet")

date, landmark, code = pl.col("datum"), pl.col("landmark"), pl.col("code").cast(pl.String)
from_day, to_day = pl.col("ingeschreven_van"), pl.col("ingeschreven_tot")
october = pl.date(landmark.dt.year(), 10, 1)
doses = {
    "gesprek": code == "GESPR",
    "stage": code.is_in(["STAGE", "STAGE_B", "INTSTG"]),
    "orientatie": code.is_in(["OPEND", "MEEL", "BEURS"]),
}
counts = (
    activities.join(pupils.select("pseudo_id", "landmark", "ingeschreven_van", "ingeschreven_tot"), on="pseudo_id")
    .filter((from_day.is_null() | (date >= from_day)) & (to_day.is_null() | (date <= to_day)))
    .group_by("pseudo_id")
    .agg([(counts & (date < landmark)).sum().cast(pl.Float64).alias(f"dose_{name}") for name, counts in doses.items()])
    .with_columns(any=pl.lit(True))
)
mbo = (
    enrolments.filter(pl.col("sector").cast(pl.String) == "mbo")
    .join(pupils.select("pseudo_id", "landmark"), on="pseudo_id")
    .filter((pl.col("begin") <= october) & (pl.col("eind").is_null() | (pl.col("eind") >= october)))
    .select("pseudo_id")
    .unique()
    .with_columns(y=pl.lit(1.0))
)
keys = ["school", "cohort", "registered", *[f"dose_{name}" for name in doses], "covariate_leerweg"]
table = (
    pupils.join(counts, on="pseudo_id", how="left")
    .join(mbo, on="pseudo_id", how="left")
    .select(
        pl.col("school").cast(pl.String),
        pl.col("cohort").cast(pl.String),
        pl.col("any").fill_null(False),
        *[pl.col(f"dose_{name}").fill_null(0.0) for name in doses],
        pl.col("y").fill_null(0.0),
        pl.when(landmark.is_null())
        .then(pl.lit("no_landmark"))
        .when(to_day < landmark.dt.offset_by("-1d"))
        .then(pl.lit("left_before_landmark"))
        .alias("fell_out"),
        ((pl.col("koppelstatus").cast(pl.String) == "gekoppeld") & (landmark <= october)).alias("known"),
        pl.col("leerweg")
        .cast(pl.String)
        .replace_strict({"TL": 0.0, "GL": 1.0, "KB": 2.0, "BB": 3.0}, return_dtype=pl.Float64)
        .alias("covariate_leerweg"),
    )
    .collect(engine="streaming")
    .with_columns(registered=pl.col("any").any().over("school", "cohort"))
)
n = pl.len().cast(pl.Int64).alias("n")
everyone = table.group_by("fell_out", *keys).agg(n, y=pl.lit(0.0)).with_columns(outcome=pl.lit(None, pl.String))
known = table.filter(pl.col("fell_out").is_null() & pl.col("known")).group_by(keys).agg(n, pl.col("y").sum())
known = known.with_columns(outcome=pl.lit("doorstroom_mbo"), fell_out=pl.lit(None, pl.String))
order = ["outcome", "fell_out", *keys, "n", "y"]
cells = pl.concat([everyone.select(order), known.select(order)])
cells.write_parquet(f"{directory}/cells-polars.parquet", compression="zstd")
print(cells.height, "cells")
