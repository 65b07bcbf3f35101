"""Manifests in a directory, in S3 (moto's) and in a blob container (Azurite's): one law for all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldferry.errors import BadInput, Conflict, Denied, ProviderError
from coldferry.manifest_bucket import CHUNK_BYTES, BucketFolder, BucketJournal
from coldferry.manifest_folder import Directory
from providers.aws.bucket import S3Bucket
from providers.azure.container import BlobContainer
from providers.manifests import VARIABLE, open_folder
from tests.conformance.buckets import a_blob_container, an_s3_bucket

OLD, NEW = b"a" * 100, b"b" * 50


@pytest.fixture(scope="module")
def s3():
    with an_s3_bucket() as found:
        yield found


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    with a_blob_container(tmp_path_factory.mktemp("azurite")) as found:
        yield found


@pytest.fixture(params=["s3", "container"])
def bucket(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["directory", "s3", "container"])
def folder(request, tmp_path):
    if request.param == "directory":
        return Directory(tmp_path)
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    return BucketFolder(request.getfixturevalue(request.param), f"of/{name}")


def kept(folder, device="disk0"):
    """All that another run would find."""
    journal = folder.open("web-01-a1", device)
    try:
        return journal.read(0, 1 << 20)
    finally:
        journal.close()


def test_what_was_synced_is_there_for_the_next_run(folder):
    journal = folder.open("web-01-a1", "disk0")
    journal.append(OLD)
    journal.sync()
    journal.append(NEW)
    journal.close()

    assert kept(folder) == OLD + NEW
    assert kept(folder, "disk1") == b""


def test_a_read_is_short_at_the_end_only(folder):
    journal = folder.open("web-01-a1", "disk0")
    journal.append(OLD + NEW)

    assert journal.read(90, 20) == b"a" * 10 + b"b" * 10
    assert journal.read(140, 100) == b"b" * 10
    assert journal.read(150, 1) == b""
    journal.close()


def test_what_is_cut_off_is_gone_and_it_grows_on_from_there(folder):
    journal = folder.open("web-01-a1", "disk0")
    journal.append(OLD)
    journal.sync()
    journal.truncate(10)
    journal.append(NEW)
    journal.close()

    assert kept(folder) == OLD[:10] + NEW


def test_a_migration_s_manifests_are_forgotten_and_no_other_s(folder):
    for migration in ("web-01-a1", "web-01-a10"):
        journal = folder.open(migration, "disk0")
        journal.append(OLD)
        journal.close()
    folder.forget("web-01-a1")
    folder.forget("web-01-a1")

    assert kept(folder) == b""
    other = folder.open("web-01-a10", "disk0")
    assert other.read(0, 200) == OLD
    other.close()


def test_a_second_run_cannot_take_anything_from_the_first(folder):
    first = folder.open("web-01-a1", "disk0")
    first.append(OLD)
    first.sync()
    with pytest.raises(Conflict) as refused:  # noqa: PT012 - some refuse at once, some at the write
        second = folder.open("web-01-a1", "disk0")
        first.append(NEW)
        first.sync()
        second.append(b"c")
        second.sync()
    first.close()

    assert "run the same command again" in refused.value.do
    assert kept(folder) in (OLD, OLD + NEW)


def test_two_runs_that_begin_a_manifest_do_not_both_have_it(bucket):
    first, second = (BucketJournal(bucket, "begun/twice") for _ in range(2))
    first.append(OLD)
    second.append(NEW)
    first.sync()
    with pytest.raises(Conflict):
        second.sync()

    assert BucketJournal(bucket, "begun/twice").read(0, 200) == OLD


def test_a_write_whose_answer_was_lost_is_no_other_run_s(bucket):
    journal = BucketJournal(bucket, "lost/answer")
    journal.append(OLD)
    assert bucket.put("lost/answer/00000000", OLD, None)  # as the lost one did
    journal.sync()
    journal.append(NEW)
    journal.sync()

    assert BucketJournal(bucket, "lost/answer").read(0, 200) == OLD + NEW


def test_a_large_one_is_many_objects_of_which_the_full_are_never_written_again(bucket):
    journal = BucketJournal(bucket, "large")
    journal.append(b"x" * (2 * CHUNK_BYTES + 5))
    journal.sync()
    before = [bucket.get(name).tag for name in bucket.list("large/")]
    journal.append(b"y" * 10)
    journal.sync()
    after = [bucket.get(name).tag for name in bucket.list("large/")]

    assert len(before) == len(after) == 3
    assert before[:2] == after[:2] and before[2] != after[2]


def test_what_stands_behind_a_gap_is_not_read(bucket):
    journal = BucketJournal(bucket, "gap")
    journal.append(b"x" * (3 * CHUNK_BYTES))
    bucket.delete("gap/00000001")

    assert len(BucketJournal(bucket, "gap").read(0, 4 * CHUNK_BYTES)) == CHUNK_BYTES


SIZES = st.sampled_from([1, 53, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), SIZES),
        st.tuples(st.just("truncate"), st.floats(0, 1)),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_it_holds_what_a_file_would_hold(s3, steps):
    BucketFolder(s3).forget("law")
    journal, model = BucketJournal(s3, "law/disk0"), bytearray()
    for turn, (step, said) in enumerate(steps):
        if step == "append":
            data = bytes([turn + 1]) * said
            journal.append(data)
            model += data
        elif step == "truncate":
            length = int(said * len(model))
            journal.truncate(length)
            del model[length:]
        else:
            journal.close()
            journal = BucketJournal(s3, "law/disk0")
        assert journal.read(0, len(model) + 1) == model


def test_a_bucket_that_is_not_there_is_named(s3):
    with pytest.raises(ProviderError, match="no-such-bucket"):
        BucketFolder(S3Bucket("no-such-bucket")).open("m", "d")


def test_a_container_that_may_not_be_read_is_named(container, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_KEY", "bm90IHRoZSBrZXk=")
    with pytest.raises(Denied, match="Storage Blob Data Contributor"):
        BucketFolder(BlobContainer(container.name)).open("m", "d")


@pytest.mark.parametrize("kind", ["s3", "container"])
def test_the_variable_names_bucket_and_prefix(request, monkeypatch, kind):
    bucket = request.getfixturevalue(kind)
    monkeypatch.setenv(VARIABLE, f"{bucket.name}/by/address/")
    journal = open_folder().open("m", "d")
    journal.append(OLD)
    journal.close()

    assert bucket.list("by/") == ["by/address/m/d.manifest/00000000"]


def test_without_the_variable_they_are_in_the_home_and_a_path_is_a_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("COLDFERRY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(VARIABLE, raising=False)
    open_folder().open("m", "d").close()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other"))
    open_folder().open("m", "d").close()

    assert (tmp_path / "home" / "manifests" / "m" / "d.manifest").exists()
    assert (tmp_path / "other" / "m" / "d.manifest").exists()


@pytest.mark.parametrize(
    "named",
    ["manifests", "s3:///x", "ftp://host/x", "https://account.blob.core.windows.net/",
     "https://account.blob.core.windows.net/c?sig=abc", "s3://key:secret@bucket/x"],
)  # fmt: skip
def test_what_names_no_place_is_refused_without_its_secrets(monkeypatch, named):
    monkeypatch.setenv(VARIABLE, named)
    with pytest.raises(BadInput) as refused:
        open_folder()

    assert "s3://BUCKET/PREFIX" in refused.value.do
    assert "abc" not in str(refused.value) and "secret" not in str(refused.value)


def test_no_token_is_sent_in_the_clear(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_KEY", raising=False)
    with pytest.raises(BadInput, match="in the clear"):
        BucketFolder(BlobContainer("http://127.0.0.1:9/account/c")).open("m", "d")
