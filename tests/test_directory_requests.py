"""Requests for the lists of the directory: next links, failures, and lists without an end."""

import pytest
from support.directories import Directory, fetch, group, user
from support.rawserver import RawServer, client_of, whole

import te_audit_frames as taf


def test_next_links_are_followed():
    directory = Directory()
    people = [user(str(uid)) for uid in range(25)]

    def page(request):
        start = int(request.query.get("cursor", 0))
        links = {"next": {"href": f"/v7/users?cursor={start + 10}"}} if start + 10 < len(people) else {}
        return {"users": people[start : start + 10], "_links": links}

    directory["users"] = page
    users = fetch(directory, memberships=False)
    assert users["uid"].tolist() == [str(uid) for uid in range(25)]
    assert taf.directory_receipt(users).requests == 3


@pytest.mark.parametrize("href", ["/v7/users", "/v7/users?a=1"])
def test_next_links_that_lead_back_are_an_error(href):
    directory = Directory()
    directory["users"] = {"users": [user()], "_links": {"next": {"href": href}}}
    with pytest.raises(taf.PaginationError, match="page users: its next links do not end"):
        fetch(directory)


def test_next_links_to_elsewhere_are_not_followed():
    directory = Directory()
    with RawServer(lambda _: whole({})) as elsewhere:
        directory["users"] = {"users": [user()], "_links": {"next": {"href": f"{elsewhere.url}/v7/users"}}}
        with pytest.raises(taf.PaginationError, match="Nothing was sent there"):
            fetch(directory)
        assert not elsewhere.requests


def test_a_list_without_an_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("te_audit_frames.client.directory_requests._MOST_BYTES", 20_000)
    directory = Directory()

    def page(request):
        start = int(request.query.get("cursor", 0))
        return {"users": [user(str(start))], "_links": {"next": {"href": f"/v7/users?cursor={start + 1}"}}}

    directory["users"] = page
    with directory.serve() as server, pytest.raises(taf.PaginationError, match=r"page users: the answers .* take more"):
        client_of(server).fetch_users()
    assert len(server.requests) < 200


@pytest.mark.parametrize("links", [[], {"next": {}}, {"next": "here"}, {"next": {"href": ""}}, 5])
def test_next_links_without_an_address_are_an_error(links):
    directory = Directory()
    directory["users"] = {"users": [user()], "_links": links}
    with pytest.raises(taf.DecodeError, match="its link to the next page has no address"):
        fetch(directory)


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, taf.AuthenticationError), (404, taf.NotFound), (500, taf.ServerError), (400, taf.BadRequest)],
)
@pytest.mark.parametrize("path", ["users", "account-groups", "account-groups/2", "roles"])
def test_other_failures_are_errors(path, status, error):
    directory = Directory()
    directory[path] = status
    with directory.serve() as server, pytest.raises(error, match=f"page {path}: the API answered {status}"):
        client_of(server, retries=1).fetch_users()


def test_a_failure_that_passes_is_tried_again():
    directory = Directory()
    right = directory.answers["account-groups/2"]
    answers = iter([503, b'{"users": [', right])
    directory["account-groups/2"] = lambda _: next(answers)
    users = fetch(directory)
    assert taf.directory_receipt(users).retries == 2
    assert taf.directory_receipt(users).complete


def test_a_failure_ends_the_other_requests_too():
    groups = [group(str(number)) for number in range(1, 200)]
    directory = Directory()
    directory["account-groups"] = {"accountGroups": groups}
    for each in groups:
        directory[f"account-groups/{each['aid']}"] = 401 if each["aid"] == "3" else directory.members(each["aid"])
    with directory.serve() as server, pytest.raises(taf.AuthenticationError):
        client_of(server, workers=2).fetch_users()
    assert len(server.requests) < 100
