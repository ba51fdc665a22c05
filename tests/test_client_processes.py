"""A client used in several processes: after a fork, and in processes started afresh."""

import json
import multiprocessing
import os
import warnings

import pytest
from support.checked import (
    GROUPS,
    LOG,
    PERIOD,
    client_of,
    keys,
    practice,
)

import te_audit_frames as taf


@pytest.mark.full
def test_a_client_that_was_used_before_a_fork_keeps_its_answers_apart():
    with practice(LOG, latency=0.002) as api:
        client = client_of(api, workers=1)
        client.fetch_events(**PERIOD, aid="1")
        pipes = {}
        for aid in GROUPS * 2:
            reading, writing = os.pipe()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # other threads run: those of the server
                child = os.fork()
            if not child:
                try:
                    found = [sorted(client.fetch_events(**PERIOD, aid=aid)["uid"]) for _ in range(3)]
                    os.write(writing, json.dumps(found).encode())
                finally:
                    os._exit(0)
            os.close(writing)
            pipes[child] = (reading, aid)
        mine = client.fetch_events(**PERIOD, aid="2")
        for child, (reading, aid) in pipes.items():
            with os.fdopen(reading) as pipe:
                found = pipe.read()
            os.waitpid(child, 0)
            truth = sorted(one["uid"] for one in api.truth(**PERIOD, aid=aid))
            assert json.loads(found) == [truth] * 3
        assert keys(mine) == keys(api.truth(**PERIOD, aid="2"))


def count_in_a_process(url, token, aid, results):
    """Fetch in another process; at the top of the module, so that every way of starting one finds it."""
    events = taf.Client(token=token, base_url=url, progress=False).fetch_events(**PERIOD, aid=aid)
    results.put((aid, len(events)))


@pytest.mark.few(count=1)
@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.full
def test_clients_of_other_processes_fetch_as_well(method):
    context = multiprocessing.get_context(method)
    with practice(LOG) as api:
        results = context.Queue()
        children = [
            context.Process(target=count_in_a_process, args=(api.url, api.token, aid, results)) for aid in GROUPS
        ]
        for child in children:
            child.start()
        counts = dict(results.get(timeout=60) for _ in children)
        for child in children:
            child.join(60)
        assert counts == {aid: len(api.truth(**PERIOD, aid=aid)) for aid in GROUPS}
