// SPDX-License-Identifier: Apache-2.0
#include "launch/verbs/verb_fill_mask.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "data/tokenizer/tokenizer.h"
#include "launch/run/cpu_threads.h"
#include "launch/run/rank_log.h"
#include "launch/run/saved_model.h"
#include "train/huggingface/huggingface.h"
#include "train/mask_filler.h"

namespace bertyard {
namespace {

using Ids = std::vector<std::uint32_t>;

// [CLS] text [SEP]; the text has its [MASK]s and fits.
Ids ids_of(const std::string& text, const Tokenizer& tokenizer, const SavedModel& model) {
  const SpecialTokens& special = model.vocabulary->special();
  Ids ids{special.cls};
  for (const std::uint32_t id : tokenizer.tokenize(text)) ids.push_back(id);
  ids.push_back(special.sep);
  if (std::ranges::find(ids, special.mask) == ids.end()) {
    throw UsageError(
        fmt::format("the text '{}' has no [MASK]; put one where a word is wanted", text));
  }
  if (static_cast<std::int64_t>(ids.size()) > model.config.max_positions) {
    throw UsageError(
        fmt::format("a text has {} tokens with [CLS] and [SEP], the model has "
                    "positions for {}; shorten it",
                    ids.size(), model.config.max_positions));
  }
  return ids;
}

void load_with_head(const SavedModel& model, ParameterStore& parameters) {
  const ImportReport report =
      load_huggingface_weights(model.path, parameters, MissingHeads::keep_values);
  for (const std::string& name : report.kept) {
    if (!name.starts_with("cls.predictions.")) continue;
    throw DataError(fmt::format(
        "{}: tensor '{}' is missing: the model has no masked-language-model head, which fill-mask "
        "needs; take the model as it was pre-trained",
        model.path, name));
  }
}

void print_text(const std::string& text, const std::vector<FilledMask>& masks,
                const Vocabulary& vocabulary) {
  fmt::print("{}\n", text);
  for (const FilledMask& mask : masks) {
    if (masks.size() > 1) fmt::print(" token {}\n", mask.position);
    for (const FilledMask::Word& word : mask.words) {
      fmt::print("  {:.4f}  {}\n", word.probability, vocabulary.token(word.id));
    }
  }
}

void print_json(const std::string& text, const std::vector<FilledMask>& masks,
                const Vocabulary& vocabulary) {
  nlohmann::ordered_json json;
  json["text"] = text;
  json["masks"] = nlohmann::json::array();
  for (const FilledMask& mask : masks) {
    nlohmann::ordered_json entry;
    entry["token"] = mask.position;
    for (const FilledMask::Word& word : mask.words) {
      entry["words"].push_back({{"word", vocabulary.token(word.id)},
                                {"id", word.id},
                                {"probability", word.probability}});
    }
    json["masks"].push_back(std::move(entry));
  }
  using Handler = nlohmann::ordered_json::error_handler_t;
  fmt::print("{}\n", json.dump(-1, ' ', false, Handler::replace));  // a text may be anything
}

}  // namespace

int run_fill_mask(const FillMaskVerbOptions& options) {
  Logger log = rank_logger({}, 0, "");
  const SavedModel model = open_saved_model(options.model, log);
  if (model.config.is_causal()) {
    throw DataError(
        fmt::format("{}: the model is causal: it predicts the next token from those before it and "
                    "does not see what follows a [MASK]; take a bidirectional model",
                    model.path));
  }
  if (model.config.is_elmo()) {
    throw DataError(
        fmt::format("{}: the model is an ELMo: it predicts a token from what stands before it or "
                    "from what stands behind it, not from both, and knows no [MASK]; take a "
                    "bidirectional transformer",
                    model.path));
  }
  if (!model.vocabulary) {
    throw DataError(fmt::format(
        "{}: there is no vocab.txt and no tokenizer.json; text cannot be turned into tokens",
        model.path));
  }
  const Tokenizer tokenizer(*model.vocabulary, model.tokenizer, {"[MASK]"});
  std::vector<Ids> texts;
  std::size_t longest = 0;
  for (const std::string& text : options.texts) {
    texts.push_back(ids_of(text, tokenizer, model));
    longest = std::max(longest, texts.back().size());
  }

  CpuOptions cpu;
  cpu.threads = cpu_threads(options.threads, 1);
  const auto device = make_cpu_device(cpu);
  MaskFiller filler(model.config, static_cast<std::int64_t>(longest), *device);
  load_with_head(model, filler.parameters());
  filler.weights_loaded();
  const auto print = options.form == OutputForm::json ? print_json : print_text;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto filled = filler.fill(texts[i], model.vocabulary->special().mask,
                                    static_cast<std::size_t>(options.top));
    print(options.texts[i], filled, *model.vocabulary);
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
