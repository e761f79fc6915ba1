// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {

std::vector<NamedTensor> named_tensors(const ParameterStore& parameters, ConstTensorView values) {
  BERTYARD_CHECK(values.elements() == parameters.flat_elements(),
                 fmt::format("export: {} values for {} elements", values.elements(),
                             parameters.flat_elements()));
  std::vector<NamedTensor> tensors;
  for (const ParameterInfo& info : parameters.infos()) {
    tensors.push_back(
        {info.name, values.slice(info.offset, info.shape.elements()).reshaped(info.shape)});
  }
  return tensors;
}

void export_huggingface(const std::filesystem::path& directory, const ExportContents& contents,
                        const FileCalls& calls) {
  make_directories(directory);
  AtomicFile weights(directory / "model.safetensors", calls);
  write_safetensors(weights.writer(), named_tensors(contents.parameters, contents.values));
  weights.commit();
  const std::string config =
      huggingface_config_text(contents.model, pad_id_of(contents.vocabulary), contents.head);
  const std::string tokenizer =
      huggingface_tokenizer_text(contents.tokenizer, contents.model.max_positions);
  write_file_atomically(directory / "config.json", config, calls);
  write_file_atomically(directory / "vocab.txt", contents.vocabulary, calls);
  write_file_atomically(directory / "tokenizer_config.json", tokenizer, calls);
}

}  // namespace bertyard
