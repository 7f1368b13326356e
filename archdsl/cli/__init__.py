"""What is written behind `archdsl`, read with typer. What commands do is in `commands/`."""
