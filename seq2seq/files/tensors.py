"""The tensors of a pretrained model, from its `.safetensors` files: data alone, nothing is run."""

import re
from pathlib import Path

import ml_dtypes  # noqa: F401  (so that NumPy knows bfloat16)
import numpy as np

from seq2seq.files.pretrained_folder import SHARDS, WEIGHTS
from seq2seq.text.pretrained_files import broken, read_json

FLOATS = ("F64", "F32", "F16", "BF16")
# What layers of normalisation called their weights in old files.
OLD_NAMES = {".gamma": ".weight", ".beta": ".bias"}
# Constants that old files hold, and tables that are others by another name.
UNNEEDED = re.compile(
    r"h\.\d+\.(attn|crossattention)\.(masked_)?bias|embeddings\.(position|token_type)_ids|"
    r"(encoder|decoder)\.(embed_positions\.weight|version)|shared\.weight|"
    r"cls\.predictions\.decoder\.weight"
)


class Tensors:
    """The tensors of a folder by name, read one at a time.

    Args:
        folder: Path of the folder, with one file of tensors, or several and their index.
        prefix: What names may begin with; it is left out.

    Raises:
        ValueError: If a file is missing or broken.
        ImportError: If `safetensors` is not installed.
    """

    def __init__(self, folder: Path, prefix: str):
        self.folder = folder
        self._places = {}  # name -> the open file and the name there
        self._asked = set()
        for path in _find_files(folder):
            file = _open(path)
            for key in file.keys():  # noqa: SIM118  (it is no dict)
                name = key.removeprefix(prefix)
                for old, new in OLD_NAMES.items():
                    name = name[: -len(old)] + new if name.endswith(old) else name
                self._places[name] = file, key

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def take(self, *names: str, shape: tuple[int, ...]) -> np.ndarray:
        """Returns a tensor as float32.

        Args:
            *names: Its name, or several of which the first that is there counts.
            shape: The shape that it must have.

        Raises:
            ValueError: If it is missing, of another shape, or not of floats.
        """
        self._asked.update(names)
        name = next((name for name in names if name in self), None)
        if name is None:
            raise broken(self.folder, f"it has no weights called {' or '.join(names)}")
        file, key = self._places[name]
        found = tuple(file.get_slice(key).get_shape())
        if found != shape:
            raise broken(self.folder, f"its {name} is of shape {found}, by its config of {shape}")
        if (dtype := file.get_slice(key).get_dtype()) not in FLOATS:
            raise broken(self.folder, f"its {name} is of {dtype}, not of floats")
        return file.get_tensor(key).astype("float32")

    def rest(self) -> list[str]:
        """Returns the names that were never asked for, but for those that nobody needs."""
        rest = self._places.keys() - self._asked
        return sorted(name for name in rest if not UNNEEDED.fullmatch(name))

    def linear(self, name: str, inputs: int, outputs: int) -> list[np.ndarray]:
        """Returns kernel and bias of a layer that keeps its kernel as `(outputs, inputs)`."""
        kernel = self.take(f"{name}.weight", shape=(outputs, inputs))
        return [kernel.T, self.take(f"{name}.bias", shape=(outputs,))]

    def conv1d(self, name: str, inputs: int, outputs: int) -> list[np.ndarray]:
        """Returns kernel and bias of a layer that keeps its kernel as `(inputs, outputs)`."""
        kernel = self.take(f"{name}.weight", shape=(inputs, outputs))
        return [kernel, self.take(f"{name}.bias", shape=(outputs,))]

    def norm(self, name: str, units: int) -> list[np.ndarray]:
        """Returns scale and offset of a normalisation."""
        return [self.take(f"{name}.{part}", shape=(units,)) for part in ("weight", "bias")]


def _find_files(folder):
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    places = read_json(folder / SHARDS).get("weight_map")
    names = sorted(set(map(str, places.values()))) if isinstance(places, dict) else []
    if not names or any(Path(name).name != name for name in names):
        raise broken(folder / SHARDS, "it does not name the files of weights")
    return [folder / name for name in names]


def _open(path):
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError(
            f"Reading {path.name} needs the package safetensors: pip install "
            '"keras-seq2seq[pretrained]"'
        ) from error
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise broken(path, error) from error
