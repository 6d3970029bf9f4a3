"""Whether the cells of each tool are those of the engine: cells_compare.py DIR TOOL ..."""

import sys

import duckdb

directory, *tools = sys.argv[1:]
columns = """outcome, fell_out, CAST(school AS VARCHAR), CAST(cohort AS VARCHAR), registered, dose_gesprek, dose_stage,
             dose_orientatie, covariate_leerweg, n, y"""
# The engine also has the pupils who are in no analysis of an outcome, with the reason.
engine = f"SELECT {columns} FROM '{directory}/cells.parquet' WHERE outcome IS NULL OR fell_out IS NULL"
for tool in tools:
    theirs = f"SELECT {columns} FROM '{directory}/cells-{tool}.parquet'"
    count = lambda a, b: duckdb.sql(f"SELECT COUNT(*) FROM (({a}) EXCEPT ALL ({b}))").fetchall()[0][0]
    rows = duckdb.sql(f"SELECT COUNT(*) FROM ({engine})").fetchall()[0][0]
    only_engine, only_theirs = count(engine, theirs), count(theirs, engine)
    print(f"{tool}: {rows} cells of the engine, {only_engine} only there, {only_theirs} only in {tool}")
    if only_engine or only_theirs:
        sys.exit(1)
