// SPDX-License-Identifier: Apache-2.0
#include "launch/plot/plot_metric.h"

#include <algorithm>
#include <vector>

namespace bertyard {
namespace {

// The figures of train/journal/run_journal.cpp, and of train/tasks/finetune_journal.cpp: its scores
// are those of held-out rows.
const std::vector<PlotMetric>& known_metrics() {
  constexpr auto kPlain = ValueUnit::plain;
  constexpr auto kCount = ValueUnit::count;
  constexpr auto kShare = ValueUnit::share;
  constexpr auto kExact = Smoothing::misleading;
  static const std::vector<PlotMetric> kMetrics = {
      {"loss", "loss", "", "", "loss", ""},
      {"loss_mlm", "mlm_loss", "unigram_cross_entropy", "unigram", "MLM loss",
       "nats per masked token"},
      {"loss_lm", "lm_loss", "unigram_cross_entropy", "unigram", "LM loss", "nats per token"},
      {"loss_nsp", "nsp_loss", "", "", "NSP loss", "nats per pair"},
      {"loss_sop", "sop_loss", "", "", "SOP loss", "nats per pair"},
      {"acc_mlm", "mlm_accuracy", "most_frequent_accuracy", "most frequent token", "MLM accuracy",
       "share of masked tokens", kShare},
      {"acc_lm", "lm_accuracy", "most_frequent_accuracy", "most frequent token", "LM accuracy",
       "share of tokens", kShare},
      {"acc_nsp", "nsp_accuracy", "nsp_majority", "majority", "NSP accuracy", "share of pairs",
       kShare},
      {"acc_sop", "sop_accuracy", "sop_majority", "majority", "SOP accuracy", "share of pairs",
       kShare},
      {"lr", "", "", "", "learning rate", "", kPlain, kExact},
      {"epoch", "", "", "", "passes over the data", "epochs", kPlain, kExact},
      {"tokens", "", "", "", "tokens trained on", "tokens", kCount, kExact},
      {"grad_norm", "", "", "", "gradient norm", "L2 norm before clipping"},
      {"tok_per_s", "", "", "", "throughput", "tokens per second", kCount},
      {"seq_per_s", "", "", "", "throughput", "sequences per second", kCount},
      {"step_ms", "", "", "", "time of a step", "ms"},
      {"data_ms", "", "", "", "waiting for data", "ms a step"},
      {"comm_exposed_ms", "", "", "", "waiting for other ranks", "ms a step"},
      {"mem_gib", "", "", "", "memory of rank 0, at most", "GiB", kPlain, kExact},
      {"mfu", "", "", "", "model FLOPS utilization", "share of the peak", kShare},
      {"loss_scale", "", "", "", "loss scale", "", kCount, kExact},
      {"right", "", "", "", "right predictions in training", "share of what is scored", kShare},
      {"", "accuracy", "", "", "accuracy", "share of held-out rows", kShare},
      {"", "accuracy_m", "", "", "accuracy, matched", "share of held-out rows", kShare},
      {"", "accuracy_mm", "", "", "accuracy, mismatched", "share of held-out rows", kShare},
      {"", "f1", "", "", "F1", "per cent", kShare},
      {"", "macro_f1", "", "", "macro F1", "per cent", kShare},
      {"", "span_f1", "", "", "F1 of phrases", "per cent", kShare},
      {"", "precision", "", "", "precision", "per cent", kShare},
      {"", "recall", "", "", "recall", "per cent", kShare},
      {"", "exact_match", "", "", "exact match", "share of questions", kShare},
      {"", "matthews", "", "", "Matthews correlation", ""},
      {"", "pearson", "", "", "Pearson correlation", ""},
      {"", "spearman", "", "", "Spearman correlation", ""},
      {"", "eval_ms", "", "", "time of an evaluation", "ms"},
  };
  return kMetrics;
}

}  // namespace

PlotMetric plot_metric(std::string_view key) {
  const auto& known = known_metrics();
  const auto found = std::find_if(known.begin(), known.end(), [key](const PlotMetric& metric) {
    return metric.train == key || metric.evaluation == key;
  });
  if (found != known.end()) return *found;
  const std::string name(key);
  return {name, name, "", "", name, ""};
}

}  // namespace bertyard
