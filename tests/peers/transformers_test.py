# SPDX-License-Identifier: Apache-2.0
"""bertyard beside Hugging Face's transformers: what one writes the other must read, and the losses
of both must agree. Run by ctest with the interpreter that BERTYARD_PEER_PYTHON names:
    transformers_test.py PROGRAM SOURCE_DIR [Class...]
"""

import collections
import gzip
import json
import os
import pathlib
import shutil
import sys
import unittest

import torch
import transformers
from transformers import BertConfig, BertForPreTraining, BertTokenizer

import losses
import samples
from peer import JARGON, TOLERANCE, FinetunePeer, Peer, evaluate, run, sentences


class LossPeer(Peer):
    """Compares MLM and NSP."""

    def check_losses(self, model, data, held_out, tolerance=TOLERANCE):
        """`model` is a directory that both open; transformers computes in float64."""
        ours = evaluate(model, data, self.directory)
        peer = BertForPreTraining.from_pretrained(model, dtype=torch.float64)
        theirs = losses.losses(peer, held_out)
        for name in ("masked_tokens", "samples"):
            self.assertEqual(ours[name], theirs[name], name)
        for name in ("mlm_loss", "nsp_loss"):
            print(f"{pathlib.Path(model).name} {name}: bertyard {ours[name]:.9f}, transformers in "
                  f"float64 {theirs[name]:.9f}, difference {ours[name] - theirs[name]:+.1e}")
            self.assertLess(abs(ours[name] - theirs[name]), tolerance, name)
        # A prediction may tip over where two logits are equal to rounding.
        for name, count in (("mlm_accuracy", "masked_tokens"), ("nsp_accuracy", "samples")):
            self.assertLess(abs(ours[name] - theirs[name]) * ours[count], 1.5, name)


