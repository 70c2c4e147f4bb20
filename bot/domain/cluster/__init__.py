"""What the cluster did and what it was told to do: events, problems, history, model switches."""
