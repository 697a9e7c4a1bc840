"""A site of Bottle: a form, and a file."""

import os

import bottle

app = bottle.Bottle()


@app.post("/form")
def form():
    return f"Hello, {bottle.request.forms.name}!"


@app.get("/file")
def file():
    return bottle.static_file(os.path.basename(__file__), root=os.path.dirname(os.path.abspath(__file__)))
