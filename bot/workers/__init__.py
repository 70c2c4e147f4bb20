"""Child processes for large libraries and untrusted files, bounded in number, memory and time."""
