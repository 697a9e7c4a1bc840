"""What the servers are compared by: a bare callable, and two pages of Flask."""

from flask import Flask, request

flask = Flask(__name__)


def bare(environ, start_response):
    fields = [("Content-Type", "text/plain"), ("Content-Length", "13")]
    start_response("200 OK", fields)
    return [b"Hello, World!"]


@flask.get("/")
def hello():
    return "Hello, World!"


@flask.post("/form")
def form():
    return f"Hello, {request.form['name']} of {request.form['city']}!"
