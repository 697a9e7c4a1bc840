"""Opens idle keep-alive connections to a server on this machine, and prints what each costs it.

idle.py PID PORT PATH COUNT: sends one request on each of COUNT connections, reads the reply, waits,
and prints by how many octets per connection the process PID has grown (private memory, from
smaps_rollup, after as many connections have come and gone before if the server keeps memory).
"""

import resource
import socket
import sys
import time


def private(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return sum(
            int(line.split()[1]) * 1024
            for line in rollup
            if line.startswith(("Private_Clean:", "Private_Dirty:"))
        )


def opened(port, path, count):
    request = f"GET {path} HTTP/1.1\r\nHost: idle\r\n\r\n".encode()
    sockets = []
    for number in range(count):
        # A source address has some 28,000 ports, and those used with another server rest for a minute.
        address = (f"127.0.{1 + port % 250}.{2 + number // 20000}", 0)
        connection = socket.create_connection(("127.0.0.1", port), 10, address)
        connection.sendall(request)
        reply = b""
        while b"\r\n\r\n" not in reply:
            piece = connection.recv(65536)
            if not piece:
                raise SystemExit("the server closes the connection")
            reply += piece
        sockets.append(connection)
    return sockets


def main():
    pid, port, path, count = sys.argv[1:]
    port, count = int(port), int(count)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 100:
        raise SystemExit(f"{count} connections need a higher limit on open files (ulimit -n)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, hard))
    # What the first requests take is not of the connections.
    for connection in opened(port, path, 50):
        connection.close()
    time.sleep(0.5)
    before = private(pid)
    connections = opened(port, path, count)
    time.sleep(2)
    print(round((private(pid) - before) / len(connections)))


main()
