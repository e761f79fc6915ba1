# SPDX-License-Identifier: Apache-2.0
"""MLM and NSP of transformers' BertForPreTraining, and the next tokens of its BertLMHeadModel, as
`bertyard eval` defines them."""

import numpy as np
import torch


def pad(samples, name):
    length = max(len(sample.tokens) for sample in samples)
    rows = [np.pad(getattr(sample, name), (0, length - len(sample.tokens))) for sample in samples]
    return torch.from_numpy(np.stack(rows))


def outputs(model, samples, batch):
    """Padded parts of so many samples, each with what the model makes of it."""
    model.eval()
    for start in range(0, len(samples), batch):
        part = samples[start:start + batch]
        yield part, model(input_ids=pad(part, "tokens"), token_type_ids=pad(part, "segments"),
                          attention_mask=pad(part, "keys"))


@torch.no_grad()
def losses(model, samples, batch=32):
    """Sums of cross entropy over masked tokens and samples, divided by their numbers."""
    sums = np.zeros(4)
    masked = 0
    for part, output in outputs(model, samples, batch):
        for i, sample in enumerate(part):
            logits = output.prediction_logits[i, torch.from_numpy(sample.positions)].double()
            sums[:2] += scores(logits, torch.from_numpy(sample.labels))
            masked += len(sample.positions)
        labels = torch.tensor([sample.is_random_next for sample in part])
        sums[2:] += scores(output.seq_relationship_logits.double(), labels)
    return {"mlm_loss": sums[0] / masked, "mlm_accuracy": sums[1] / masked,
            "nsp_loss": sums[2] / len(samples), "nsp_accuracy": sums[3] / len(samples),
            "masked_tokens": masked, "samples": len(samples)}


@torch.no_grad()
def next_token_losses(model, samples, batch=32):
    """Cross entropy of every token but the first, from those before it, as a mean over all."""
    sums = np.zeros(2)
    predicted = 0
    for part, output in outputs(model, samples, batch):
        for i, sample in enumerate(part):
            labels = torch.from_numpy(sample.tokens[1:])
            sums += scores(output.logits[i, :len(labels)].double(), labels)
            predicted += len(labels)
    return {"lm_loss": sums[0] / predicted, "lm_accuracy": sums[1] / predicted,
            "predicted_tokens": predicted}


def scores(logits, labels):
    loss = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    return float(loss), float((logits.argmax(-1) == labels).sum())
