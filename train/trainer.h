// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/optim/optimizer.h"
#include "core/optim/schedule.h"
#include "data/batches/batch_stream.h"
#include "parallel/communicator.h"
#include "parallel/gradient_reduction.h"
#include "parallel/pulse.h"
#include "train/bad_numbers.h"
#include "train/device_batch.h"
#include "train/loss_spike.h"
#include "train/objective.h"
#include "train/options.h"
#include "train/run_plan.h"
#include "train/straggler.h"
#include "train/watch_options.h"

namespace bertyard {

// Where a run stands: all a resumed one needs beside weights and optimizer state.
struct TrainState {
  std::int64_t step = 0;              // attempted
  std::uint64_t data_position = 0;    // global index of the next sample
  std::int64_t tokens = 0;            // trained on so far
  double seconds = 0;                 // trained so far, over all starts
  std::vector<double> last_losses{};  // of LossSpike
};

enum class StopRequest { none, requeue, terminate };
enum class TrainEnd { finished, requeue, terminated };

// One attempted step, over all ranks.
struct StepReport {
  TrainState state;  // after the step
  std::size_t phase = 0;
  StepCounts counts;
  std::int64_t tokens = 0;
  std::size_t micro_batches = 0;  // over all ranks
  std::vector<double> sums;       // the objective's
  double learning_rate = 0;
  UpdateOutcome update;
  bool spiked = false;        // the update was left out for its loss
  double seconds = 0;         // of the step on this rank
  double data_seconds = 0;    // of these, waiting for the batch
  double comm_seconds = 0;    // waiting for other ranks, beyond what backward hid
  double update_seconds = 0;  // in the optimizer
};

// What happens around the steps; every rank has one and its calls come in the same order on all.
class TrainerHooks {
 public:
  virtual ~TrainerHooks() = default;
  virtual void step_done(const StepReport& report) = 0;
  virtual void evaluate(const TrainState& state) = 0;
  virtual void save(const TrainState& state) = 0;
  // The update was left out because a gradient was not finite. `found` is what computing this
  // rank's share again showed; `last` says that the run ends for it.
  struct Skipped {
    const StepReport& report;
    const StepBatches& batches;  // this rank's
    const std::optional<BadNumbers>& found;
    bool last = false;
  };
  virtual void skipped(const Skipped&) {}
  // Throws where the ranks' weights are not the same.
  virtual void compare_replicas(const TrainState&) {}
  virtual void found_stragglers(const TrainState&, const std::vector<Straggler>&) {}
  // The loss that a spike is told by.
  virtual double loss_of(const StepReport&) const { return 0; }
  // Back to the newest checkpoint, whose state is returned; `spike` is the step that asked for it.
  virtual TrainState roll_back(const StepReport& spike) { return spike.state; }
  // This rank's wish; the trainer makes all ranks agree.
  virtual StopRequest stop_requested() = 0;
  // After an evaluation: whether more steps are not worth it. The same on every rank.
  virtual bool converged() const { return false; }
};

// The training loop and nothing else: batches in, gradients summed over micro-batches and ranks,
// one update a step. Borrows everything; one object drives one run on one rank.
class Trainer {
 public:
  struct Parts {
    Device& device;
    Communicator& communicator;
    GradientReduction& reduction;  // of the objective's gradients
    Objective& objective;
    Optimizer& optimizer;
    DeviceBatch& batch;
    TrainerHooks& hooks;
    Pulse* pulse = nullptr;         // where this rank is, for its watchers
    SpanListener* spans = nullptr;  // hears of the step's parts
  };
  struct Options {
    ScheduleOptions schedule;
    Interval checkpoint_every;
    Interval evaluate_every;
    WatchOptions watch = {};
    bool save_evaluated = false;  // a checkpoint after every evaluation
  };
  using OpenStream =
      std::function<std::unique_ptr<BatchStream>(const PlannedPhase& phase, std::uint64_t start)>;

  Trainer(const Parts& parts, const RunPlan& plan, const Options& options, OpenStream open_stream);

  // From `state` to the end of the plan or an agreed stop; a checkpoint is saved at either.
  TrainEnd run(const TrainState& state);

 private:
  // What ranks tell each other each step beside the objective's sums; more than zero means yes.
  enum Flag { kRequeue, kTerminate, kCheckpointDue, kEvaluationDue, kFlagCount };
  using Clock = std::chrono::steady_clock;

  void enter(RankPhase phase);
  StepBatches next_batches();
  const StepReport& step();
  void accumulate(const StepBatches& batches);
  void accumulate_leaf(std::span<const Batch> micro_batches, const GradientsReady& last);
  void keep_sums(int leaf);
  void sum_over_ranks();
  void exchange();
  void update(StepReport& report);
  void look_at_skipped(const StepReport& report, const StepBatches& batches);
  void refuse_divergence(const StepReport& report);
  void roll_back(const StepReport& report);
  StopRequest agreed_stop() const;
  // Evaluates and saves where it is time; whether to stop.
  StopRequest after_step();

  Parts parts_;
  const RunPlan& plan_;
  Options options_;
  OpenStream open_stream_;
  bool on_host_;  // the device is the host
  std::unique_ptr<BatchStream> stream_;
  std::size_t stream_phase_ = 0;
  TrainState state_;
  // The step's figures, kept so that a step allocates nothing.
  StepReport report_;
  Buffer pinned_;
  std::span<double> exchanged_;  // of it: [leaves, sums], those of other ranks 0; then [flags]
  std::span<double> leaf_sums_, flags_;
  std::int64_t skipped_ = 0;     // in a row
  std::int64_t spike_step_ = 0;  // the furthest step that was rolled back from
  std::int64_t rollbacks_ = 0;   // since a checkpoint beyond that step
  PhaseTimes times_;
  LossSpike spike_;
  bool converged_ = false;
  Clock::time_point last_save_;
  Clock::time_point last_evaluation_;
};

}  // namespace bertyard
