"""A strict, named fake of the parts of Azure that Coldferry talks to.

Two TLS servers on loopback: one answers Azure Resource Manager calls of the
plain SDK (azure-mgmt-compute, azure-mgmt-network), the other fronts the page
blobs behind managed-disk SAS addresses, kept in Azurite.

What this does NOT prove, and only a run in a real subscription can:

* that Azure's own timing, throttling, capacity and regional rules are met;
* that a refusal of Azure carries the very code and words used here: the codes
  that are documented or quoted in public reports are used, others are ours
  (``InvalidVhd`` is, and so is most of the choice between 400 and 409);
* that an uploaded disk boots: a machine "runs" here as soon as it exists;
* anything of throughput, of disk encryption, of private endpoints, of Windows
  agents, or of extensions;
* what Azure counts as changed between two snapshots: Azurite ignores the question
  silently, so that the front compares the bytes itself (``page_diffs``);
* role assignments: actions are checked against one list of patterns, without
  scopes and without the ``join/action`` rights.

It is stricter than Azure where that costs a correct client nothing: enum
values are compared with their case, read-only properties in a request body
are refused (Azure ignores most), and an unknown resource type, action,
query option or API version is an error.
"""
