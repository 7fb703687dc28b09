"""The Hub: one file for each kind of thing that is pushed (dataset, metric, ...), and what they share."""
