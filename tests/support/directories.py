"""A directory written by hand, served over real sockets: what each endpoint answers, as plain Python."""

import json

from support.rawserver import RawServer, client_of, whole

ACCOUNT_TOKEN = "at-canary-93b1e7"  # what must get nowhere

ADMIN = {"name": "Account Admin", "roleId": "1", "isBuiltin": True, "hasManagementPermissions": True}
PLAIN = {"name": "Regular User", "roleId": "2", "isBuiltin": True, "hasManagementPermissions": False}


def user(uid="7", **fields):
    """A user as `/users` lists one."""
    return {
        "uid": uid,
        "name": f"User {uid}",
        "email": f"{uid}@example.com",
        "dateRegistered": "2025-01-05T10:00:00Z",
        "lastLogin": "2026-02-03T11:12:13Z",
        "loginAccountGroup": {"aid": "1", "accountGroupName": "One"},
    } | fields


def member(uid="7", *roles, **fields):
    """A user as an account group lists one."""
    known = {name: value for name, value in user(uid).items() if name != "loginAccountGroup"}
    return {**known, "roles": list(roles), **fields}


def group(aid="1", name="One", **fields):
    """An account group as `/account-groups` lists one."""
    return {
        "aid": aid,
        "accountGroupName": name,
        "isDefaultAccountGroup": aid == "1",
        "organizationName": "Org",
    } | fields


class Directory:
    """What each endpoint answers: a JSON value, bytes, or a status. A test changes what it is about."""

    def __init__(self):
        self.answers = {
            "users": {"users": [user("7"), user("8")]},
            "account-groups": {"accountGroups": [group("1", "One"), group("2", "Two")]},
            "account-groups/1": self.members("1", member("7", ADMIN, PLAIN), member("8", PLAIN)),
            "account-groups/2": self.members("2", member("8", PLAIN)),
            "roles": {"roles": [ADMIN, PLAIN]},
        }

    @staticmethod
    def members(aid, *members):
        return {"aid": aid, "users": list(members), "accountToken": ACCOUNT_TOKEN}

    def __setitem__(self, path, answer):
        self.answers[path] = answer

    def answer(self, request):
        found = self.answers[request.path.removeprefix("/v7/")]
        if callable(found):
            found = found(request)
        if isinstance(found, int):
            return whole({"title": "No", "status": found}, status=found)
        return whole(found if isinstance(found, bytes) else json.dumps(found).encode())

    def serve(self):
        return RawServer(self.answer)


def fetch(directory, **how):
    """Serve a directory, and fetch its people."""
    with directory.serve() as server:
        return client_of(server).fetch_users(**how)


def row(users, uid):
    """Return the row of a person."""
    return users.set_index("uid").loc[uid]


def roles_of(users, uid):
    """Return the roles of a person by account group."""
    memberships = row(users, uid)["memberships"]
    return {each["aid"]: each["roles"] for each in memberships}
