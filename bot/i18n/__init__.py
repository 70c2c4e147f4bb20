"""Translations: the catalogue of sentences and the names of commands, in five languages."""
