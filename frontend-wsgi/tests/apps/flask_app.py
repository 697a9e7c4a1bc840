"""A site of Flask: a session, a form, a stream, an upload, a file."""

import hashlib

from flask import Flask, Response, redirect, request, send_file, session, stream_with_context

app = Flask(__name__)
app.secret_key = "of the tests"


@app.get("/")
def hello():
    return "Hello, World!"


@app.post("/login")
def login():
    session["name"] = request.form["name"]
    return redirect("/me")


@app.get("/me")
def me():
    return session.get("name", "nobody")


@app.post("/upload")
def upload():
    file = request.files["file"]
    content = file.read()
    return {"name": file.filename, "length": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@app.post("/json")
def json():
    return {"got": request.get_json()}


@app.post("/raw")
def raw():
    return str(len(request.get_data()))


@app.get("/stream")
def stream():
    def blocks():
        for number in range(5):
            yield f"{request.args['word']}{number}\n"

    return Response(stream_with_context(blocks()), mimetype="text/plain")


@app.get("/file")
def file():
    return send_file(__file__, mimetype="text/plain", conditional=True)


@app.get("/fails")
def fails():
    raise ValueError("as the test asks")


def make():
    return app


class Watched:
    """An application that is an object."""

    app = app
