"""Verifies tokens with a Python library: `verify.py <library>`, a case as JSON on standard input, results as JSON."""
import json
import sys
import urllib.request


def pyjwt(case):
    import jwt

    client = jwt.PyJWKClient(case["jwksUri"])

    def verify(token):
        key = client.get_signing_key_from_jwt(token).key
        return jwt.decode(
            token,
            key,
            algorithms=case["algorithms"],
            issuer=case["issuer"],
            audience=case["audience"],
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    return verify


def python_jose(case):
    from jose import jwt

    with urllib.request.urlopen(case["jwksUri"]) as response:
        keys = {key["kid"]: key for key in json.load(response)["keys"]}

    def verify(token):
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return jwt.decode(
            token,
            key,
            algorithms=case["algorithms"],
            issuer=case["issuer"],
            audience=case["audience"],
        )

    return verify


def authlib(case):
    from authlib.jose import JsonWebKey, JsonWebToken

    with urllib.request.urlopen(case["jwksUri"]) as response:
        keys = JsonWebKey.import_key_set(json.load(response))
    required = {
        "iss": {"essential": True, "value": case["issuer"]},
        "aud": {"essential": True, "value": case["audience"]},
        "exp": {"essential": True},
    }

    def verify(token):
        claims = JsonWebToken(case["algorithms"]).decode(token, keys, claims_options=required)
        claims.validate()
        return claims

    return verify


def simplejwt(case):
    import django
    from django.conf import settings

    (algorithm,) = case["algorithms"]
    settings.configure(
        ROOT_URLCONF=__name__,
        SECRET_KEY="of Django, not of the tokens",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
        SIMPLE_JWT={
            "ALGORITHM": algorithm,
            "JWK_URL": case["jwksUri"],
            "ISSUER": case["issuer"],
            "AUDIENCE": case["audience"],
            "USER_ID_CLAIM": "sub",
            "TOKEN_TYPE_CLAIM": None,
        },
    )
    django.setup()
    from rest_framework.permissions import IsAuthenticated
    from rest_framework.response import Response
    from rest_framework.test import APIRequestFactory
    from rest_framework.views import APIView
    from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication

    class Profile(APIView):
        authentication_classes = [JWTStatelessUserAuthentication]
        permission_classes = [IsAuthenticated]

        def get(self, request):
            return Response({"sub": request.user.id})

    def verify(token):
        request = APIRequestFactory().get("/", HTTP_AUTHORIZATION="Bearer " + token)
        response = Profile.as_view()(request)
        if response.status_code != 200:
            raise ValueError(str(response.status_code))
        return response.data

    return verify


libraries = {
    "PyJWT": pyjwt,
    "python-jose": python_jose,
    "Authlib": authlib,
    "simplejwt": simplejwt,
}


def main():
    case = json.load(sys.stdin)
    verify = libraries[sys.argv[1]](case)

    def result(token):
        try:
            return {"userId": str(verify(token)["sub"])}
        except Exception as error:
            return {"refusal": type(error).__name__ + ": " + str(error)}

    json.dump([result(token) for token in case["tokens"]], sys.stdout)


main()
