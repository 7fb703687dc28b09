"""Quick start: a protocol and a baseline from the Hub, its predictions at unseen towers, their skill.

python docs/quick_start.py [ORG/DATASET ORG/MODEL]
"""

import sys

import carbonbench

DATASET, MODEL = sys.argv[1:] or ("carbonbench/carbonbench", "carbonbench/carbonbench-transformer")

data = f"hf://datasets/{DATASET}"
test = carbonbench.load("veg_holdout", data)["test"]  # only the shards of this protocol are fetched
model = carbonbench.from_pretrained(MODEL)  # weights and scaling; no code is run
predictions = model.predict(test)  # the targets are taken away before the model sees anything

scores = carbonbench.score(predictions, "veg_holdout", data)
for flux in ("gpp", "reco", "nee"):
    r2 = scores[flux]["r2"]
    print(f"{flux}: R2 {r2['q25']:.2f} to {r2['q75']:.2f} over towers, median {r2['q50']:.2f}")
