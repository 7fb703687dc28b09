"""The page of the metric's Space: a small form around `compute`. Untested on the live Hub."""

from __future__ import annotations

from pathlib import Path

import evaluate
from evaluate.utils import launch_gradio_widget

if __name__ == "__main__":
    launch_gradio_widget(evaluate.load(str(Path(__file__).parent / "stratified_skill.py")))
