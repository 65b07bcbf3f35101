"""One step of the migration each: thin Prefect tasks over the domain and a provider."""
