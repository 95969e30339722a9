"""Files are found, checked and cached, and a failure says what was tried."""

import gzip
import hashlib
import http.server
import io
import os
import tarfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seqgan_kit import plugins
from seqgan_kit.data import checksums, packages, sources
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.packages import DebianPackage, NpmPackage
from seqgan_kit.data.sources import Source, cache_folder, locate
from seqgan_kit.kinds.images.sources import SOURCES, TEST_LABELS, TRAINING_IMAGES

CONTENT = {"images": bytes(range(256)) * 40, "labels": b"0123456789"}
NPM = NpmPackage("tiny-data", "1.0.0", "package/data")
DEBIAN = DebianPackage("dataset-tiny", "usr/share/tiny")


@pytest.fixture
def use(monkeypatch):
    """Register a small source, by default one that can be had nowhere."""

    def register(mirrors=(), packages=()):
        files = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
        tiny = Source("tiny", files, mirrors, packages, licence="none", home="https://tiny.test")
        monkeypatch.setitem(SOURCES, "tiny", tiny)

    register()
    return register


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder that a local server serves, its address, and how often each file was asked for."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    asked = Counter()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def do_GET(self):
            asked[self.path] += 1
            super().do_GET()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def client(tmp_path, monkeypatch):
    """Put scripts in the place of package clients; none is installed otherwise."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "cp", "mkdir", "sleep"):
        (folder / tool).symlink_to(f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(folder))

    def script(name, text):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)

    return script


def write_files(folder, names=CONTENT, packed=False):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(CONTENT[name]))
        else:
            (folder / name).write_bytes(CONTENT[name])
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def npm_archive(path, name="package/data/images"):
    with tarfile.open(path, "w:gz") as archive:
        for member, content in {
            name: CONTENT["images"],
            "package/data/labels": CONTENT["labels"],
            "package/package.json": b"{}",
        }.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


# -- a local folder -----------------------------------------------------------------------------


def test_unpacked_files_are_used_where_they_lie(use, tmp_path):
    root = write_files(tmp_path / "mine")
    assert locate(SOURCES["tiny"], root=root, cache=tmp_path / "cache") == root
    assert not (tmp_path / "cache").exists()


def test_packed_files_are_unpacked_into_the_cache(use, tmp_path):
    root = write_files(tmp_path / "mine", ["images"], packed=True)
    write_files(root, ["labels"])
    folder = locate(SOURCES["tiny"], root=root, cache=tmp_path / "cache")
    assert folder == tmp_path / "cache" / "tiny"
    assert contents(folder) == CONTENT


def test_a_wrong_file_is_named_with_both_checksums(use, tmp_path):
    root = write_files(tmp_path / "mine")
    (root / "labels").write_bytes(b"others")
    expected = SOURCES["tiny"].files["labels"]
    found = hashlib.sha256(b"others").hexdigest()
    with pytest.raises(DataError, match=f"labels has SHA-256 {found}, expected {expected}"):
        locate(SOURCES["tiny"], root=root, cache=tmp_path / "cache")


@pytest.mark.parametrize(
    "damaged",
    [
        gzip.compress(CONTENT["images"])[:-20],
        b"no gzip at all",
        gzip.compress(CONTENT["images"])[:30] + b"\xff" * 60,
    ],
    ids=["truncated", "other", "garbled"],
)
def test_a_damaged_gz_is_named_and_leaves_no_cache(use, tmp_path, damaged):
    root = write_files(tmp_path / "mine", packed=True)
    (root / "images.gz").write_bytes(damaged)
    with pytest.raises(DataError, match=r"mine: images\.gz is damaged"):
        locate(SOURCES["tiny"], root=root, cache=tmp_path / "cache")
    assert not (tmp_path / "cache" / "tiny").exists()


def test_a_wrong_gz_is_refused_even_when_the_cache_is_right(use, tmp_path):
    write_files(tmp_path / "cache" / "tiny")
    root = write_files(tmp_path / "mine", packed=True)
    (root / "labels.gz").write_bytes(gzip.compress(b"others"))
    with pytest.raises(DataError, match=r"labels\.gz has SHA-256"):
        locate(SOURCES["tiny"], root=root, cache=tmp_path / "cache")


def test_a_gz_that_never_ends_is_refused(use, tmp_path, monkeypatch):
    monkeypatch.setattr(checksums, "LARGEST_FILE", 1000)
    root = write_files(tmp_path / "mine", packed=True)
    with pytest.raises(DataError, match=r"images\.gz unpacks to more than 1,000 bytes"):
        locate(SOURCES["tiny"], root=root, cache=tmp_path / "cache")


def test_a_local_folder_is_the_only_place_tried(use, mirror, tmp_path):
    _, address, asked = mirror
    use(mirrors=(address,))
    write_files(tmp_path / "cache" / "tiny")
    root = write_files(tmp_path / "mine", ["images"])
    with pytest.raises(DataError, match=r"neither labels nor labels\.gz") as error:
        locate(SOURCES["tiny"], root=root, cache=tmp_path / "cache")
    assert "data.root=FOLDER" in str(error.value)
    assert not asked
    with pytest.raises(DataError, match="no such folder"):
        locate(SOURCES["tiny"], root=tmp_path / "absent", cache=tmp_path / "cache")


# -- the cache ----------------------------------------------------------------------------------


def test_a_complete_cache_is_used_and_nothing_is_written(use, tmp_path):
    write_files(tmp_path / "cache" / "tiny")
    assert contents(locate(SOURCES["tiny"], cache=tmp_path / "cache")) == CONTENT
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["tiny"]


def test_a_damaged_cache_is_fetched_again(use, mirror, tmp_path):
    _, address, _ = mirror
    use(mirrors=(address,))
    folder = write_files(tmp_path / "cache" / "tiny")
    (folder / "images").write_bytes(CONTENT["images"][:-1])
    assert contents(locate(SOURCES["tiny"], cache=tmp_path / "cache")) == CONTENT


def test_a_damaged_cache_is_reported_when_no_place_has_the_files(use, tmp_path):
    folder = write_files(tmp_path / "cache" / "tiny")
    (folder / "labels").unlink()
    with pytest.raises(DataError, match=r"tiny: it has neither labels nor labels\.gz"):
        locate(SOURCES["tiny"], cache=tmp_path / "cache")


def test_a_stop_in_the_middle_leaves_nothing(use, mirror, tmp_path):
    _, address, _ = mirror
    use(mirrors=(address,))

    def stop(what, done, total):
        if what == "labels":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        locate(SOURCES["tiny"], cache=tmp_path / "cache", progress=stop)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] in ([".lock"], [])
    assert contents(locate(SOURCES["tiny"], cache=tmp_path / "cache")) == CONTENT


def test_what_a_killed_process_left_is_swept_away(use, mirror, tmp_path):
    _, address, _ = mirror
    use(mirrors=(address,))
    stale = write_files(tmp_path / "cache" / ".tiny.x1y2", ["images"])
    other = write_files(tmp_path / "cache" / ".tinier.x1y2", ["images"])
    assert contents(locate(SOURCES["tiny"], cache=tmp_path / "cache")) == CONTENT
    assert not stale.exists()
    assert other.exists()


def test_many_callers_fetch_once(use, mirror, tmp_path):
    _, address, asked = mirror
    use(mirrors=(address,))
    start = threading.Barrier(4)

    def call(_):
        start.wait()
        return locate(SOURCES["tiny"], cache=tmp_path / "cache")

    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(call, range(4)))
    assert folders == {tmp_path / "cache" / "tiny"}
    assert asked == {"/images.gz": 1, "/labels.gz": 1}


def test_a_cache_that_cannot_be_written_is_named(use, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/cache cannot be written \(.+\): .*SEQGAN_CACHE"):
        locate(SOURCES["tiny"], cache=tmp_path / "file" / "cache")


def test_the_cache_folder_can_be_chosen(use, monkeypatch, tmp_path):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"
    write_files(tmp_path / "chosen" / "tiny")
    assert locate(SOURCES["tiny"]) == tmp_path / "chosen" / "tiny"
    monkeypatch.setenv("SEQGAN_CACHE", "")
    assert cache_folder().name == "seqgan_kit"


# -- mirrors ------------------------------------------------------------------------------------


def test_a_mirror_is_downloaded_with_progress(use, mirror, tmp_path):
    served, address, _ = mirror
    use(mirrors=(address,))
    told = []
    folder = locate(
        SOURCES["tiny"], cache=tmp_path / "cache", progress=lambda *what: told.append(what)
    )
    assert contents(folder) == CONTENT
    for name in CONTENT:
        size = (served / f"{name}.gz").stat().st_size
        assert told[-1 if name == "labels" else 0][2] == size
        assert (name, size, size) in told


def test_the_next_mirror_is_tried(use, mirror, tmp_path):
    served, address, asked = mirror
    write_files(served / "second", packed=True)
    (served / "labels.gz").write_bytes(gzip.compress(b"others"))
    use(mirrors=(address, f"{address}second/"))
    assert contents(locate(SOURCES["tiny"], cache=tmp_path / "cache")) == CONTENT
    assert asked["/labels.gz"] == asked["/second/labels.gz"] == 1


def test_a_download_that_never_ends_is_refused(use, mirror, tmp_path, monkeypatch):
    _, address, _ = mirror
    use(mirrors=(address,))
    monkeypatch.setattr(sources, "LARGEST_FILE", 10)
    with pytest.raises(DataError, match=r"images\.gz is larger than 10 bytes"):
        locate(SOURCES["tiny"], cache=tmp_path / "cache")


def test_a_server_that_trickles_is_given_up(use, mirror, tmp_path, monkeypatch):
    _, address, _ = mirror
    use(mirrors=(address,))
    monkeypatch.setattr(sources, "PATIENCE", -1)
    monkeypatch.setattr(sources, "SLOWEST", 10**12)
    with pytest.raises(DataError, match=r"images\.gz: the server sends less than"):
        locate(SOURCES["tiny"], cache=tmp_path / "cache")


def test_everything_that_was_tried_is_listed(use, mirror, client, tmp_path):
    served, address, _ = mirror
    (served / "images.gz").write_bytes(b"<html>log in first</html>")
    closed = "http://127.0.0.1:9/"
    use(mirrors=(address, f"{address}absent/", closed), packages=(NPM, DEBIAN))
    with pytest.raises(DataError) as error:
        locate(SOURCES["tiny"], cache=tmp_path / "cache")
    first, cache, portal, absent, refused, npm, debian, advice = str(error.value).splitlines()
    assert "tiny was not found" in first
    assert f"cache {tmp_path / 'cache' / 'tiny'}: there is no such folder" in cache
    assert portal.strip().startswith(f"{address}: images.gz is damaged (Not a gzipped file")
    assert "absent/: images.gz: 404" in absent
    assert refused.strip().startswith(f"{closed}: images.gz: ")
    assert "refused" in refused
    assert npm.strip() == "npm package tiny-data 1.0.0: npm is not installed"
    assert debian.strip() == "Debian package dataset-tiny: apt-get is not installed"
    assert "images, labels" in advice
    assert "data.root=FOLDER" in advice
    assert "https://tiny.test" in advice


# -- packages -----------------------------------------------------------------------------------


def test_an_npm_package_is_packed_without_its_scripts(use, client, tmp_path):
    archive = npm_archive(tmp_path / "archive.tgz")
    client("npm", f'echo "$@" > {tmp_path}/said\ncp {archive} tiny-data-1.0.0.tgz')
    use(packages=(NPM,))
    told = []
    folder = locate(
        SOURCES["tiny"], cache=tmp_path / "cache", progress=lambda *what: told.append(what)
    )
    assert contents(folder) == CONTENT
    assert told == [("npm package tiny-data 1.0.0", 0, None)]
    said = (tmp_path / "said").read_text().split()
    assert said[0] == "pack"
    assert "--ignore-scripts" in said
    assert said[-1] == "tiny-data@1.0.0"


def test_a_debian_package_is_unpacked_without_installing(use, client, tmp_path):
    files = write_files(tmp_path / "packed", packed=True)
    client("apt-get", '[ "$*" = "download dataset-tiny" ] && echo > dataset-tiny_1_all.deb')
    client(
        "dpkg-deb",
        '[ "$*" = "-x dataset-tiny_1_all.deb ." ] && mkdir -p usr/share/tiny '
        f"&& cp {files}/images.gz {files}/labels.gz usr/share/tiny",
    )
    use(packages=(DEBIAN,))
    assert contents(locate(SOURCES["tiny"], cache=tmp_path / "cache")) == CONTENT


def test_an_archive_cannot_write_elsewhere(use, client, tmp_path):
    archive = npm_archive(tmp_path / "archive.tgz", "package/data/../../../../evil")
    client("npm", f"cp {archive} tiny.tgz")
    use(packages=(NPM,))
    with pytest.raises(DataError, match=r"archive is damaged.*outside"):
        locate(SOURCES["tiny"], cache=tmp_path / "cache")
    assert not list(tmp_path.rglob("evil"))


def test_a_damaged_archive_and_a_missing_one_are_reported(use, client, tmp_path):
    use(packages=(NPM,))
    archive = npm_archive(tmp_path / "archive.tgz")
    archive.write_bytes(archive.read_bytes()[:-100])
    client("npm", f"cp {archive} tiny.tgz")
    with pytest.raises(DataError, match="its archive is damaged"):
        locate(SOURCES["tiny"], cache=tmp_path / "cache")
    client("npm", "true")
    with pytest.raises(DataError, match=r"wrote 0 files \*\.tgz"):
        locate(SOURCES["tiny"], cache=tmp_path / "cache")


def test_what_a_client_says_becomes_one_line(use, client, tmp_path):
    client("npm", r"printf '\033[31mnpm error\033[0m code E404\n\nnpm error gone' >&2; exit 1")
    client("apt-get", "exit 100")
    use(packages=(NPM, DEBIAN))
    with pytest.raises(DataError) as error:
        locate(SOURCES["tiny"], cache=tmp_path / "cache")
    assert "1.0.0: npm failed: npm error code E404 npm error gone\n" in str(error.value)
    assert "apt-get failed: exit status 100\n" in str(error.value)


def test_a_client_that_hangs_is_stopped(use, client, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "CLIENT_SECONDS", 0.2)
    client("npm", "exec sleep 20")
    use(packages=(NPM,))
    with pytest.raises(DataError, match="npm took longer than"):
        locate(SOURCES["tiny"], cache=tmp_path / "cache")


# -- the table ----------------------------------------------------------------------------------


def test_an_unknown_name_lists_the_known_ones(seqgen):
    shown = seqgen("data", "fetch", "mnits")
    assert shown.code == 2
    assert "did you mean 'mnist'" in shown.err
    assert "fashion_mnist" in shown.err


KNOWN = {
    name: source for kind in plugins.kinds().values() for name, source in kind.downloads.items()
}


@pytest.mark.parametrize("source", KNOWN.values(), ids=KNOWN)
def test_every_source_is_checked_and_fetched_safely(source):
    assert KNOWN[source.name] is source
    assert all(len(digest) == 64 and int(digest, 16) for digest in source.files.values())
    assert all(mirror.startswith("https://") and mirror[-1] == "/" for mirror in source.mirrors)
    assert source.licence
    assert source.home


def test_the_real_files_have_the_checksums_of_the_table(tmp_path):
    root = Path(os.environ.get("SEQGAN_TEST_DATA", "/nowhere")) / "mnist"
    if not root.is_dir():
        pytest.skip("SEQGAN_TEST_DATA names no folder with mnist in it")
    folder = locate(SOURCES["mnist"], root=root, cache=tmp_path)
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sizes.items() >= {TRAINING_IMAGES: 47040016, TEST_LABELS: 10008}.items()
