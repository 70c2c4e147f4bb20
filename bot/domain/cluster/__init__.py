"""The cluster over time: events, problems, history, model switches, boards and nodes."""
