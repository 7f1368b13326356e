"""A network drawn: what is drawn (`picture.py`), where (`layout.py`), and as which text; it needs no torch."""
