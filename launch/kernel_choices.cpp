// SPDX-License-Identifier: Apache-2.0
#include "launch/kernel_choices.h"

#include <string>

#include "data/files/atomic_file.h"
#include "data/files/file_writer.h"

namespace bertyard {
namespace {

constexpr const char* kFile = "kernel_choices.txt";

}  // namespace

void share_kernel_choices(const std::filesystem::path& directory, ControlPlane& control,
                          Device& device) {
  if (device.info().kind == DeviceKind::cpu) return;
  const std::filesystem::path path = directory / kFile;
  const bool known = !directory.empty() && std::filesystem::exists(path);
  const std::string text =
      control.broadcast_string("kernel choices", known ? read_file(path) : std::string());
  if (!text.empty()) device.use_kernel_choices(text);
}

void save_kernel_choices(const std::filesystem::path& directory, const Device& device) {
  const std::string text = device.kernel_choices();
  if (!text.empty()) write_file_atomically(directory / kFile, text);
}

}  // namespace bertyard
