// SPDX-License-Identifier: Apache-2.0
#include "launch/verb_export.h"

#include <cstring>

#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/host_weights.h"
#include "launch/rank_log.h"
#include "launch/saved_model.h"
#include "train/console.h"
#include "train/huggingface.h"

namespace bertyard {
namespace {

void verify(const std::string& directory, const HostWeights& written) {
  HostWeights read(read_huggingface_config(directory));
  load_huggingface_weights(directory, read.store, MissingHeads::refuse);
  for (int i = 0; i < written.store.size(); ++i) {
    const ConstTensorView a = written.store.value(ParameterId{i});
    const ConstTensorView b = read.store.value(ParameterId{i});
    if (a.shape() != b.shape() || std::memcmp(a.data(), b.data(), a.bytes()) != 0) {
      throw DataError(fmt::format("{}: '{}' read back differs from what was written", directory,
                                  written.store.info({i}).name));
    }
  }
}

}  // namespace

int run_export(const ExportVerbOptions& options) {
  Logger log = rank_logger({}, 0, "");
  const SavedModel model = open_saved_model(options.model, log);
  if (!model.vocabulary) {
    throw DataError(fmt::format("{}: there is no vocab.txt to export", model.path));
  }
  HostWeights weights(model.config);
  model.load(weights.store);
  const std::string vocabulary = model.vocabulary->text();
  export_huggingface(options.to, {.model = model.config,
                                  .parameters = weights.store,
                                  .values = weights.store.values(),
                                  .vocabulary = vocabulary,
                                  .tokenizer = model.tokenizer});
  fmt::print("{} ({}): {} parameters -> {}\n", model.path, model.kind,
             grouped(weights.store.parameter_count()), options.to);
  if (options.verify == VerifyExport::yes) {
    verify(options.to, weights);
    fmt::print("verified: read back, every tensor is the same bit for bit\n");
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace bertyard
