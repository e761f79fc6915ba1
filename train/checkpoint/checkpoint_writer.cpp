// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/base/error.h"
#include "data/files/atomic_file.h"
#include "data/files/directories.h"
#include "data/files/file_writer.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/checkpoint_manifest.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/huggingface/huggingface.h"

namespace bertyard {
namespace {

namespace fs = std::filesystem;

std::vector<NamedTensor> optimizer_tensors(const CheckpointContents& contents) {
  std::vector<NamedTensor> tensors;
  for (const OptimizerArray& array : contents.optimizer) {
    for (NamedTensor& tensor : named_tensors(contents.parameters, array.values)) {
      tensors.push_back({array.name + "/" + tensor.name, tensor.values});
    }
  }
  return tensors;
}

// Writes the files of one checkpoint into a directory and notes their checksums on the way.
class FileSet {
 public:
  FileSet(const fs::path& directory, const FileCalls& calls)
      : directory_(directory), calls_(calls) {}

  void write_text(const char* name, std::string_view text) {
    FileWriter file(directory_ / name, OpenFor::create, calls_);
    file.write(text);
    close(name, file);
  }
  void write_tensors(const char* name, std::vector<NamedTensor> tensors) {
    FileWriter file(directory_ / name, OpenFor::create, calls_);
    write_safetensors(file, std::move(tensors));
    close(name, file);
  }
  const std::vector<CheckpointFile>& files() const { return files_; }

 private:
  void close(const char* name, FileWriter& file) {
    file.finish();
    files_.push_back({name, file.bytes(), file.digest()});
  }

  const fs::path& directory_;
  const FileCalls& calls_;
  std::vector<CheckpointFile> files_;
};

std::vector<CheckpointFile> write_files(const fs::path& directory,
                                        const CheckpointContents& contents,
                                        const FileCalls& calls) {
  FileSet set(directory, calls);
  const std::int64_t pad_id = pad_id_of(contents.vocabulary);
  set.write_tensors("model.safetensors", named_tensors(contents.parameters, contents.weights));
  set.write_tensors("optimizer.bin", optimizer_tensors(contents));
  set.write_text("config.json", huggingface_config_text(contents.model, pad_id, contents.head));
  set.write_text("vocab.txt", contents.vocabulary);
  set.write_text("tokenizer_config.json",
                 huggingface_tokenizer_text(contents.tokenizer, contents.model.max_positions));
  std::vector<CheckpointFile> files = set.files();
  set.write_text("manifest.json", manifest_text({contents.state, files}));
  return files;
}

void verify(const fs::path& written) {
  try {
    (void)Checkpoint::read(written);
  } catch (const DataError& error) {
    throw IoError(
        fmt::format("a checkpoint does not read back as it was written: {}; the disk or "
                    "the memory of this host may be failing",
                    error.what()));
  }
}

// A stop right after a resume saves the same step again: what is there then stays, untouched.
bool holds_the_same(const fs::path& path, const std::vector<CheckpointFile>& files) {
  try {
    return read_checkpoint_manifest(path).files == files && Checkpoint::read(path).path() == path;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

fs::path save_checkpoint(const fs::path& checkpoints, const CheckpointContents& contents,
                         const FileCalls& calls) {
  make_directories(checkpoints);
  const std::string name = checkpoint_name(contents.state.step);
  {
    AtomicDirectory directory(checkpoints / name, calls);
    const auto files = write_files(directory.path(), contents, calls);
    verify(directory.path());
    if (!holds_the_same(checkpoints / name, files)) directory.commit();
  }
  swap_symlink(checkpoints / "latest", name, calls);
  return checkpoints / name;
}

}  // namespace bertyard
