# SPDX-License-Identifier: Apache-2.0
"""Causal models beside transformers' BertLMHeadModel and its heads. Run as transformers_test.py."""

import json
import sys
import unittest

import torch
import transformers
from transformers import BertConfig, BertLMHeadModel

import losses
from peer import TOLERANCE, FinetunePeer, Peer, evaluate, run


class Causal(Peer):
    """A causal model is transformers' BertLMHeadModel with is_decoder, in both directions."""

    def setUp(self):
        for sample in self.held_out:  # the masks of the shards are taken back
            sample.tokens[sample.positions] = sample.labels

    def check_loss(self, model):
        ours = evaluate(model, "data/valid", self.directory)
        peer, report = BertLMHeadModel.from_pretrained(model, output_loading_info=True,
                                                       dtype=torch.float64)
        for kind in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"):
            self.assertFalse(report.get(kind), f"{kind}: {report.get(kind)}")
        theirs = losses.next_token_losses(peer, self.held_out)
        self.assertEqual(ours["predicted_tokens"], theirs["predicted_tokens"])
        print(f"lm_loss: bertyard {ours['lm_loss']:.9f}, transformers in float64 "
              f"{theirs['lm_loss']:.9f}, difference {ours['lm_loss'] - theirs['lm_loss']:+.1e}")
        self.assertLess(abs(ours["lm_loss"] - theirs["lm_loss"]), TOLERANCE)
        flips = abs(ours["lm_accuracy"] - theirs["lm_accuracy"]) * ours["predicted_tokens"]
        self.assertLess(flips, 1.5)
        return peer

    def test_trained_here(self):
        run("train", self.config, "run.name=causal", "model.attention=causal",
            "samples.mask.when=prepare", "schedule.0.until=30 steps", "optim.warmup=10 steps",
            "eval.samples=8", "parallel.threads=1", "log.console=off", directory=self.directory)
        run("export", "runs/causal", "--to", "causal", "--verify", directory=self.directory)

        peer = self.check_loss(self.directory / "causal")

        self.assertTrue(peer.config.is_decoder)
        self.assertTrue(peer.cls.predictions.decoder.weight is
                        peer.bert.embeddings.word_embeddings.weight)

    def test_made_by_transformers(self):
        vocabulary = (self.directory / "vocab.txt").read_text(encoding="utf-8")
        model = BertLMHeadModel(
            BertConfig(vocab_size=len(vocabulary.splitlines()), hidden_size=96,
                       num_hidden_layers=3, num_attention_heads=4, intermediate_size=200,
                       max_position_embeddings=70, hidden_act="gelu_new", layer_norm_eps=1e-5,
                       is_decoder=True))
        torch.manual_seed(3)
        with torch.no_grad():  # no tensor may be zero or one, or a mistaken name would not show
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
        saved = self.directory / "saved-causal"
        model.save_pretrained(saved)
        (saved / "vocab.txt").write_text(vocabulary, encoding="utf-8")

        self.check_loss(saved)


class CausalFinetune(FinetunePeer):
    """Heads of a causal model: transformers' classes for tokens and answers as they are; that for
    sentences looks at the first token, so its encoder is taken and the last looked at."""

    MODEL, NAME, CONFIG = BertLMHeadModel, "small-causal", {"is_decoder": True}

    def test_sequence_classification(self):
        rows = self.write_sentences()
        best, out, tokenizer = self.finetune("sst2", "classify", "s.tsv")
        model = transformers.BertForSequenceClassification.from_pretrained(best,
                                                                           dtype=torch.float64)
        self.assertTrue(model.config.is_decoder)

        sums, theirs = 0.0, []
        for text, label in rows:
            with torch.no_grad():
                hidden = model.eval().bert(**tokenizer(text, return_tensors="pt"))
                logits = model.classifier(hidden.last_hidden_state[:, -1])
            theirs.append(model.config.id2label[int(logits.argmax())])
            sums += torch.nn.functional.cross_entropy(logits, torch.tensor([int(label)])).item()

        ours = [line.split("\t")[1] for line in (out / "SST-2.tsv").read_text().splitlines()[1:]]
        self.assertEqual(ours, theirs)
        loss = json.loads(run("eval", best, "--data", "s.tsv", "--json", "--threads", 1,
                              directory=self.directory))["loss"]
        print(f"loss: bertyard {loss:.9f}, transformers {sums / len(theirs):.9f}")
        self.assertLess(abs(loss - sums / len(theirs)), TOLERANCE)

    def test_token_classification(self):
        self.check_tags()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[3:]])
