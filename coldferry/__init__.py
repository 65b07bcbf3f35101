"""The domain: what a machine is, how it is translated, copied and proven.

Knows neither Prefect nor any cloud's SDK. Start with ``machine`` (what is
moved), ``ports`` (what a provider must do) and ``translation`` (what a person
is asked).
"""
