"""`python -m retort_operator`."""

from retort_operator.main import main

main()
