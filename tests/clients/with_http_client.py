"""Python's http.client: with_http_client.py URL FOLDER"""

import http.client
import sys
from urllib.parse import urlencode, urljoin, urlsplit

import pages

url, root = sys.argv[1:]
host = urlsplit(url).netloc
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

connection = http.client.HTTPConnection(host, timeout=60)
connection.connect()
only = connection.sock


def ask(method, path, **rest):
    connection.request(method, path, **rest)
    reply = connection.getresponse()
    content = reply.read()
    assert connection.sock is only, f"{method} {path} closed the connection"
    return reply, content


for path, content in pages.files(root):
    reply, got = ask("GET", path)
    assert (reply.status, got) == (200, content), (path, reply.status)
    fields = reply.getheaders()
    reply, got = ask("HEAD", path)
    assert (reply.status, got) == (200, b""), path
    same = [field for field in reply.getheaders() if field[0] != "Date"]
    assert same == [field for field in fields if field[0] != "Date"], path

    form = urlencode(pages.FIELDS).encode()
    reply, got = ask("POST", path, body=form, headers=FORM)
    if pages.is_page(path):
        assert reply.status == 200, (path, reply.status)
        pages.check_shown(content, got)
        whole = got
        for seed in range(5):
            # A generator has no length, so that http.client sends chunks.
            reply, got = ask("POST", path, body=pages.pieces(form, seed), headers=FORM, encode_chunked=True)
            assert (reply.status, got) == (200, whole), (path, reply.status)
    else:
        assert reply.status == 405, (path, reply.status)
        assert "GET" in reply.getheader("Allow"), path

for path, content in pages.folders(root):
    reply, got = ask("GET", path)
    assert reply.status == 301, (path, reply.status)
    location = urljoin(f"http://a{path}", reply.getheader("Location"))
    assert location == f"http://a{path}/", path
    reply, got = ask("GET", path + "/")
    assert (reply.status, got) == (200, content), path

reply, got = ask("GET", "/no/such/file")
assert reply.status == 404, reply.status
connection.close()
print("every file and page is right")
