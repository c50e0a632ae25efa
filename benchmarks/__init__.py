"""Measurements, each as a ratio or difference to the bare parts in the same run."""
