"""What each command does: arguments in, an exit code out. Nothing here needs typer."""
