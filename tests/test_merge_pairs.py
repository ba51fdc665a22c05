"""Which rows of two readings are the same event. Whole merges are in `test_merge.py`."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from support.examples import examples
from support.frames import rows, table

from te_audit_frames.merge_keys import KeyColumns
from te_audit_frames.merge_pairs import Pairing
from te_audit_frames.schema import ARROW_SCHEMA


def pair(archived, fetched, visible=None):
    tables = [
        part if isinstance(part, pa.Table) else pa.Table.from_pylist(part, ARROW_SCHEMA) for part in (archived, fetched)
    ]
    pairing = Pairing(KeyColumns(pa.concat_tables(tables)), tables[0].num_rows)
    pairing.pair_exact()
    exact = pairing.count
    if pairing.has_rest:
        pairing.pair_classes(visible)
    return pairing, exact


def test_equal_rows_pair_the_first_with_the_first():
    pairing, exact = pair([{"user": "a"}, {"user": "a"}], [{"user": "a"}, {"user": "b"}])
    assert exact == 1
    assert pairing.partner.tolist() == [2, -1, 0, -1]
    assert repr(pairing) == "Pairing(1 pair of 2 archived and 2 fetched rows)"


def test_rows_of_one_class_pair_though_their_address_differs():
    pairing, exact = pair([{"user": "a", "ip_address": "1"}], [{"user": "a", "ip_address": "2"}])
    assert (exact, pairing.count) == (0, 1)


def test_the_row_that_is_most_alike_is_preferred():
    archived = [{"user": "a", "ip_address": "1", "resources": [{"name": "x"}]}]
    fetched = [
        {"user": "a", "ip_address": "2", "resources": [{"name": "y"}]},
        {"user": "a", "ip_address": "1", "resources": [{"name": "y"}]},
        {"user": "a", "ip_address": "2", "resources": [{"name": "x"}]},
    ]
    assert pair(archived, fetched)[0].partner[0] == 3
    assert pair(archived, fetched[:2])[0].partner[0] == 2
    assert pair(archived, fetched[:1])[0].partner[0] == 1


def test_rows_that_could_not_be_seen_pair_only_if_they_are_equal():
    archived = [{"user": "a", "ip_address": "1"}]
    assert pair(archived, [{"user": "a", "ip_address": "2"}], np.array([False]))[0].count == 0
    assert pair(archived, archived, np.array([False]))[0].count == 1


def test_two_names_with_different_ids_do_not_pair():
    assert pair([{"uid": "1", "user": "a"}], [{"uid": "2", "user": "a"}])[0].count == 0
    assert pair([{"uid": "1", "user": "a"}], [{"user": "a"}])[0].count == 1
    assert pair([{"uid": "1", "user": "a"}], [{}])[0].count == 1


@given(rows(max_size=12), rows(max_size=12))
@settings(max_examples=examples(60), deadline=None)
def test_partners_are_mutual_and_of_the_other_reading(left, right):
    pairing, _ = pair(table(left), table(right))
    for row, partner in enumerate(pairing.partner.tolist()):
        if partner >= 0:
            assert pairing.partner[partner] == row
            assert (row < len(left)) != (partner < len(left))


@given(rows(max_size=12), rows(max_size=12))
@settings(max_examples=examples(60), deadline=None)
def test_the_number_of_pairs_does_not_depend_on_which_reading_is_archived(left, right):
    assert pair(table(left), table(right))[0].count == pair(table(right), table(left))[0].count
