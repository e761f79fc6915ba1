// SPDX-License-Identifier: Apache-2.0
#include "launch/console/progress_line.h"

#include <fmt/format.h>

#include "core/base/standard_error.h"
#include "train/journal/console.h"

namespace bertyard {
namespace {

constexpr std::chrono::milliseconds kRedraw{200};
constexpr std::chrono::seconds kLineEvery{10};

}  // namespace

std::string progress_text(const PrepareProgress& progress, double seconds, int world) {
  if (progress.total == 0) {  // how many there are, nobody knows
    return fmt::format("{:<8} {} documents", progress.stage,
                       grouped(static_cast<std::int64_t>(progress.done)));
  }
  const auto done = static_cast<double>(progress.done);
  const auto total = static_cast<double>(progress.total);
  const double share = total > 0 ? done / total : 1;
  const char* unit = progress.stage == "samples" ? "M tokens/s" : "MB/s";
  const double rate = seconds > 0 ? done * world / seconds / 1e6 : 0;
  const double left = done > 0 ? seconds * (total - done) / done : 0;
  return fmt::format("{:<8} {:5.1f}%  {:.1f} {}  {} left", progress.stage, 100 * share, rate, unit,
                     duration_text(left));
}

void ProgressLine::show(const PrepareProgress& progress) {
  const auto now = Clock::now();
  if (stage_ != progress.stage) {
    finish();
    stage_ = progress.stage;
    stage_begin_ = last_ = now;
    return;
  }
  const Clock::duration pause =
      is_terminal_ ? Clock::duration(kRedraw) : Clock::duration(kLineEvery);
  if (now - last_ < pause) return;
  last_ = now;
  const std::chrono::duration<double> seconds = now - stage_begin_;
  const std::string text = progress_text(progress, seconds.count(), world_);
  write_standard_error(
      fmt::format("{}{}{}", is_terminal_ ? "\r" : "", text, is_terminal_ ? "\x1B[K" : "\n"));
  is_open_ = is_terminal_;
}

void ProgressLine::finish() {
  if (is_open_) write_standard_error("\r\x1B[K");
  is_open_ = false;
}

}  // namespace bertyard
