"""The admin, a form, and views for the server to be tested with."""

from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

import bare


def form(request):
    if request.method == "POST":
        return HttpResponse(f"Hello, {request.POST['name']}!")
    return HttpResponse(f"<input name=csrfmiddlewaretoken value={get_token(request)}>")


@csrf_exempt
def posted(request):
    files = {name: len(file.read()) for name, file in request.FILES.items()}
    return HttpResponse(f"{dict(request.POST)} {files} {len(request.body) if not files else ''}")


def users(request):
    """How many users there are, and which connection said so."""
    return HttpResponse(f"{User.objects.count()} {id(connection.connection)}")


urlpatterns = [
    path("admin/", admin.site.urls),
    path("form", form),
    path("posted", posted),
    path("users", users),
    path("stream", lambda request: StreamingHttpResponse(str(number) for number in range(5))),
    path("file", lambda request: FileResponse(open(bare.FILE, "rb"))),
]
