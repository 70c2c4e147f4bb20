"""Pure queue policy: request states, limits, capacity, fairness, estimates; the port to its store."""
