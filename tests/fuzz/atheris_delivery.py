"""delivery under atheris; see tests/fuzz/atheris_run.py."""

from tests.fuzz.atheris_run import run

if __name__ == "__main__":
    run("delivery")
