"""The promises of the API, held against any base URL over real HTTP: what `klingmock check server` runs.

An independent reading of the document. It knows nothing of the server: `paper` reads the document, `stage` gives accounts,
time, a budget and lives to look at, `promises/` judges, `report` tells. Only with `--control` does it speak to a double's
control plane, to make accounts of its own and to move their clocks.
"""
