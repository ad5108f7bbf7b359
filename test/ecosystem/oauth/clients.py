"""Uses the OAuth endpoints with the library of the argument, and prints what the test compares as JSON."""
import json
import os
import sys

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
settings = json.load(sys.stdin)
issuer, client_id, secret = settings["issuer"], settings["clientId"], settings["secret"]
token_url = issuer + "/oauth/token"
scope = "shop.view_order"


def with_requests_oauthlib():
    from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient
    from requests_oauthlib import OAuth2Session

    session = OAuth2Session(client=BackendApplicationClient(client_id=client_id, scope=[scope]))
    granted = session.fetch_token(token_url=token_url, client_secret=secret)
    own = OAuth2Session(client=LegacyApplicationClient(client_id="gatehouse"))
    refreshed = own.refresh_token(
        token_url, refresh_token=settings["refreshToken"], client_id="gatehouse"
    )
    return granted, refreshed


def with_authlib():
    from authlib.integrations.requests_client import OAuth2Session

    session = OAuth2Session(client_id, secret, scope=scope)
    granted = session.fetch_token(token_url, grant_type="client_credentials")
    introspection_url = issuer + "/oauth/introspect"
    state = session.introspect_token(introspection_url, token=granted["access_token"]).json()
    assert state["active"] and state["scope"] == scope, state
    own = OAuth2Session("gatehouse", token_endpoint_auth_method="none")
    refreshed = own.refresh_token(token_url, refresh_token=settings["refreshToken"])
    return granted, refreshed


libraries = {"requests-oauthlib": with_requests_oauthlib, "Authlib": with_authlib}
granted, refreshed = libraries[sys.argv[1]]()
print(json.dumps({"granted": granted, "refreshed": refreshed}))
