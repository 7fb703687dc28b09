"""Fine-tune a baseline of the Hub on the first days of a new tower, and compare it with the baseline on later days.

python docs/finetune_new_tower.py [ORG/DATASET ORG/MODEL]
"""

import sys

import carbonbench

DATASET, MODEL = sys.argv[1:] or ("carbonbench/carbonbench", "carbonbench/carbonbench-transformer")
DAYS = 365

# A tower that the model has not seen; a table of your own needs the same columns.
towers = carbonbench.load("veg_holdout", f"hf://datasets/{DATASET}")["test"].to_pandas()
tower = towers[towers["site_id"] == towers["site_id"].iloc[0]]
first, later = tower.iloc[:DAYS], tower.iloc[DAYS:]

measured = later["nee_qc"].to_numpy() >= 1

base = carbonbench.from_pretrained(MODEL)
tuned = base.finetune(first, origin={"model": MODEL})
for name, model in {"before": base, "after": tuned}.items():
    error = (model.predict(later)["nee"].to_numpy() - later["nee"].to_numpy())[measured]
    print(f"{name}: RMSE of NEE {(error[error == error] ** 2).mean() ** 0.5:.3f} gC m-2 d-1")

tuned.save_pretrained("tuned")  # then: carbonbench push model tuned --repo ORG/NAME
