"""Runs scripts that `lob` printed for an engine, all in one process.

    engine_scripts.py duckdb|spark SCRIPT.json…

Each file holds a list of statements. Spark runs on this machine, set up for data that are small.
"""

import json
import sys
import time


def duckdb_runner():
    import duckdb

    return lambda statement: duckdb.connect().execute(statement)


def spark_runner():
    from pyspark.sql import SparkSession

    settings = {
        "spark.master": "local[2]",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    builder = SparkSession.builder
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return lambda statement: session.sql(statement.rstrip().rstrip(";"))


def main(engine: str, *files: str) -> None:
    run = {"duckdb": duckdb_runner, "spark": spark_runner}[engine]()
    for file in files:
        with open(file, encoding="utf-8") as f:
            statements = json.load(f)
        started = time.monotonic()
        for statement in statements:
            run(statement)
        print(f"{file}: {len(statements)} statements, {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
