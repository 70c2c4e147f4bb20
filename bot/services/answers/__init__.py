"""One question being answered: attempt, what is shown live, completion."""
