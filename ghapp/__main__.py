"""`python -m ghapp`."""

from ghapp.cli import app

if __name__ == "__main__":
    app(prog_name="ghapp")
