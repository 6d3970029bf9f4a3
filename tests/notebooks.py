"""Runs every notebook on a fresh demo run and checks what it finds.

Usage: python tests/notebooks.py path/to/lob

Exits 1 when a notebook raises an error, when an expected output is missing, or when a notebook in the
repository holds outputs or the path of a machine. Prints one line per test and a last line with the counts.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import nbformat
import polars as pl
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
MACHINE_PATH = re.compile(r"/home/|/root/|/tmp/|/Users/|[A-Z]:\\")


class Executed:
    """A notebook after its run, and the values its kernel ended with."""

    def __init__(self, path: Path, run: Path):
        os.environ["LOB_RUN"] = str(run)
        os.environ.pop("LOB_MODEL", None)
        self.notebook = nbformat.read(path, as_version=4)
        self.notebook.cells.append(nbformat.v4.new_code_cell(PROBE))
        NotebookClient(self.notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()

    def text(self) -> str:
        """Everything that was printed or displayed as text."""
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", [])]
        return "\n".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)

    def images(self) -> int:
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", [])]
        return sum("image/png" in output.get("data", {}) for output in outputs)


# Tells the test what the tables of the notebook hold, in a form that no formatting touches.
PROBE = """
import json as _json
print("PROBE " + _json.dumps({
    "models": effect_table["model_id"].unique().sort().to_list(),
    "rows": effect_table.height,
    "schools": estimated.height,
    "analysed": dict(flow_table.select("model", "analysed").iter_rows()),
    "recovery": recovery.height,
    "inside": int(recovery["inside"].sum()),
    "outside_order": int((effect_table["conf_low"] > effect_table["conf_high"]).sum()),
}))
"""


def first_look(run: Path, copies: Path) -> None:
    """The tables of `01_first_look` agree with the Parquet files they were made of."""
    executed = Executed(copies / "01_first_look.ipynb", run)
    line = next(line for line in executed.text().splitlines() if line.startswith("PROBE "))
    found = json.loads(line.removeprefix("PROBE "))

    research = run / "runs" / (run / "CURRENT").read_text().strip() / "research"
    glance = pl.read_parquet(research / "glance.parquet")
    effects = pl.read_parquet(research / "school_effect.parquet")
    national = effects.filter(pl.col("estimand") == "E1")

    expect("models of the effect table", found["models"], sorted(glance["model_id"]))
    expect("rows of the effect table", found["rows"], national.height)
    expect("pupils analysed", found["analysed"], dict(glance.select("model_id", "n_pupils").iter_rows()))
    shown = effects.filter((pl.col("estimand") == "E4_own") & (pl.col("model_id") == "uitval")).drop_nulls("estimate")
    expect("schools in the caterpillar", found["schools"], shown.height)
    expect("estimates compared with what was planted", found["recovery"], national.height)
    expect("intervals the wrong way round", found["outside_order"], 0)
    # 13 correlated 95 % intervals of one fixed seed: 10 is far below what is expected, 0 would be a broken join.
    if found["inside"] < 10:
        raise AssertionError(f"only {found['inside']} of {found['recovery']} intervals hold what was planted")
    expect("figures", executed.images(), 5)


def clean(path: Path) -> None:
    """A notebook in the repository has no outputs, no execution counts and no path of a machine."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code" and (cell.outputs or cell.execution_count is not None):
            raise AssertionError(f"{path.name}, cell {number} holds outputs: clear them before committing")
        if MACHINE_PATH.search(cell.source):
            raise AssertionError(f"{path.name}, cell {number} holds the path of a machine")


def expect(what: str, found: object, right: object) -> None:
    if found != right:
        raise AssertionError(f"{what}: found {found}, expected {right}")


# What is checked of each notebook; a notebook without an entry fails.
CHECKS = {"01_first_look.ipynb": first_look}


def main() -> int:
    lob = Path(sys.argv[1]).resolve()
    results = []
    with tempfile.TemporaryDirectory(prefix="lob-notebooks-") as folder:
        run, copies = Path(folder) / "demo", Path(folder) / "notebooks"
        shutil.copytree(NOTEBOOKS, copies)
        subprocess.run([lob, "demo", "--out", run], check=True, stdout=subprocess.DEVNULL)
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            results.append(test(f"{path.name} is clean", lambda: clean(path)))
            results.append(test(f"{path.name} runs", lambda: CHECKS[path.name](run, copies)))
    print(f"notebooks: {results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) and results else 1


def test(name: str, body) -> bool:
    start = time.monotonic()
    try:
        body()
    except Exception:  # one notebook's failure must not hide the others
        traceback.print_exc()
        print(f"FAIL {name}")
        return False
    print(f"ok   {name} ({time.monotonic() - start:.1f} s)")
    return True


if __name__ == "__main__":
    sys.exit(main())
