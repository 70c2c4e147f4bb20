"""Pure queue policy: request states, admission, capacity, fairness, leases; the port to its store."""
