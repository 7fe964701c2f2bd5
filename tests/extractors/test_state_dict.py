import hashlib
import http.server
import io
import os
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

from gan_jax.extractors import download, read_state_dict, state_dict
from gan_jax.types import UserError

FOLDER = Path(__file__).parents[1] / "golden"
FILES = [FOLDER / "tensors.pth", FOLDER / "tensors-legacy.pth"]
MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4) / 8
TENSORS = {
    "weight": np.ones(2, np.float32),
    "bias": np.zeros(2, np.float32),
    "running_mean": np.zeros(2, np.float32),
    "running_var": np.ones(2, np.float32),
    "num_batches_tracked": np.zeros((), np.int64),
    "matrix": MATRIX,
    "transposed": MATRIX.T,  # a view that is not contiguous
    "part": MATRIX[1:, 1:3],  # a view from the middle of a storage
}


def refused(path):
    """The one line that says why the file at the path is refused."""
    with pytest.raises(UserError) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_tensors_are_read_as_torch_saved_them(path):
    state, digest = read_state_dict(path)
    assert list(state) == list(TENSORS)
    for name, array in state.items():
        np.testing.assert_array_equal(array, TENSORS[name], strict=True)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_npz_holds_the_same_as_the_file_it_was_made_from(tmp_path):
    state, _ = read_state_dict(FILES[0])
    np.savez(tmp_path / "tensors.npz", **state)
    again, _ = read_state_dict(tmp_path / "tensors.npz")
    assert again.keys() == state.keys()
    assert all(np.array_equal(again[name], state[name]) for name in state)


class Command:
    def __reduce__(self):
        return os.mkdir, ("made",)


def test_a_pickle_that_would_run_code_is_refused_unrun(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("weights.pth").write_bytes(pickle.dumps(Command()))
    assert "names posix.mkdir" in refused("weights.pth")
    assert not Path("made").exists()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_truncated_file_is_refused(tmp_path, path):
    content = path.read_bytes()
    for size in range(0, len(content) - 1, 97):
        (tmp_path / "cut.pth").write_bytes(content[:size])
        assert "cut.pth is no state dict" in refused(tmp_path / "cut.pth")


def test_a_tensor_beyond_its_storage_is_refused(tmp_path):
    content = FILES[1].read_bytes()
    offset = b"QK\x05"  # of `part`, after its storage: five elements
    assert content.count(offset) == 1
    (tmp_path / "beyond.pth").write_bytes(content.replace(offset, b"QK\x09"))
    assert "beyond.pth is no state dict" in refused(tmp_path / "beyond.pth")


def test_a_pickle_of_something_else_is_refused(tmp_path):
    (tmp_path / "list.pth").write_bytes(pickle.dumps([1, 2]))
    assert "torch.save did not write it" in refused(tmp_path / "list.pth")


def test_a_pickle_cannot_change_what_reads_the_next_one():
    named = b"ctorch._utils\n_rebuild_tensor_v2\n"
    load = lambda content: state_dict._Unpickler(io.BytesIO(content)).load()
    assert load(named + b"}S'changed'\nI1\nsb.").changed == 1
    assert not hasattr(load(named + b"."), "changed")


def test_files_too_large_are_refused_packed_and_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "bomb.npz", zeros=np.zeros(100_000, np.float32))
    monkeypatch.setattr(state_dict, "_LIMIT", 100_000)
    assert "too many" in refused(tmp_path / "bomb.npz")
    (tmp_path / "large.pth").write_bytes(bytes(100_001))
    assert "too many" in refused(tmp_path / "large.pth")


def test_a_missing_file_is_named(tmp_path):
    assert refused(tmp_path / "none.pth").startswith(f"cannot read weights from {tmp_path}")


def test_a_file_must_have_the_checksum_that_its_name_carries(tmp_path):
    content = FILES[0].read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / f"right-{digest[:8]}.pth").write_bytes(content)
    assert read_state_dict(tmp_path / f"right-{digest[:8]}.pth")[1] == digest
    (tmp_path / "wrong-01234567.pth").write_bytes(content)
    message = refused(tmp_path / "wrong-01234567.pth")
    assert f"wrong-01234567.pth is not what its name says: its SHA-256 is {digest}" in message


@pytest.fixture
def published(tmp_path):
    """A file with its checksum in its name, and where it is published."""
    content = FILES[0].read_bytes()
    path = tmp_path / f"tensors-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    path.write_bytes(content)
    return path


def test_a_download_is_made_once(published, tmp_path):
    folder = tmp_path / "deep" / "cache"
    path = download(published.as_uri(), folder)
    assert path.read_bytes() == published.read_bytes()
    published.unlink()
    assert download(published.as_uri(), folder) == path
    assert list(folder.iterdir()) == [path]


def test_a_damaged_download_leaves_nothing(published, tmp_path):
    published.write_bytes(b"<html>")
    with pytest.raises(UserError, match="not what its name says"):
        download(published.as_uri(), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_download_that_breaks_off_leaves_nothing(tmp_path):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"begun")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(UserError, match="5 bytes read"):
            download(f"http://127.0.0.1:{server.server_port}/weights.pth", tmp_path / "cache")
        thread.join()
    assert not (tmp_path / "cache").exists()


def test_offline_the_address_and_the_place_for_the_file_are_named(tmp_path):
    with pytest.raises(UserError) as caught:
        download("http://127.0.0.1:9/weights.pth", tmp_path)
    message = str(caught.value)
    assert "cannot download http://127.0.0.1:9/weights.pth" in message
    assert message.endswith(f"put it at {tmp_path / 'weights.pth'}")
