"""The command line: every magic as a command, runs of scripts and notebooks, and the install."""
