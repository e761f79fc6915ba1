# SPDX-License-Identifier: Apache-2.0
"""BERT's pre-training step in plain PyTorch, as an able user would write it for a CPU: Q, K and V in
one product, scaled_dot_product_attention, the MLM head on the masked positions alone."""

import torch
from torch import nn
from torch.nn import functional

SHAPES = {  # layers, hidden, heads, intermediate
    "bert-tiny": (2, 128, 2, 512),
    "bert-mini": (4, 256, 4, 1024),
    "bert-small": (4, 512, 8, 2048),
    "bert-medium": (8, 512, 8, 2048),
    "bert-base": (12, 768, 12, 3072),
    "bert-large": (24, 1024, 16, 4096),
}


def gelu(x):
    return functional.gelu(x, approximate="tanh")


class Layer(nn.Module):
    def __init__(self, hidden, heads, intermediate, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query_key_value = nn.Linear(hidden, 3 * hidden)
        self.attention_output = nn.Linear(hidden, hidden)
        self.attention_norm = nn.LayerNorm(hidden, eps=1e-12)
        self.intermediate = nn.Linear(hidden, intermediate)
        self.output = nn.Linear(intermediate, hidden)
        self.output_norm = nn.LayerNorm(hidden, eps=1e-12)

    def forward(self, x, mask):  # [B, T, H]; bool [B, 1, 1, T], or None where nothing is padded
        b, t, h = x.shape
        qkv = self.query_key_value(x).view(b, t, 3, self.heads, h // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        p = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=p)
        y = self.attention_output(y.transpose(1, 2).reshape(b, t, h))
        x = self.attention_norm(x + functional.dropout(y, p))
        y = self.output(gelu(self.intermediate(x)))
        return self.output_norm(x + functional.dropout(y, p))


class Bert(nn.Module):
    def __init__(self, shape, vocabulary, positions, dropout):
        super().__init__()
        layers, hidden, heads, intermediate = shape
        self.dropout = dropout
        self.word = nn.Embedding(vocabulary, hidden)
        self.position = nn.Embedding(positions, hidden)
        self.segment = nn.Embedding(2, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-12)
        self.layers = nn.ModuleList(
            Layer(hidden, heads, intermediate, dropout) for _ in range(layers))
        self.pooler = nn.Linear(hidden, hidden)
        self.sentence = nn.Linear(hidden, 2)
        self.transform = nn.Linear(hidden, hidden)
        self.transform_norm = nn.LayerNorm(hidden, eps=1e-12)
        self.decoder_bias = nn.Parameter(torch.zeros(vocabulary))
        self.apply(self._initialize)

    @staticmethod
    def _initialize(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def forward(self, batch):
        """The loss: mean over masked tokens + mean over samples."""
        x = self.word(batch["ids"]) + self.segment(batch["segments"])
        x = self.norm(x + self.position.weight[:x.shape[1]])
        x = functional.dropout(x, self.dropout, self.training)
        for layer in self.layers:
            x = layer(x, batch["mask"])
        masked = x.flatten(0, 1).index_select(0, batch["masked_rows"])
        masked = self.transform_norm(gelu(self.transform(masked)))
        logits = functional.linear(masked, self.word.weight, self.decoder_bias)
        sentence = self.sentence(torch.tanh(self.pooler(x[:, 0])))
        return (functional.cross_entropy(logits.float(), batch["masked_labels"]) +
                functional.cross_entropy(sentence.float(), batch["next_sentence"]))


class Lamb(torch.optim.Optimizer):
    """You et al. 2019 in the form of NVIDIA's apex; the clipping by the global norm is outside."""

    def __init__(self, groups, lr, betas=(0.9, 0.999), eps=1e-6):
        super().__init__(groups, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            gradients = [p.grad for p in parameters]
            for p in parameters:
                if not self.state[p]:
                    self.state[p].update(m=torch.zeros_like(p), v=torch.zeros_like(p))
            m = [self.state[p]["m"] for p in parameters]
            v = [self.state[p]["v"] for p in parameters]
            beta1, beta2 = group["betas"]
            group["step"] = group.get("step", 0) + 1
            torch._foreach_lerp_(m, gradients, 1 - beta1)
            torch._foreach_mul_(v, beta2)
            torch._foreach_addcmul_(v, gradients, gradients, 1 - beta2)
            update = torch._foreach_div(m, 1 - beta1**group["step"])
            root = torch._foreach_sqrt(torch._foreach_div(v, 1 - beta2**group["step"]))
            torch._foreach_add_(root, group["eps"])
            torch._foreach_div_(update, root)
            torch._foreach_add_(update, parameters, alpha=group["weight_decay"])
            for p, u, norm, size in zip(parameters, update, torch._foreach_norm(parameters),
                                        torch._foreach_norm(update)):
                ratio = torch.where((norm > 0) & (size > 0), norm / size, 1.0)
                p.addcmul_(u, ratio, value=-group["lr"])
