"""Child processes: what reads other people's files or needs heavy libraries, bounded in number, memory and time."""
