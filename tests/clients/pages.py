"""What every client checks: the files below a folder, and the forms its pages show."""

import random
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

FIELDS = [
    ("firstname", "<script>alert(1)</script>"),
    ("firstname", "Zoë & \"Ada\" 'Λ' 🪡 + 100%"),
    ("</dd><b>name", "two\r\nlines"),
    ("empty", ""),
]


def files(root):
    """Each file below `root` as (path of its URL, content)."""
    for path in sorted(Path(root).rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            yield "/" + quote(name.as_posix()), path.read_bytes()


def folders(root):
    """Each folder below `root` that has an index, as the path of its URL without the last slash."""
    for path in sorted(Path(root).rglob("index.html")):
        if path.parent != Path(root):
            yield "/" + quote(path.parent.relative_to(root).as_posix()), path.read_bytes()


def is_page(path):
    return path.endswith(".html")


class Shown(HTMLParser):
    """The terms and descriptions of the first `dl.form`, and the names of all elements in it."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.fields, self.elements = [], set()
        self.inside = self.text = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag == "dl" and "form" in dict(attributes).get("class", "").split():
            self.inside = True
        if self.inside:
            self.elements.add(tag)
        if self.inside and tag in ("dt", "dd"):
            self.text = ""

    def handle_data(self, text):
        if self.text is not None:
            self.text += text

    def handle_endtag(self, tag):
        if tag == "dl":
            self.inside = False
        elif tag in ("dt", "dd") and self.text is not None:
            self.fields.append((tag, self.text))
            self.text = None


def check_shown(page, reply):
    """`reply` is `page` with FIELDS in it, as text and nothing else."""
    marker = b"<!-- form -->"
    before, _, after = page.partition(marker)
    assert reply.startswith(before), reply
    assert reply.endswith(after), reply
    shown = Shown(reply.decode())
    names = [text for kind, text in shown.fields if kind == "dt"]
    values = [text for kind, text in shown.fields if kind == "dd"]
    # HTML reads every line end as one line feed.
    wanted = [(name, value.replace("\r\n", "\n")) for name, value in FIELDS]
    found = [(name, value.replace("\r\n", "\n")) for name, value in zip(names, values, strict=True)]
    assert found == wanted, shown.fields
    assert shown.elements <= {"dl", "div", "dt", "dd"}, shown.elements


def pieces(content, seed):
    """`content` cut at random."""
    cut = random.Random(seed)
    while content:
        length = cut.randint(1, 40)
        yield content[:length]
        content = content[length:]
