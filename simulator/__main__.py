"""The simulator's command line: `python -m simulator run|replay|burst|hostile`."""

import sys

from simulator.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
