"""Runs an image that is mounted as a folder, as a platform would: `run.py IMAGE.json FOLDER`.

As the user of the image, on a read-only root, with a volume at /data and the image's own health
check. IMAGE.json: as `buildah inspect --type image` prints it. Needs root.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_SECONDS = 60.0
# A namespace of mounts of its own: what is mounted here ends with the process.
INSIDE = """
mount --bind "$0" "$0"
mount --options remount,bind,ro "$0"
mount --types tmpfs --options "mode=0700,uid=${1%:*},gid=${1#*:}" tmpfs "$0/data"
user=$1; root=$0; shift
exec /usr/sbin/chroot --userspec="$user" --groups= "$root" "$@"
"""


def main(image: Path, root: Path) -> int:
    config = json.loads(image.read_text())["Docker"]["config"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    environment = dict(one.split("=", 1) for one in config["Env"])
    environment |= {"PORT": port, "HOST": "127.0.0.1", "GHAPP_APP_ID": "1"}
    environment |= {"GHAPP_PRIVATE_KEY": key(), "GHAPP_WEBHOOK_SECRET": "any"}
    environment |= {"GHAPP_GITHUB_API_URL": "http://127.0.0.1:9"}  # nobody listens there
    prefix = ["unshare", "--mount", "bash", "-euc", INSIDE, str(root), config["User"]]

    def run(*command: str) -> subprocess.CompletedProcess[bytes]:
        whole = [*prefix, *command]
        return subprocess.run(whole, env=environment, capture_output=True, check=False)

    written = run("python", "-c", "open('/opt/x', 'w')")
    assert b"Read-only file system" in written.stderr, written
    who = run("python", "-c", "import os; print(os.getuid(), os.getgroups())")
    assert who.stdout.split()[0] == config["User"].partition(":")[0].encode(), who
    print("it runs as", who.stdout.decode().strip(), "on a read-only root")

    check = config["Healthcheck"]["Test"][1:]
    assert run(*check).returncode == 1, "the health check passes although nothing runs"
    started = time.monotonic()
    server = subprocess.Popen(
        [*prefix, *config["Entrypoint"], *config["Cmd"]], env=environment, stderr=subprocess.PIPE
    )
    try:
        while run(*check).returncode:
            assert server.poll() is None, server.communicate()
            assert time.monotonic() - started < PATIENCE_SECONDS, "it does not get healthy"
            time.sleep(0.1)
        print(f"the health check passes after {time.monotonic() - started:.1f} s")
        server.send_signal(getattr(signal, config.get("StopSignal", "SIGTERM")))
        _, log = server.communicate(timeout=PATIENCE_SECONDS)
    finally:
        server.kill()
    assert server.returncode == 0, log.decode()
    assert log.splitlines()[-1].find(b'"stopped"') > 0, log.decode()
    print("SIGTERM ends it in order")
    return 0


def key() -> str:
    made = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True)
    return made.stdout.decode()


if __name__ == "__main__":
    os.chdir("/")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
