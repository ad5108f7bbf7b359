"""Requests a view of Django with a token: `django_request.py <settings.py>`, the token on standard input."""
import runpy
import sys

import django
from django.conf import settings

documented = runpy.run_path(sys.argv[1])
settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="of Django, not of the tokens",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    **{name: value for name, value in documented.items() if name.isupper()},
)
django.setup()

from rest_framework.response import Response  # noqa: E402
from rest_framework.test import APIRequestFactory  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Profile(APIView):
    def get(self, request):
        return Response(request.user.id)


request = APIRequestFactory().get("/", HTTP_AUTHORIZATION="Bearer " + sys.stdin.read().strip())
response = Profile.as_view()(request)
print(response.data if response.status_code == 200 else response.status_code)
