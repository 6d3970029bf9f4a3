"""The wide table of benches/panel.rs, made with DuckDB: panel_duckdb.py DIR [memory]

With `memory` the doses per pupil and period are made and not written.
"""

import sys

import duckdb

TYPES = ["GESPR", "STAGE", "BEDR", "GAST", "BEURS", "OPEND", "MEEL", "TEST", "REFL", "LES"]

directory = sys.argv[1]
memory = sys.argv[2:] == ["memory"]
db = duckdb.connect()
db.execute("SET preserve_insertion_order = false")

# Months between the origin and the day say the first period that knows of an activity; the doses before a
# period are then a running sum. Joining activities with all later periods would take several times longer.
months = """((year(a.datum) - year(p."begin")) * 12 + month(a.datum) - month(p."begin")
            - CAST(day(a.datum) < day(p."begin") AS INTEGER))"""
counts = ",\n".join(f"COUNT(*) FILTER (WHERE code = '{t}') AS n_{t}" for t in TYPES)
running = ",\n".join(
    f"CAST(COALESCE(SUM(c.n_{t}) OVER before, 0) AS DOUBLE) AS dose_{t.lower()}" for t in TYPES
)
doses = f"""
WITH slots AS (
  SELECT a.id, GREATEST(CAST(floor({months} / 6) AS INTEGER) + 1, 0) AS slot, code
  FROM read_parquet('{directory}/activiteit-*.parquet') AS a
  JOIN read_parquet('{directory}/leerling.parquet') AS p ON a.id = p.id
),
counts AS (
  SELECT id, slot, {counts} FROM slots WHERE slot < 6 GROUP BY id, slot
),
periods AS (
  SELECT p.*, n.period FROM read_parquet('{directory}/leerling.parquet') AS p CROSS JOIN range(0, 6) AS n(period)
),
doses AS (
  SELECT p.id, p.school, p.cohort, CAST(p.period AS INTEGER) AS period, {running},
    CASE leerweg WHEN 'TL' THEN 0e0 WHEN 'GL' THEN 1e0 WHEN 'KB' THEN 2e0 WHEN 'BB' THEN 3e0 END AS leerweg,
    CASE geslacht WHEN 'M' THEN 0e0 WHEN 'V' THEN 1e0 END AS vrouw,
    p.ses,
    CASE WHEN p.uitval <= p.einde AND p.uitval < p."begin" + to_months(CAST(6 * (p.period + 1) AS INTEGER))
      THEN 1e0 ELSE 0e0 END AS y_uitval,
    p."begin" + to_months(CAST(6 * p.period AS INTEGER)) <= LEAST(COALESCE(p.uitval, p.einde), p.einde) AS at_risk
  FROM periods AS p LEFT JOIN counts AS c ON c.id = p.id AND c.slot = p.period
  WINDOW before AS (PARTITION BY p.id ORDER BY p.period ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT CAST(id AS VARCHAR) AS pupil, * EXCLUDE (id, at_risk, y_uitval), y_uitval AS uitval
FROM doses WHERE at_risk
"""
if memory:
    db.execute(f"CREATE TABLE wide AS {doses}")
    print(db.execute("SELECT COUNT(*) FROM wide").fetchall()[0][0], "rows")
else:
    out = f"{directory}/wide-duckdb.parquet"
    db.execute(f"COPY ({doses} ORDER BY pupil, period) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")
    print(db.execute(f"SELECT COUNT(*) FROM '{out}'").fetchall()[0][0], "rows")
