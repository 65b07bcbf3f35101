"""What stops a benchmark: each says what happened and what to do now."""


class BenchmarkError(Exception):
    """A sentence, and another that says what to do."""

    def __init__(self, what: str, do: str) -> None:
        super().__init__(f"{what} {do}")
        self.what, self.do = what, do


class Missing(BenchmarkError):
    """A program that is needed here is not installed."""


class Misfit(BenchmarkError):
    """A command failed, or what it left or said is not what it should be."""
