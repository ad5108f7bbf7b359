"""Creates the tables, and the accounts of a JSON text on standard input: `groups`, `permissions` and `people`."""
import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup()

from django.apps import apps  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import Group, Permission  # noqa: E402
from django.core.management import call_command  # noqa: E402

call_command("migrate", run_syncdb=True, verbosity=0)
User = get_user_model()
has_own_models = User._meta.app_label == "users"


def permissions_of(codenames):
    found = []
    for codename in codenames:
        app, name = codename.split(".")
        found.append(Permission.objects.get(content_type__app_label=app, codename=name))
    return found


given = json.load(sys.stdin)
for group in given.get("groups", []):
    model = apps.get_model("users", "Group") if has_own_models else Group
    description = {"description": group["description"]} if has_own_models else {}
    created = model.objects.create(name=group["name"], **description)
    created.permissions.set(permissions_of(group.get("permissions", [])))

for person in given["people"]:
    groups = person.pop("groups", [])
    permissions = person.pop("permissions", [])
    code = person.pop("code", None)
    order = person.pop("order", None)
    hasher = person.pop("hasher", "default")
    password = person.pop("password", None)
    user = User(**person)
    user.password = make_password(password, hasher=hasher)
    user.save()
    user.groups.set(Group.objects.filter(name__in=groups))
    user.user_permissions.set(permissions_of(permissions))
    if code:
        apps.get_model("users", "OneTimePassword").objects.create(user=user, code=code)
    if order:
        apps.get_model("shop", "Order").objects.create(user=user, item=order)
