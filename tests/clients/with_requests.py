"""requests, with one Session: with_requests.py URL FOLDER"""

import sys
from urllib.parse import urljoin

import pages
import requests

url, root = sys.argv[1:]

with requests.Session() as session:
    session.trust_env = False

    def ask(method, path, **rest):
        return session.request(method, urljoin(url, path), timeout=60, **rest)

    for path, content in pages.files(root):
        reply = ask("GET", path)
        assert (reply.status_code, reply.content) == (200, content), (path, reply)
        head = ask("HEAD", path)
        for name in ["Content-Length", "Content-Encoding", "ETag"]:
            assert head.headers.get(name) == reply.headers.get(name), (path, name)
        plain = ask("HEAD", path, headers={"Accept-Encoding": "identity"})
        assert plain.headers["Content-Length"] == str(len(content)), path

        with ask("GET", path, stream=True) as reply:
            assert b"".join(reply.iter_content(1000)) == content, path

        reply = ask("POST", path, data=pages.FIELDS)
        if pages.is_page(path):
            assert reply.status_code == 200, (path, reply)
            assert reply.headers["Content-Type"].lower() == "text/html; charset=utf-8", path
            assert reply.headers["Cache-Control"] == "no-store", path
            pages.check_shown(content, reply.content)
            files = ask("POST", path, files={"upload": b"three"})
            assert files.status_code == 200 and b"upload" in files.content, (path, files)
        else:
            assert reply.status_code == 405, (path, reply)

    for path, content in pages.folders(root):
        reply = ask("GET", path)
        assert [past.status_code for past in reply.history] == [301], path
        assert (reply.url, reply.content) == (urljoin(url, path + "/"), content), path

    reply = ask("POST", "/no/such/file", data=pages.FIELDS)
    assert reply.status_code == 404, reply
    pools = session.get_adapter(url).poolmanager.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1], "connections are not reused"

print("every file and page is right")
