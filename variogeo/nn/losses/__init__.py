"""The losses: whole in `_weighted`, some rows at a time in `_chunked` with the closed forms of `_row_gradients`."""