class Export(LossPeer):
    """Trained by bertyard, exported, opened by transformers."""

    def train_and_export(self, activation):
        name = f"trained-{activation}"
        run("train", self.config, f"run.name={name}", f"model.activation={activation}",
            "samples.mask.when=prepare", "schedule.0.until=30 steps", "optim.warmup=10 steps",
            "model.dropout=0.1", "eval.samples=8", "parallel.threads=1", "log.console=off",
            directory=self.directory)
        exported = self.directory / f"export-{activation}"
        run("export", f"runs/{name}", "--to", exported, directory=self.directory)
        return exported

    def check(self, activation, hidden_act):
        exported = self.train_and_export(activation)

        model, report = BertForPreTraining.from_pretrained(exported, output_loading_info=True)

        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
            self.assertFalse(report.get(kind), f"{kind}: {report.get(kind)}")
        config = model.config
        self.assertEqual(
            (config.num_hidden_layers, config.hidden_size, config.num_attention_heads,
             config.intermediate_size, config.hidden_act, config.max_position_embeddings,
             config.type_vocab_size, config.layer_norm_eps, config.hidden_dropout_prob),
            (2, 128, 2, 512, hidden_act, 64, 2, 1e-12, 0.1))
        vocabulary = (exported / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self.assertEqual(config.vocab_size, len(vocabulary))
        self.assertEqual(config.pad_token_id, vocabulary.index("[PAD]"))
        self.assertTrue(model.cls.predictions.decoder.weight is
                        model.bert.embeddings.word_embeddings.weight)
        self.check_losses(exported, "data/valid", self.held_out)

    def test_gelu_tanh(self):
        self.check("gelu_tanh", "gelu_new")

    def test_gelu_erf(self):
        self.check("gelu_erf", "gelu")


class Import(LossPeer):
    """Made by transformers, saved, opened by bertyard."""

    def check(self, hidden_act):
        vocabulary = (self.directory / "vocab.txt").read_text(encoding="utf-8")
        model = BertForPreTraining(
            BertConfig(vocab_size=len(vocabulary.splitlines()), hidden_size=96,
                       num_hidden_layers=3, num_attention_heads=4, intermediate_size=200,
                       max_position_embeddings=70, hidden_act=hidden_act, layer_norm_eps=1e-6))
        torch.manual_seed(3)
        with torch.no_grad():  # no tensor may be zero or one, or a mistaken name would not show
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
        saved = self.directory / f"saved-{hidden_act}"
        model.save_pretrained(saved)
        (saved / "vocab.txt").write_text(vocabulary, encoding="utf-8")

        self.check_losses(saved, "data/valid", self.held_out)

    def test_gelu(self):
        self.check("gelu")

    def test_gelu_new(self):
        self.check("gelu_new")

    def test_gelu_pytorch_tanh(self):
        self.check("gelu_pytorch_tanh")


class Toy(LossPeer):
    """microsoft/onnxruntime's toy model: head size 8, sixteen segment types, keys masked in the
    middle of a sequence."""

    def test_losses(self):
        toy = pathlib.Path(os.environ.get("BERTYARD_TEST_DATA", "")) / "peers/bert_toy"
        if not (toy / "batch.json").exists():
            self.skipTest("set BERTYARD_TEST_DATA to a folder that holds peers/bert_toy")
        batch = {name: torch.tensor(rows).numpy()
                 for name, rows in json.loads((toy / "batch.json").read_text()).items()}
        labelled = [
            samples.Sample(tokens=batch["input_ids"][i], segments=batch["token_type_ids"][i],
                           keys=batch["input_mask"][i],
                           positions=batch["masked_lm_positions"][i][1:],
                           labels=batch["masked_lm_ids"][i][1:],
                           is_random_next=int(batch["next_sentence_labels"][i]))
            for i in range(len(batch["input_ids"]))
        ]
        self.assertTrue(any(0 in sample.keys[:-1] for sample in labelled))
        data = self.directory / "toy.h5"
        samples.write_nvidia(data, labelled)

        self.check_losses(toy, data, labelled)


class Tokenizer(Peer):
    """The exported tokenizer files make transformers' tokenizer cut text as bertyard does."""

    ODD = ["Café naïve — “quoted” text… isn't it?", "zero\u200bwidth soft\u00adhyphen\ttab",
           "東京 is 日本's capital; 中文字符", "e\u0301clair A\u030angstro\u0308m ﬁ ligature ①",
           "emoji 😀 and unknown ᚠᛇᚻ runes", "x" * 90, "under_score #tag $5.00 a/b <p>&amp;</p>",
           "ÀÉÎÕÜ ß ẞ Straße İstanbul ŒUVRE Ωmega"]
    # Not here: "[MASK]" as text, which transformers takes for the token and bertyard, as Google's
    # code, does not; and words of 101 to 200 characters, [UNK] for transformers and not for Google.

    def lines(self):
        """A page of the book, one paragraph a line, and some that are hard to cut."""
        text = gzip.decompress(JARGON.read_bytes()).decode("utf-8", "replace")
        paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
        return [part for part in paragraphs if part][400:800] + self.ODD

    def check(self, *options):
        lines = self.lines()
        (self.directory / "page.txt").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
        out = self.directory / "tokenized"
        shutil.rmtree(out, ignore_errors=True)
        # A document of one sentence is one sample: [CLS] sentence [SEP].
        run("prepare", self.config, "corpus.text=[page.txt]", "corpus.layout=sentences",
            "corpus.document_start=null", "corpus.skip_lines=0", "corpus.held_out=0%",
            f"samples.out={out}", "samples.max_length=512", "samples.next_sentence=none",
            "samples.short_sequence=0%", "schedule.0.length=64", *options,
            directory=self.directory)
        ours = collections.Counter(
            tuple(sample.tokens[1:-1]) for sample in samples.read_shards(out / "train"))

        tokenizer = BertTokenizer.from_pretrained(self.exported(out, *options))
        theirs = collections.Counter(
            tuple(tokenizer.encode(line, add_special_tokens=False)[:510]) for line in lines)

        self.assertGreater(sum(ours.values()), 400)
        for name, surplus in (("bertyard", ours - theirs), ("transformers", theirs - ours)):
            for ids in list(surplus)[:5]:
                print(f"only {name}: {tokenizer.convert_ids_to_tokens([int(i) for i in ids])}")
        self.assertEqual(ours, theirs)

    def exported(self, shards, *options):
        run("train", self.config, "run.name=tokenizer", f"data.train={shards}/train",
            f"data.valid={shards}/train", "schedule.0.until=1 steps", "schedule.0.global_batch=8",
            "optim.warmup=0 steps", "parallel.threads=1", "log.console=off", *options,
            directory=self.directory)
        exported = self.directory / "export-tokenizer"
        run("export", "runs/tokenizer", "--to", exported, directory=self.directory)
        shutil.rmtree(self.directory / "runs/tokenizer")
        return exported

    def given_vocabulary(self):
        """The learnt one without the record of how, which other options would contradict."""
        shutil.copy(self.directory / "vocab.txt", self.directory / "given.txt")
        return "tokenizer.vocab=given.txt"

    def test_lower_case(self):
        self.check()

    def test_lower_case_with_accents(self):
        self.check("tokenizer.strip_accents=false", self.given_vocabulary())

    def test_cased(self):
        self.check("tokenizer.lower_case=false", "tokenizer.vocab=cased.txt")

    def test_without_splitting_chinese_characters(self):
        self.check("tokenizer.split_cjk=false", self.given_vocabulary())


class Finetune(FinetunePeer):
    """Fine-tuned by bertyard: the class of its head in transformers gives the same predictions."""

    MODEL, NAME = BertForPreTraining, "small"

    def test_sequence_classification(self):
        rows = self.write_sentences()
        best, out, tokenizer = self.finetune("sst2", "classify", "s.tsv")
        model, report = transformers.BertForSequenceClassification.from_pretrained(
            best, output_loading_info=True, dtype=torch.float64)
        self.assertFalse(report["missing_keys"] or report["unexpected_keys"], report)

        texts = [text for text, _ in rows]
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        labels = torch.tensor([int(label) for _, label in rows])
        with torch.no_grad():
            theirs = model.eval()(**batch, labels=labels)

        ours = [line.split("\t")[1] for line in (out / "SST-2.tsv").read_text().splitlines()[1:]]
        named = [model.config.id2label[int(i)] for i in theirs.logits.argmax(-1)]
        self.assertEqual(ours, named)
        loss = json.loads(run("eval", best, "--data", "s.tsv", "--json", "--threads", 1,
                              directory=self.directory))["loss"]
        print(f"loss: bertyard {loss:.9f}, transformers {theirs.loss.item():.9f}")
        self.assertLess(abs(loss - theirs.loss.item()), TOLERANCE)

    def test_token_classification(self):
        self.check_tags()

    def test_question_answering(self):
        paragraphs = []
        for i, words in enumerate(sentences(self.ROWS)):
            context = " ".join(words)
            answer = words[i % 9]
            paragraphs.append({"context": context, "qas": [
                {"id": str(i), "question": f"where is {answer}?",
                 "answers": [{"text": answer, "answer_start": len(" ".join(words[:i % 9] + [""]))
                              if i % 9 else 0}]}]})
        data = {"version": "1.1", "data": [{"paragraphs": paragraphs}]}
        (self.directory / "q.json").write_text(json.dumps(data), encoding="utf-8")
        best, out, tokenizer = self.finetune("squad", "qa", "q.json")
        model, report = transformers.BertForQuestionAnswering.from_pretrained(
            best, output_loading_info=True, dtype=torch.float64)
        self.assertFalse(report["missing_keys"] or report["unexpected_keys"], report)

        ranked = json.loads((out / "nbest_predictions.json").read_text())
        for i, paragraph in enumerate(paragraphs):
            batch = tokenizer(paragraph["qas"][0]["question"], paragraph["context"],
                              return_tensors="pt")
            with torch.no_grad():
                theirs = model.eval()(**batch)
            answer = ranked[str(i)][0]
            for name, logits in (("start_logit", theirs.start_logits),
                                 ("end_logit", theirs.end_logits)):
                self.assertLess((logits[0] - answer[name]).abs().min().item(), 1e-5)
            allowed = [s + e for a, s in enumerate(theirs.start_logits[0].tolist())
                       for e in theirs.end_logits[0].tolist()[a:]
                       if batch["token_type_ids"][0][a] == 1]
            self.assertLess(answer["start_logit"] + answer["end_logit"], max(allowed) + 1e-5)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[3:]])
