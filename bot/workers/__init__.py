"""Child processes for heavy libraries and foreign files, bounded in number, memory and time."""
