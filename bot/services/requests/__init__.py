"""What people do with questions: ask, repeat, continue, stop, look at, erase."""
