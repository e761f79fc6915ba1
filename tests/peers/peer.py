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
from transformers import BertConfig, BertTokenizer

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


class FinetunePeer(Peer):
    """Fine-tunes a small model that transformers made."""

    ROWS = 120
    MODEL, NAME, CONFIG = None, None, {}  # transformers' class, its directory, what is not default

    def saved(self):
        saved = self.directory / self.NAME
        if saved.exists():
            return saved
        vocabulary = (self.directory / "vocab.txt").read_text(encoding="utf-8")
        torch.manual_seed(5)
        self.MODEL(
            BertConfig(vocab_size=len(vocabulary.splitlines()), hidden_size=64, num_hidden_layers=2,
                       num_attention_heads=2, intermediate_size=128, max_position_embeddings=64,
                       **self.CONFIG)).save_pretrained(saved)
        (saved / "vocab.txt").write_text(vocabulary, encoding="utf-8")
        return saved

    def finetune(self, name, kind, train):
        run("finetune", self.config, f"run.name={name}", f"task.kind={kind}", f"task.name={name}",
            f"task.train=[{train}]", "task.max_length=64", f"model.from={self.saved()}",
            "tokenizer.vocab=null", "finetune.lr=1e-3", "finetune.epochs=2", "finetune.batch=16",
            "parallel.threads=1", "log.console=off", directory=self.directory)
        best = self.directory / f"runs/{name}/best"
        run("predict", best, "--data", train, "--to", f"out-{name}", "--threads", 1,
            directory=self.directory)
        return best, self.directory / f"out-{name}", BertTokenizer.from_pretrained(best)

    def write_sentences(self):
        """The file s.tsv of classified sentences; its rows."""
        rows = ["sentence\tlabel"] + [f"{' '.join(words)}\t{i % 2}"
                                      for i, words in enumerate(sentences(self.ROWS))]
        (self.directory / "s.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        return [row.split("\t") for row in rows[1:]]

    def check_tags(self):
        """The words' labels are those of BertForTokenClassification."""
        cut = sentences(self.ROWS)
        rows = ["".join(f"{word}\t{'B-LONG' if len(word) > 5 else 'O'}\n" for word in words)
                for words in cut]
        (self.directory / "t.conll").write_text("\n".join(rows), encoding="utf-8")
        best, out, tokenizer = self.finetune("names", "tag", "t.conll")
        model, report = transformers.BertForTokenClassification.from_pretrained(
            best, output_loading_info=True, dtype=torch.float64)
        self.assertFalse(report["missing_keys"] or report["unexpected_keys"], report)

        theirs = [label for words in cut for label in tag(model, tokenizer, words)]

        ours = [line.split()[-1] for line in (out / "predictions.conll").read_text().splitlines()
                if line]
        self.assertEqual(ours, theirs)


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
