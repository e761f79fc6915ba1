// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verbs.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/config/config_suggestion.h"
#include "launch/verbs/build_info.h"

namespace bertyard {

const std::vector<VerbName>& verb_names() {
  static const std::vector<VerbName> names{
      {"init", "write a commented configuration from a preset"},
      {"prepare", "text -> vocabulary -> shards of samples"},
      {"tokenize", "text or JSONL -> tokens, ids and offsets as JSONL"},
      {"check", "say everything that can be known before a run"},
      {"config", "print the resolved configuration and where each value comes from"},
      {"train", "pre-train; under mpirun or srun on every rank"},
      {"finetune", "train a model on a downstream task; grids and seeds give a table"},
      {"compare", "fine-tune several systems on several tasks; system x task in one table"},
      {"predict", "answers of a fine-tuned model in the official formats"},
      {"launch", "write the script of a job for SLURM or mpirun, and submit it"},
      {"doctor", "what is wrong with ranks, hosts, network and storage; under mpirun or srun"},
      {"eval", "losses and accuracies of a model on held-out samples, or its task's scores"},
      {"distill", "train a small model that a larger one teaches, and compare the two"},
      {"encode", "text -> vectors, as NumPy or JSONL"},
      {"fill-mask", "the likeliest words for every [MASK] of a text"},
      {"bench", "speed of the training that a configuration describes"},
      {"export", "write a Hugging Face directory"},
      {"convert", "write samples in NVIDIA's layout, or shards from another program's"},
      {"inspect", "show a shard, checkpoint, vocabulary or run"},
      {"verify", "check everything about samples, with statistics and a verdict"},
      {"plan", "predict step, memory and time to train from 1 to 4,096 devices"},
      {"plot", "draw curves of one run or several"},
      {"version", "print the version and what the build found"},
  };
  return names;
}

void check_verb(std::string_view word) {
  if (word.empty() || word.front() == '-') return;
  std::vector<std::string> names;
  for (const VerbName& verb : verb_names()) {
    if (verb.name == word) return;
    names.emplace_back(verb.name);
  }
  const auto nearest = nearest_name(word, names);
  throw UsageError(fmt::format(
      "no command '{}'; {}", word,
      nearest ? fmt::format("did you mean '{}'?", *nearest) : "'bertyard --help' lists them"));
}

int run_version(VersionDetail detail) {
  fmt::print("bertyard {} ({})\n", version_text(), git_revision());
  if (detail == VersionDetail::build) {
    for (const BuildRow& row : build_table()) fmt::print("  {:<14} {}\n", row.name, row.value);
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
