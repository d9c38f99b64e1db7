"""Which live value stands for which stand-in."""

from __future__ import annotations

from replaykit.matching.bindings import Bindings
from replaykit.sanitizer.masking import Finding


def _emails(*texts: str) -> list[Finding]:
    return [Finding("email", text) for text in texts]


def test_values_are_bound_one_to_one_for_the_whole_run() -> None:
    bindings = Bindings(has_key=False)

    assert bindings.bind(_emails("r1", "r2"), _emails("l1", "l2")) is None
    assert bindings.bind(_emails("r2"), _emails("l2")) is None


def test_a_second_live_value_for_a_stand_in_is_refused() -> None:
    bindings = Bindings(has_key=False)
    bindings.bind(_emails("r1"), _emails("l1"))

    assert bindings.bind(_emails("r1"), _emails("l2")) == "email"


def test_a_second_stand_in_for_a_live_value_is_refused() -> None:
    bindings = Bindings(has_key=False)
    bindings.bind(_emails("r1"), _emails("l1"))

    assert bindings.bind(_emails("r2"), _emails("l1")) == "email"


def test_what_is_taken_on_trust_is_counted_by_kind() -> None:
    bindings = Bindings(has_key=False)
    bindings.bind([*_emails("r1", "r2"), Finding("phone", "p1")], [*_emails("l1", "r2"), Finding("phone", "p2")])

    assert bindings.assumed == {"email": 1, "phone": 1}


def test_strictly_nothing_is_taken_on_trust() -> None:
    bindings = Bindings(has_key=False, is_strict=True)

    assert bindings.bind(_emails("same"), _emails("same")) is None
    assert bindings.bind(_emails("r1"), _emails("l1")) == "email"


def test_with_the_projects_key_another_stand_in_is_another_value() -> None:
    bindings = Bindings(has_key=True)

    assert bindings.bind(_emails("same"), _emails("same")) is None
    assert bindings.bind(_emails("r1"), _emails("l1")) == "email"
    assert bindings.assumed == {}


def test_secrets_of_the_environment_are_known_by_their_variable() -> None:
    """A key that was changed since is still the key; nothing is assumed and nothing refused."""
    bindings = Bindings(has_key=True)

    assert bindings.bind([Finding("env", "old")], [Finding("env", "new")]) is None
    assert bindings.assumed == {}
