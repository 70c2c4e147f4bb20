"""The queue at work: dispatch, gate, positions, heartbeat, expiry."""
