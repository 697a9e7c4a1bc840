"""httpx, with one Client, and many requests at once: with_httpx.py URL FOLDER"""

import asyncio
import sys
from urllib.parse import urlencode

import httpx
import pages

url, root = sys.argv[1:]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
form = urlencode(pages.FIELDS).encode()

with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
    for path, content in pages.files(root):
        reply = client.get(path)
        assert (reply.status_code, reply.content) == (200, content), (path, reply)
        head = client.head(path)
        for name in ["content-length", "content-encoding", "etag"]:
            assert head.headers.get(name) == reply.headers.get(name), (path, name)

        reply = client.post(path, content=form, headers=FORM)
        if pages.is_page(path):
            assert reply.status_code == 200, (path, reply)
            pages.check_shown(content, reply.content)
            chunked = client.post(path, content=pages.pieces(form, path), headers=FORM)
            assert chunked.content == reply.content, path
        else:
            assert reply.status_code == 405, (path, reply)

    for path, content in pages.folders(root):
        reply = client.get(path, follow_redirects=True)
        assert [past.status_code for past in reply.history] == [301], path
        assert reply.content == content, path


async def together():
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as client:

        async def check(path, content):
            reply = await client.get(path)
            assert (reply.status_code, reply.content) == (200, content), (path, reply)

        await asyncio.gather(*(check(*file) for file in pages.files(root) for _ in range(20)))


asyncio.run(together())
print("every file and page is right")
