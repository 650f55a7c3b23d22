"""Run as `python -m crackscan`."""

from crackscan.cli import main

if __name__ == "__main__":
    main()
