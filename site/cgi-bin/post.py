#!/usr/bin/env python3
"""A form, and what was sent by it. Run by a server that was started with --cgi.

The module `cgi` is gone from Python 3.13; for a form it takes these few lines.
"""
import html
import os
import sys
from urllib.parse import parse_qsl

content = sys.stdin.buffer.read(int(os.environ.get("CONTENT_LENGTH") or 0))
fields = parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True)
shown = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>\n" for name, value in fields)

sys.stdout.reconfigure(encoding="utf-8")
print(f"""Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!DOCTYPE html>
<html lang="en">
<title>A form in Python – Thimble</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/style.css">
<main id="main">
<h1>A form in Python</h1>
<dl class="try">
{shown}</dl>
<form method="post">
<p><label for="firstname">First name</label>
<input id="firstname" name="firstname"></p>
<p><label for="message">Message</label>
<textarea id="message" name="message" rows="3"></textarea></p>
<p><button type="submit">Send</button></p>
</form>
<p><a class="back" href="/">Back</a></p>
</main>
</html>""")
