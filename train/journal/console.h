// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "train/options.h"

namespace bertyard {

std::string grouped(std::int64_t count);    // 12,340
std::string shortened(double count);        // 947, 4.1k, 412k, 1.0M, 2.1G
std::string duration_text(double seconds);  // 45s, 12m 05s, 3h 07m, 2d 04h

// What the progress line shows; absent values are left out.
struct Progress {
  std::string run;
  std::int64_t step = 0;
  std::int64_t total_steps = 0;
  double loss = 0;
  std::optional<double> mlm_loss;
  std::string_view token_task = "mlm";  // its name
  std::optional<double> sentence_loss;
  std::string_view sentence_task = "nsp";  // its name
  std::optional<double> accuracy;
  double learning_rate = 0;
  double gradient_norm = 0;
  double tokens_per_second = 0;
  std::optional<double> flops_utilization;  // 0 to 1
  double data_fraction = 0;                 // of the time spent waiting for batches
  double memory_gib = 0;
  double memory_total_gib = 0;
  std::optional<double> seconds_left;
};

enum class LineStyle { bar, plain };
enum class Color { yes, no };

// One line without its end: with a bar for terminals; without bar and escapes for files.
std::string progress_line(const Progress& progress, LineStyle style, Color color = Color::no);

// "  parameters   110,106,428": labels padded to one width.
struct BannerRow {
  std::string label;
  std::string text;
};
std::vector<std::string> banner_lines(const std::vector<BannerRow>& rows);

// Seconds that are left, from an exponential mean of the step time without the first five steps.
class TimeLeft {
 public:
  void observe(double step_seconds);
  // A new phase has steps of another length.
  void start_phase();
  std::optional<double> seconds(std::int64_t steps_left) const;

 private:
  std::int64_t seen_ = 0;
  double mean_ = 0;
};

// Where lines go, and what the environment says of it.
struct ConsoleTarget {
  std::function<void(std::string_view)> write;
  std::function<double()> now;             // seconds, monotonic
  std::function<std::string()> timestamp;  // UTC, before plain lines
  bool terminal = false;
  Color color = Color::no;
  int columns = 0;  // 0: unknown, lines are not cut
};
// stderr; asks the terminal, CI, TERM and NO_COLOR.
ConsoleTarget standard_error_target();

// The progress line of rank 0. On a terminal one line, redrawn at most five times a second;
// elsewhere whole lines: each of the first ten steps, then at most one each max(log.every, 10 s).
class Console {
 public:
  Console(const LogOptions& options, ConsoleTarget target);

  void progress(const Progress& progress);
  // Takes the redrawn line away, before somebody else writes to the terminal.
  void clear();
  // Leaves the last state standing.
  void finish();

 private:
  void redraw(const Progress& progress);
  void print(const Progress& progress);

  ConsoleTarget target_;
  ConsoleMode mode_;
  std::int64_t every_steps_;
  std::int64_t shown_ = 0;
  std::int64_t last_step_ = 0;
  double last_time_ = 0;
  std::string pending_;  // the newest line, drawn or not
  bool on_screen_ = false;
};

}  // namespace bertyard
