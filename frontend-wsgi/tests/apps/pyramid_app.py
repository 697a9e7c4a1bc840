"""A site of Pyramid: a form, and a static view."""

import os

from pyramid.config import Configurator
from pyramid.response import Response


def form(request):
    if request.method == "POST":
        return Response(f"Hello, {request.POST['name']}!")
    return Response("<form method=post><input name=name></form>")


with Configurator() as config:
    config.add_route("form", "/form")
    config.add_view(form, route_name="form")
    config.add_static_view("static", os.path.dirname(os.path.abspath(__file__)))
    app = config.make_wsgi_app()
