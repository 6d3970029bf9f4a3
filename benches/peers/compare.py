"""Whether the peers made the same table as the engine: compare.py DIR"""

import sys

import duckdb

directory = sys.argv[1]
names = duckdb.sql(f"SELECT * FROM '{directory}/wide.parquet' LIMIT 0").columns
columns = ", ".join(f'CAST("{n}" AS VARCHAR) AS "{n}"' for n in names)
for peer in sys.argv[2:]:
    left, right = (f"SELECT {columns} FROM '{directory}/{n}.parquet'" for n in ("wide", f"wide-{peer}"))
    differ = duckdb.sql(
        f"SELECT COUNT(*) FROM (({left} EXCEPT ALL {right}) UNION ALL ({right} EXCEPT ALL {left}))"
    ).fetchall()[0][0]
    print(f"{peer}: {differ} rows differ")
    if differ:
        sys.exit(1)
