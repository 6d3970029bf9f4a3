"""The measurements of models_peers.sh as a table between two marks of a Markdown file: models_table.py LINES FILE

The last line of a case and tool counts. Ratios are to the engine; a difference of −2 log L (or of the REML criterion)
above zero means that the peer ended at a worse optimum.
"""

import datetime
import json
import os
import pathlib
import sys

lines, file = map(pathlib.Path, sys.argv[1:])
BEGIN, END = "<!-- models: begin -->", "<!-- models: end -->"

cases: dict[str, dict[str, dict]] = {}
for line in lines.read_text().splitlines():
    found = json.loads(line)
    cases.setdefault(found["case"], {})[found["tool"]] = found


def seconds(value):
    return "" if value is None else f"{value:.3f}" if value < 10 else f"{value:.0f}"


def row(*cells):
    return "| " + " | ".join(str(c) for c in cells) + " |"


out = [
    row("case", "tool", "wall s", "bar s", "CPU s", "wall ×", "evaluations", "peak MB", "bar MB", "−2 log L − ours", "remark"),
    "|" + "---|" * 11,
]
for name, tools in cases.items():
    engine = tools.get("engine")
    if engine is None:
        continue
    for tool, found in sorted(tools.items(), key=lambda item: (item[0] != "engine", item[0])):
        ours = tool == "engine"
        took = found.get("seconds")
        ratio = f"{took / engine['seconds']:.3g}" if took is not None else ""
        # Another criterion is not compared.
        same = not ours and "deviance" in found and "ML," not in found.get("note", "")
        difference = f"{found['deviance'] - engine['deviance']:+.1e}" if same else ""
        version = f" {found['version']}" if "version" in found else ""
        about = f"**{name}**: {engine['about']}" if ours else ""
        bar = (engine["bar"] or "") if ours else ""
        memory = f"{found['mb']:.0f}" if "mb" in found else ""
        memory_bar = f"{engine['mb_bar']:.0f}" if ours else ""
        out.append(
            row(
                about, tool + version, seconds(took), bar, seconds(found.get("cpu")), ratio,
                found.get("evaluations", ""), memory, memory_bar, difference, found.get("note", ""),
            )
        )

few, many = cases.get("pupils-10", {}).get("engine"), cases.get("pupils-100", {}).get("engine")
if few and many:
    out += ["", "Whole fit per evaluation, tenfold pupils per school: " + " → ".join(
        f"{1000 * c['cpu'] / c['evaluations']:.1f}" for c in (few, many)) + " ms of CPU; it contains the pass over ten"
        " times as many rows and the report of ten times as many pupils."]
if few and many and few.get("evaluation") and many.get("evaluation"):
    out += ["", "One evaluation of criterion and gradient alone (`LmmObjective`), tenfold pupils per school: " + " → ".join(
        f"{1000 * c['evaluation']:.2f}" for c in (few, many)) + " ms of CPU."]
load = " ".join(f"{v:.1f}" for v in os.getloadavg())
out += ["", f"Written {datetime.date.today()}; load of the machine at the end (1, 5, 15 minutes): {load}."]

text = file.read_text()
before, rest = text.split(BEGIN)
_, after = rest.split(END)
file.write_text(before + BEGIN + "\n" + "\n".join(out) + "\n" + END + after)
print("\n".join(out))
