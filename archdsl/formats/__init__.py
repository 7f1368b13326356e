"""What `archdsl check` prints, a module for each format: results in, text out. Nothing here prints."""
