"""
Brings the accounts of Django to the state of an export of Gatehouse. Save it as management/commands/import_gatehouse.py of an
application: npx gatehouse export users --with-password-hashes | python manage.py import_gatehouse /dev/stdin

It writes users without save() and its signals, because dj-auth mails a notice at every save. A second run changes nothing.
docs/migrating-from-django.md describes its use.
"""
import json
from contextlib import suppress

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import BaseCommand
from django.db import DatabaseError, transaction
from django.utils.dateparse import parse_datetime

User = get_user_model()


def field_of(*names):
    """The first field that the user model has."""
    for name in names:
        with suppress(FieldDoesNotExist):
            return User._meta.get_field(name)
    return None


def canonical(email):
    """The address in the form of Gatehouse: lower case, with an ASCII domain."""
    name, _, domain = email.lower().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii")
    return f"{name}@{domain}"


def password_of(person, user):
    """The hash in the notation of Django; an unusable one if Django cannot verify it."""
    stored = person.get("passwordHash") or ""
    if stored.startswith("$argon2"):
        return f"argon2{stored}"
    if stored and user and str(user.pk) == person.get("externalId"):
        # The hash of Django, because nobody has used or changed the password at Gatehouse since the import.
        return user.password
    if stored.startswith(("$2a$", "$2b$", "$2y$")):
        return f"bcrypt${stored}"
    if stored.startswith(("argon2$", "bcrypt$", "bcrypt_sha256$", "pbkdf2_sha", "scrypt$")):
        return stored
    if user and user.password.startswith(UNUSABLE_PASSWORD_PREFIX):
        return user.password
    return make_password(None)


class Command(BaseCommand):
    help = "Brings the accounts to the state of an export of Gatehouse."

    def add_arguments(self, parser):
        parser.add_argument("file")
        parser.add_argument("--dry-run", action="store_true", help="change nothing")

    def handle(self, *args, **options):
        counts = {"created": 0, "changed": 0, "unchanged": 0, "refused": 0}
        permissions = Permission.objects.select_related("content_type")
        self.permissions = {f"{each.content_type.app_label}.{each.codename}": each for each in permissions}
        users = list(User.objects.prefetch_related("groups", "user_permissions"))
        self.by_id = {str(user.pk): user for user in users}
        self.by_email = {canonical(user.email): user for user in users if user.email}
        seen = set()
        with transaction.atomic(), open(options["file"], encoding="utf-8") as file:
            for person in map(json.loads, file):
                user = self.find(person)
                seen.add(user and user.pk)
                try:
                    with transaction.atomic():
                        counts[self.move(person, user)] += 1
                except DatabaseError as error:
                    counts["refused"] += 1
                    self.report(person["email"], f"refused: {error}")
            transaction.set_rollback(options["dry_run"])
        for user in users:
            if user.pk not in seen:
                self.report(user.email or user.pk, "is not in the export and stays as it is")
        self.stdout.write(json.dumps(counts))

    def report(self, email, text):
        self.stderr.write(f"{email}: {text}")

    def find(self, person):
        return self.by_id.get(person.get("externalId")) or self.by_email.get(canonical(person["email"]))

    def move(self, person, user):
        values = self.values_of(person, user)
        if user is None:
            created_at = field_of("date_joined", "created_at")
            User.objects.bulk_create([User(**values)])
            created = User.objects.filter(email=values["email"])
            if created_at and person.get("createdAt"):
                created.update(**{created_at.name: parse_datetime(person["createdAt"])})
            self.set_grants(person, created.get())
            return "created"
        changes = {name: value for name, value in values.items() if getattr(user, name) != value}
        if changes:
            User.objects.filter(pk=user.pk).update(**changes)
        return "changed" if self.set_grants(person, user) or changes else "unchanged"

    def values_of(self, person, user):
        email = person["email"]
        is_same_address = user and canonical(user.email) == canonical(email)
        values = {
            "email": user.email if is_same_address else email,
            "first_name": person.get("firstName") or "",
            "last_name": person.get("lastName") or "",
            "is_active": person["status"] == "ACTIVE",
            "is_staff": person["isStaff"],
            "is_superuser": person["isSuperuser"],
            "password": password_of(person, user),
        }
        if values["password"].startswith(UNUSABLE_PASSWORD_PREFIX):
            self.report(email, "has no password that Django can verify")
        if person.get("lastLoginAt"):
            values["last_login"] = parse_datetime(person["lastLoginAt"])
        username = field_of("username")
        if username:
            # Gatehouse leaves out a username with spaces, which is still good at Django.
            other = user.username if user else None if username.null else email
            values["username"] = person.get("username") or other
        return {name: value for name, value in values.items() if field_of(name)}

    def set_grants(self, person, user):
        """Whether something changed."""
        listed = person.get("groups") or []
        wanted = {group for group in listed if isinstance(group, str)}
        current = {group.name for group in user.groups.all()}
        for group in listed:
            if not isinstance(group, str) and group["name"] in current:
                wanted.add(group["name"])
            elif not isinstance(group, str):
                self.report(person["email"], f"membership in {group['name']} has an end, which Django does not have")
        if not Group.objects.filter(name="Root").exists():
            wanted.discard("Root")  # the superusers of Gatehouse
        if wanted != current:
            user.groups.set([Group.objects.get_or_create(name=name)[0] for name in sorted(wanted)])
        return self.set_permissions(person, user) or wanted != current

    def set_permissions(self, person, user):
        wanted = set(person.get("permissions") or [])
        for codename in sorted(wanted - self.permissions.keys()):
            self.report(person["email"], f"permission {codename} is not in Django")
        found = {self.permissions[codename].pk for codename in wanted & self.permissions.keys()}
        if found == {permission.pk for permission in user.user_permissions.all()}:
            return False
        user.user_permissions.set(found)
        return True
