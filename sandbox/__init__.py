"""A Discord and a Parallax that run on this machine, over their real protocols."""
