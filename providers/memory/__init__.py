"""The reference provider: a cloud in a dictionary.

The shortest thing that obeys every law of ``coldferry.ports``, and the first
to read before writing a provider. Tests use it; nobody's machine lives here.
"""
