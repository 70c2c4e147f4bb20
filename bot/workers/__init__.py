"""Child processes for files and charts, bounded in number, memory and time."""
