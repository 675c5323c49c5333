"""`python -m mockserver` is `klingmock`."""

from mockserver.cli import main

main(prog_name="klingmock")
