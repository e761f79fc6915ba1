// SPDX-License-Identifier: Apache-2.0
#include "train/journal/console.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/standard_error.h"

namespace bertyard {
namespace {

constexpr double kRedrawSeconds = 0.2;
constexpr double kPlainSeconds = 10;
constexpr std::int64_t kFirstSteps = 10;
constexpr std::int64_t kWarmSteps = 5;
constexpr double kMeanWeight = 0.05;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

double monotonic_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

}  // namespace

void TimeLeft::observe(double step_seconds) {
  ++seen_;
  if (seen_ <= kWarmSteps) return;
  mean_ = seen_ == kWarmSteps + 1 ? step_seconds : mean_ + kMeanWeight * (step_seconds - mean_);
}

void TimeLeft::start_phase() {
  *this = TimeLeft();
}

std::optional<double> TimeLeft::seconds(std::int64_t steps_left) const {
  if (seen_ <= kWarmSteps) return std::nullopt;
  return mean_ * static_cast<double>(steps_left);
}

ConsoleTarget standard_error_target() {
  ConsoleTarget target;
  target.write = write_standard_error;
  target.now = monotonic_seconds;
  target.timestamp = utc_now;
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  target.terminal = ::isatty(STDERR_FILENO) == 1 && !dumb && !is_set("CI");
  target.color = target.terminal && !is_set("NO_COLOR") ? Color::yes : Color::no;
  winsize size{};
  if (target.terminal && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
    target.columns = size.ws_col;
  return target;
}

Console::Console(const LogOptions& options, ConsoleTarget target)
    : target_(std::move(target)), mode_(options.console), every_steps_(options.every_steps) {
  if (mode_ == ConsoleMode::automatic && !target_.terminal) mode_ = ConsoleMode::plain;
}

void Console::progress(const Progress& progress) {
  if (mode_ == ConsoleMode::off) return;
  if (mode_ == ConsoleMode::plain) {
    print(progress);
  } else {
    redraw(progress);
  }
}

void Console::print(const Progress& progress) {
  const double now = target_.now();
  const bool due = shown_ < kFirstSteps || (progress.step - last_step_ >= every_steps_ &&
                                            now - last_time_ >= kPlainSeconds);
  if (!due) {
    pending_ = progress_line(progress, LineStyle::plain);
    return;
  }
  pending_.clear();
  ++shown_;
  last_step_ = progress.step;
  last_time_ = now;
  target_.write(target_.timestamp() + " " + progress_line(progress, LineStyle::plain) + "\n");
}

void Console::redraw(const Progress& progress) {
  const double now = target_.now();
  // A line that wraps cannot be redrawn; escapes take no columns, so a cut line has no color.
  pending_ = progress_line(progress, LineStyle::bar);
  const auto columns = static_cast<std::size_t>(std::max(target_.columns, 0));
  if (columns > 0 && pending_.size() >= columns) {
    pending_.resize(columns - 1);
  } else {
    pending_ = progress_line(progress, LineStyle::bar, target_.color);
  }
  if (shown_ > 0 && now - last_time_ < kRedrawSeconds) return;
  ++shown_;
  last_time_ = now;
  target_.write("\r" + pending_ + "\x1b[K");
  on_screen_ = true;
}

void Console::clear() {
  if (on_screen_) target_.write("\r\x1b[K");
  on_screen_ = false;
}

void Console::finish() {
  if (mode_ == ConsoleMode::plain && !pending_.empty()) {
    target_.write(target_.timestamp() + " " + pending_ + "\n");
  }
  if (mode_ == ConsoleMode::automatic && shown_ > 0) target_.write("\r" + pending_ + "\x1b[K\n");
  pending_.clear();
  on_screen_ = false;
}

}  // namespace bertyard
