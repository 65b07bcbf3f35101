"""One suite of laws, and each provider's page; a failed law shows both sides."""

import pytest

pytest.register_assert_rewrite("tests.conformance.laws")
