"""One model of benches/models.rs in Python: models.py TOOL CASE FILE FORMULA FAMILY

TOOL: gpboost or statsmodels. Prints a line of JSON; the time is that of the fit. Leaves with status 3 where the package
is missing or can't fit the model. GPBoost maximises the likelihood (no REML) and its slopes are uncorrelated with
the intercepts, so its deviance is not comparable; statsmodels has one grouping factor.
"""

import json
import re
import resource
import sys
import time

tool, case, file, formula, family = sys.argv[1:]
try:
    import pandas

    package = __import__(tool)
except ImportError:
    sys.exit(3)

rows = pandas.read_csv(file)
random = [[side.strip() for side in term.split("|")] for term in re.findall(r"\(([^)]*)\)", formula)]
fixed = re.sub(r"\([^)]*\)", "", formula.split("~")[1])
columns = [c.strip() for c in fixed.split("+") if c.strip() not in ("", "0", "1")]
x = rows[columns].copy()
if "0" not in [c.strip() for c in fixed.split("+")]:
    x.insert(0, "one", 1.0)
slopes = [[c.strip() for c in effects.split("+") if c.strip() != "1"] for effects, _ in random]
groups = [group for _, group in random]
y = rows["y"].to_numpy()
start = time.perf_counter()
note = ""
if tool == "gpboost":
    coefficients = [rows[c] for s in slopes for c in s]
    of_group = [k + 1 for k, s in enumerate(slopes) for _ in s]
    options = {}
    if coefficients:
        options = {
            "group_rand_coef_data": pandas.concat(coefficients, axis=1).to_numpy(),
            "ind_effect_group_rand_coef": of_group,
        }
    model = package.GPModel(
        group_data=rows[groups].to_numpy(), likelihood="bernoulli_logit" if family == "binomial" else "gaussian", **options
    )
    model.fit(y=y, X=x.to_numpy())
    deviance = 2 * model.get_current_neg_log_likelihood()
    note = "ML, uncorrelated slopes"
else:
    if family == "binomial" or len(groups) > 1:
        sys.exit(3)
    from statsmodels.regression.mixed_linear_model import MixedLM

    z = x[["one", *slopes[0]]]
    fit = MixedLM(y, x, groups=rows[groups[0]], exog_re=z).fit(reml=True)
    deviance = -2 * fit.llf
    note = "" if fit.converged else "not converged"
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
line = {"case": case, "tool": tool, "seconds": round(seconds, 3), "deviance": deviance, "mb": round(peak)}
print(json.dumps(line | {"version": package.__version__, "note": note}))
