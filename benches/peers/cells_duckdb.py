"""The cells of benches/national.toml, made with DuckDB: cells_duckdb.py DIR

Activities are read and joined once, and added up per pupil; both sets of cells are made of that. The statements that
`lob cells --sql duckdb` prints would read them once for each set.
"""

import sys

import duckdb

directory = sys.argv[1]
db = duckdb.connect()
db.execute("SET preserve_insertion_order = false")
db.execute(f"""
CREATE TABLE pupils AS
WITH doses AS (
  SELECT a.pseudo_id,
    COUNT(*) FILTER (WHERE code = 'GESPR' AND datum < landmark) AS gesprek,
    COUNT(*) FILTER (WHERE code IN ('STAGE', 'STAGE_B', 'INTSTG') AND datum < landmark) AS stage,
    COUNT(*) FILTER (WHERE code IN ('OPEND', 'MEEL', 'BEURS') AND datum < landmark) AS orientatie
  FROM read_parquet('{directory}/activiteit.parquet') AS a
  JOIN read_parquet('{directory}/leerling.parquet') AS p ON a.pseudo_id = p.pseudo_id
  WHERE (ingeschreven_van IS NULL OR datum >= ingeschreven_van) AND (ingeschreven_tot IS NULL OR datum <= ingeschreven_tot)
  GROUP BY a.pseudo_id
),
mbo AS (
  SELECT DISTINCT e.pseudo_id
  FROM read_parquet('{directory}/inschrijving.parquet') AS e
  JOIN read_parquet('{directory}/leerling.parquet') AS p ON e.pseudo_id = p.pseudo_id
  WHERE e.sector = 'mbo' AND e.begin <= make_date(year(landmark), 10, 1)
    AND (e.eind IS NULL OR e.eind >= make_date(year(landmark), 10, 1))
)
SELECT p.school, CAST(p.cohort AS VARCHAR) AS cohort, p.landmark,
  CASE WHEN landmark IS NULL THEN 'no_landmark'
    WHEN ingeschreven_tot < landmark - INTERVAL 1 DAY THEN 'left_before_landmark' END AS fell_out,
  koppelstatus = 'gekoppeld' AND landmark <= make_date(year(landmark), 10, 1) AS known,
  bool_or(d.pseudo_id IS NOT NULL) OVER (PARTITION BY p.school, p.cohort) AS registered,
  CAST(COALESCE(d.gesprek, 0) AS DOUBLE) AS dose_gesprek,
  CAST(COALESCE(d.stage, 0) AS DOUBLE) AS dose_stage,
  CAST(COALESCE(d.orientatie, 0) AS DOUBLE) AS dose_orientatie,
  CASE leerweg WHEN 'TL' THEN 0e0 WHEN 'GL' THEN 1e0 WHEN 'KB' THEN 2e0 WHEN 'BB' THEN 3e0 END AS covariate_leerweg,
  CASE WHEN m.pseudo_id IS NULL THEN 0e0 ELSE 1e0 END AS y
FROM read_parquet('{directory}/leerling.parquet') AS p
LEFT JOIN doses AS d ON d.pseudo_id = p.pseudo_id
LEFT JOIN mbo AS m ON m.pseudo_id = p.pseudo_id
""")
columns = "school, cohort, registered, dose_gesprek, dose_stage, dose_orientatie, covariate_leerweg"
cells = f"""
SELECT NULL AS outcome, fell_out, {columns}, COUNT(*) AS n, 0e0 AS y FROM pupils GROUP BY ALL
UNION ALL
SELECT 'doorstroom_mbo' AS outcome, NULL AS fell_out, {columns}, COUNT(*) AS n, SUM(y) AS y
FROM pupils WHERE fell_out IS NULL AND known GROUP BY {columns}
"""
out = f"{directory}/cells-duckdb.parquet"
db.execute(f"COPY ({cells}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
print(db.execute(f"SELECT COUNT(*) FROM '{out}'").fetchall()[0][0], "cells")
