"""The commands: one module for each, and the modules of options, exit codes and the console they share."""
