"""`python -m perpmaker`: the same program as the installed command."""

from perpmaker.cli.main import main

if __name__ == "__main__":
    main()
