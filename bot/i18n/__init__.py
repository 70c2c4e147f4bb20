"""What people read, in five languages: the catalogue of sentences and the names of commands."""
