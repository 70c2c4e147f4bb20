"""An answer's Markdown, as it streams in, to pages that fit Discord. Pure."""
