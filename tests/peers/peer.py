# SPDX-License-Identifier: Apache-2.0
"""What comparisons with transformers share. The script that is run has the arguments PROGRAM
SOURCE_DIR [Class...]."""

import gzip
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import torch
import transformers

import samples

PROGRAM, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
JARGON = pathlib.Path("/usr/share/doc/jargon-text/jargon.txt.gz")

# The means of float32 losses beside float64: below 1e-7 was measured everywhere.
TOLERANCE = 1e-6
transformers.logging.disable_progress_bar()
torch.set_num_threads(1)  # small models: a second thread gains nothing and waits on a busy machine


def run(*arguments, directory):
    done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=directory, capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise AssertionError(f"bertyard {arguments}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def evaluate(model, data, directory):
    return json.loads(run("eval", model, "--data", data, "--threads", 1, "--json",
                          directory=directory))


class Peer(unittest.TestCase):
    """A directory with the quickstart's shards, their masks stored."""

    @classmethod
    def setUpClass(cls):
        if not JARGON.exists():
            raise unittest.SkipTest("install Debian's jargon-text")
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="bertyard-peer-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.config = SOURCE / "configs/quickstart.yaml"
        run("prepare", cls.config, "samples.mask.when=prepare", directory=cls.directory)
        cls.held_out = samples.read_shards(cls.directory / "data/valid")


def sentences(count):
    """Rows of nine words of the book."""
    text = gzip.decompress(JARGON.read_bytes()).decode("utf-8", "replace")
    words = [word for word in text.split() if word.isalpha()][30000:]
    return [words[9 * i:9 * i + 9] for i in range(count)]


def tag(model, tokenizer, words):
    """The labels of the words by their first pieces."""
    ids, first = [tokenizer.cls_token_id], []
    for word in words:
        first.append(len(ids))
        ids += tokenizer.encode(word, add_special_tokens=False) or [tokenizer.unk_token_id]
    ids.append(tokenizer.sep_token_id)
    with torch.no_grad():
        logits = model.eval()(torch.tensor([ids])).logits[0]
    return [model.config.id2label[int(i)] for i in logits.argmax(-1)[first]]
