"""The library behind the builder: archives in, dataset folder, protocols, inputs, scores out."""
