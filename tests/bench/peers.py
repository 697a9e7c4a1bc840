"""The servers that tests/bench/run compares: how each is started, and what it can do.

Peers are set up for speed: no log, no limit on requests, opened files kept where they can be.
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300; sendfile on;
  open_file_cache max=1000; open_file_cache_valid 1s; default_type application/octet-stream;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} backlog=4096; root {root};
    location = /plain {{ default_type text/plain; return 200 "Hello, World!"; }}
  }}
}}
"""
H2O = """
num-threads: 1
max-connections: 20000
http1-request-timeout: 300
error-log: /dev/null
listen: {{ host: 127.0.0.1, port: {port} }}
hosts: {{ default: {{ paths: {{ /: {{ file.dir: {root} }} }} }} }}
"""
LIGHTTPD = """
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.max-fds = 40000
server.max-connections = 20000
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 300
mimetype.assign = ( "" => "application/octet-stream" )
"""
# Name, Debian package, configuration, and how to name it to the command.
INSTALLED = {
    "nginx": ("nginx-light", NGINX, ["-c"]),
    "h2o": ("h2o", H2O, ["-c"]),
    "lighttpd": ("lighttpd", LIGHTTPD, ["-D", "-f"]),
}
# Package, example, and further arguments.
BUILT = {
    "tokio": ("thimble-tokio", "bench"),
    "std": ("thimble-std", "bench"),
    "event-loop": ("thimble-std", "bench", "--event-loop"),
    "floor": ("thimble-tests", "floor"),
    "hyper": ("thimble-tests", "hyper"),
}
# Packages of their own, beside this file, and the program in each.
APART = {"may_minihttp": "minihttp"}
# Who closes when the client asks for it: may_minihttp goes on.
CLOSING = {*BUILT, *INSTALLED}
# What only those built here have, and what hyper and may_minihttp have none of.
OURS = ["tokio", "std", "event-loop"]
FORM, FILES = {*OURS, "floor", "hyper", *APART}, {*OURS, "floor", *INSTALLED}


def present():
    """The names of all servers that can be started here; says which can't."""
    for name, (package, *_) in INSTALLED.items():
        if not shutil.which(name):
            print(f"without {name}: install {package}", file=sys.stderr)
    return [*BUILT, *APART, *filter(shutil.which, INSTALLED)]


def versions(names):
    """What the peers among `names` call themselves."""
    found = []
    for name in filter(INSTALLED.get, names):
        said = subprocess.run([name, "-v"], capture_output=True, text=True)
        found.append(f"{name} {re.search(r'[0-9][0-9.]+', said.stdout + said.stderr)[0]}")
    return ", ".join(found)


def program(name, folder):
    """The program `name`; built, if it is one of this project."""
    command = ["cargo", "build", "--release", "--quiet"]
    if name in APART:
        example = APART[name]
        manifest = PROJECT / "tests/bench" / example / "Cargo.toml"
        command += ["--manifest-path", str(manifest), "--target-dir", str(PROJECT / "target")]
    elif name in BUILT:
        package, example, *_ = BUILT[name]
        command += ["--package", package, "--example", example]
    else:
        return name
    output = subprocess.run(
        [*command, "--message-format", "json"],
        cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    # Copied, since both examples `bench` are built at the same place.
    built = re.findall(rf'"executable":"([^"]+/{example})"', output.stdout)
    return shutil.copy(built[-1], folder / name)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server of the files in `root`, on one core; its own files are in `folder`."""

    def __init__(self, name, program, folder, root, core):
        self.name, self.port = name, free_port()
        if name in APART:
            command = [program, str(self.port)]
        elif name in BUILT:
            command = [program, str(self.port), str(root), *BUILT[name][2:]]
        else:
            _, config, flags = INSTALLED[name]
            file = folder / f"{name}.conf"
            file.write_text(config.format(folder=folder, root=root, port=self.port))
            command = [program, *flags, str(file)]
        self.process = subprocess.Popen(
            ["taskset", "-c", core, "chrt", "--batch", "0", *command],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(100):
            time.sleep(0.05)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
        raise SystemExit(f"{name} does not answer")

    def worker(self):
        """The process that serves: of nginx, the one child."""
        pid = self.process.pid
        if self.name != "nginx":
            return pid
        return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def spent(self):
        """Seconds of CPU time, in its own code and in the kernel, threads that have ended included."""
        with open(f"/proc/{self.worker()}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return [int(field) / os.sysconf("SC_CLK_TCK") for field in fields[11:13]]

    def stop(self):
        self.process.terminate()
        self.process.wait()
