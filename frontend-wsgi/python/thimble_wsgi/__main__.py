"""`python -m thimble_wsgi` is the command `thimble-wsgi`."""

from .command import main

if __name__ == "__main__":
    main()
