"""Discord-facing commands: parse, authorise, call one service, present."""
