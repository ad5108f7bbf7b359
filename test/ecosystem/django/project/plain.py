"""A project with the user model of Django itself: login by username, and addresses are optional."""
from .settings import *  # noqa: F403
from .settings import BASE_DIR, INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in ("users", "shop")]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "plain.sqlite3"}}
AUTH_USER_MODEL = "auth.User"
