"""Runs the printed SQL in DuckDB and compares every cell with the engine's own table.

    duckdb_compare.py QUERY.sql PANEL.parquet

Exit code 0: the same columns, the same rows in the same order, doubles exactly equal or both missing.
Exit code 1: they differ; the first differences are printed.
"""

import sys

import duckdb

SHOWN = 5


def main(query_file: str, panel_file: str) -> int:
    db = duckdb.connect()
    with open(query_file, encoding="utf-8") as f:
        theirs = db.execute(f.read())
    their_columns = [c[0] for c in theirs.description]
    their_rows = theirs.fetchall()
    ours = db.execute("SELECT * FROM read_parquet(?)", [panel_file])
    our_columns = [c[0] for c in ours.description]
    our_rows = ours.fetchall()
    if their_columns != our_columns:
        print(f"columns: SQL {their_columns}, engine {our_columns}")
        return 1
    differences = []
    if len(their_rows) != len(our_rows):
        differences.append(f"rows: SQL {len(their_rows)}, engine {len(our_rows)}")
    for i, (their, our) in enumerate(zip(their_rows, our_rows)):
        for column, a, b in zip(our_columns, their, our):
            if type(a) is not type(b) or a != b:
                differences.append(f"row {i}, {our[0]} {our[1]} {our[3]}, {column}: SQL {a!r}, engine {b!r}")
        if len(differences) > SHOWN:
            break
    for line in differences[:SHOWN]:
        print(line)
    if not differences:
        print(f"{len(our_rows)} rows x {len(our_columns)} columns agree")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
