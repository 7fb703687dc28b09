"""What lets a flux model take raw site-days: the scaling and windows of the package, where it is installed."""

from __future__ import annotations

from typing import Any


class SiteDaysMixin:
    """Adds `predict` to a model whose configuration is that of a saved baseline."""

    def predict(self, data: Any, support: Any = None) -> Any:
        """Return the fluxes of raw site-days.

        Parameters
        ----------
        data : datasets.Dataset, pandas.DataFrame or pyarrow.Table with site_id, date and the inputs that the
            configuration names, in their units, tower by tower in date order
        support : the same with the targets and nee_qc, optional, for models that read labelled days

        Returns
        -------
        DataFrame [N], site_id, date, gpp, reco, nee [gC m-2 d-1]

        Raises
        ------
        ImportError : the package `carbonbench`, which scales inputs and cuts windows, is not installed
        """
        # In a try block, or transformers would want the package for the layers alone.
        try:
            from carbonbench_baselines import from_network
        except ImportError as error:
            raise ImportError(
                "Raw site-days are scaled and cut into windows by the package carbonbench. "
                "Install it with: pip install carbonbench"
            ) from error
        return from_network(self).predict(data, support)
