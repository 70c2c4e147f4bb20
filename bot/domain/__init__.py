"""Pure rules and types: no I/O, no Discord; time comes in as an argument."""
