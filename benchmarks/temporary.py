"""What a process and those it starts leave in the folder for temporary files: gone when it ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Its input ends with the process that holds it, also when that is killed; what that had started
# has a little time to end, too.
_REMOVE = 'cat; sleep 2; rm -rf "$0"'


@contextmanager
def temporary() -> Iterator[Path]:
    """While inside, whatever `tempfile` makes is made in this folder, which goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="ghapp-temporary-"))
    folder.chmod(0o711)  # root runs PostgreSQL as another user
    before = os.environ.get("TMPDIR")
    remover = subprocess.Popen(
        ["/bin/sh", "-c", _REMOVE, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # else Ctrl-C, or the end of the terminal, is its end
    )
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), None
    try:
        yield folder
    finally:
        del os.environ["TMPDIR"]
        if before is not None:
            os.environ["TMPDIR"] = before
        tempfile.tempdir = None
        shutil.rmtree(folder, ignore_errors=True)
        remover.kill()
        remover.communicate()
