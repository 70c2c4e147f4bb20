"""The cluster as it is observed: monitor, recorder, node names, leadership."""
