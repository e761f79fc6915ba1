// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoint/background_saver.h"

#include <chrono>
#include <exception>

#include "core/base/error.h"

namespace bertyard {

void BackgroundSaver::start(std::int64_t step, Write write) {
  BERTYARD_CHECK(!saving_.valid(), "a checkpoint is still being written");
  saving_ = std::async(std::launch::async, [step, write = std::move(write)] {
    const auto start = std::chrono::steady_clock::now();
    Saved saved{step, {}, 0, {}};
    try {
      saved.written = write();
    } catch (const std::exception& error) {
      saved.error = error.what();
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    saved.seconds = spent.count();
    return saved;
  });
}

std::optional<BackgroundSaver::Saved> BackgroundSaver::collect() {
  if (!saving_.valid()) return std::nullopt;
  if (saving_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
  return saving_.get();
}

std::optional<BackgroundSaver::Saved> BackgroundSaver::wait() {
  if (!saving_.valid()) return std::nullopt;
  return saving_.get();
}

}  // namespace bertyard
