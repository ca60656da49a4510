# %% [markdown]
# What a run of the simulator left behind, from Python. Cells are marked for VS Code, Spyder or Jupytext; as a script:
#
#     chartmesh sim run scenarios/files/regional-outage.toml --seed 1 --out run
#     pip install polars matplotlib        # or pandas pyarrow matplotlib
#     python scenarios/results.py run
#
# docs/RESULTS.md describes every table and column.

# %% A folder
import json
import sys
from pathlib import Path

run = Path(sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "run")

# %% Two lines; with pandas they are `import pandas as pd` and `pd.read_parquet(run / "summary.parquet")`
import polars as pl
summary = pl.read_parquet(run / "summary.parquet")

# %% What was run, and did it hold?
manifest = json.loads((run / "manifest.json").read_text())
print(manifest["scenario"]["name"], "seed", manifest["seed"], "trace", manifest["trace_hash"][:16])
if manifest["stand_ins"]:
    print("Signatures and ciphers were stand-ins.")
print(len(manifest["violations"]), "violations;", [expected for expected in manifest["expectations"] if not expected["held"]])

# %% Key figures, each with its denominator; `*_at_least` where what had not ended hides the true value
with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=140, fmt_str_lengths=40):
    print(
        summary.filter(pl.col("label") == "").select(
            "metric", "unit", "count", "denominator", "of", "median", "median_at_least", "p95"
        )
    )

# %% Latencies by feature, in seconds
samples = pl.read_parquet(run / "samples.parquet")
latencies = samples.filter(pl.col("metric") == "delivery_latency").with_columns(seconds=pl.col("value") / 1e6)
print(latencies.group_by("label").agg(pl.len(), pl.col("seconds").median().alias("median"), pl.col("seconds").max().alias("max")).sort("label"))

# %% The trace: the busiest pairs, by name. Only the columns that are used are read.
names = pl.read_parquet(run / "parties.parquet").select("party", "name")
trace = pl.scan_parquet(run / "trace.parquet").filter(pl.col("kind") == "sent")
pairs = trace.group_by("party", "other").agg(messages=pl.len(), bytes=pl.col("bytes").sum()).collect()
print(
    pairs.join(names, on="party")
    .join(names.rename({"party": "other", "name": "to"}), on="other")
    .sort("messages", "name", "to", descending=[True, False, False])
    .select("name", "to", "messages", "bytes")
    .head(5)
)

# %% One plot: availability by region over time, with the scenario's events
import matplotlib

if "ipykernel" not in sys.modules:
    matplotlib.use("Agg")
import matplotlib.pyplot as plt

series = pl.read_parquet(run / "series.parquet").filter(
    (pl.col("metric") == "availability") & (pl.col("label") == "") & (pl.col("region") != "")
)
hour = 3_600_000_000
figure, axes = plt.subplots(figsize=(9, 3.2), layout="constrained")
for (region,), steps in series.sort("region", "from_us").group_by("region", maintain_order=True):
    axes.step(steps["from_us"] / hour, steps["mean"] * 100, where="post", label=region)
for mark in pl.read_parquet(run / "marks.parquet").iter_rows(named=True):
    axes.axvspan(mark["from_us"] / hour, max(mark["until_us"], mark["from_us"] + hour / 20) / hour, alpha=0.15, color="tab:purple")
axes.set(xlabel="simulated hours", ylabel="available, %", ylim=(-3, 103), title=manifest["scenario"]["question"] or manifest["scenario"]["name"])
if series.height:
    axes.legend()
figure.savefig(run / "availability-from-python.png", dpi=150)
print("wrote", run / "availability-from-python.png")
