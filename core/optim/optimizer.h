// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/backend/device.h"
#include "core/backend/update_ops.h"
#include "core/nn/parameters.h"
#include "core/optim/optimizer_options.h"
#include "core/optim/optimizer_shard.h"
#include "core/tensor/arena.h"

namespace bertyard {

std::string_view name_of(OptimizerKind kind);

// What an update came to.
struct UpdateOutcome {
  double gradient_norm = 0;     // before clipping
  bool applied = false;         // false: a gradient was not finite, and nothing was changed
  double exchange_seconds = 0;  // waiting for the other ranks, with a sharded state
};

// Turns the summed gradients of a step into new parameters: global norm and clipping, then AdamW,
// Adam, LAMB or SGD over the flat buffers. With a shard (ZeRO-1) it keeps the moments of that part
// only, updates that part and has the rest from the other ranks: the same bits, because norms are
// added from the chunks of all ranks in their order, and all else is elementwise. Owns the tables
// of segments and the places of its state, no memory.
class Optimizer {
 public:
  // The state of everything; of `shard` alone.
  Optimizer(const OptimizerOptions& options, const ParameterStore& parameters);
  Optimizer(const OptimizerOptions& options, const ParameterStore& parameters,
            const OptimizerShard& shard);
  // Needed before the first step where `shard` is not everything. Borrowed.
  void connect(ShardExchange& exchange) { exchange_ = &exchange; }

  // Memory for the moments and the norms; bind() clears it.
  void plan(ArenaPlan& plan);
  void bind(const Arena& arena, Device& device);
  // What plan() would add.
  std::size_t bytes() const;

  // Uses parameters.values() and, of the shard, parameters.gradients(); the gradients are
  // overwritten by LAMB. Waits for the device once, at the end.
  UpdateOutcome step(double learning_rate, const ParameterStore& parameters);

  // The state as a checkpoint holds it: f32 arrays in the layout of the parameters. collect()
  // copies one into `flat`, with the parts of the other ranks, who call it too; restore() takes
  // this rank's part of it.   flat f32 [flat_elements], memory of the device
  std::vector<std::string> array_names() const;
  bool holds_everything() const;                  // and is not joined to those of other ranks
  TensorView array(std::string_view name) const;  // what of it is held here
  void collect(std::string_view name, TensorView flat);
  void restore(std::string_view name, ConstTensorView flat);
  // Updates that were applied: what bias correction counts.
  std::int64_t applied_steps() const;
  void set_applied_steps(std::int64_t steps);

 private:
  // One range of the shard.
  struct Piece {
    FlatRange range;
    std::int64_t state_at = 0;     // of its moments
    std::int64_t first_chunk = 0;  // among all chunks
    UpdateTables tables = {};      // offsets within the range, tensors counted over everything
    std::unique_ptr<UpdatePlan> plan = nullptr;
  };

  struct Slots {
    ArenaSlot first_moment, second_moment, scalars, sums, squares[2];
  };

  void add_piece(const FlatRange& range);
  Slots add_slots(ArenaPlan& plan) const;
  // The chunks of all ranks into sums_.
  void sum_squares(const TensorView& flat);
  void update(const ParameterStore& parameters);
  UpdateTensors tensors(const Piece& piece, const ParameterStore& parameters) const;
  void update_piece(const Piece& piece, const ParameterStore& parameters);
  void lamb_update(const Piece& piece, const ParameterStore& parameters);
  void lamb_apply(const Piece& piece, const ParameterStore& parameters);
  // Calls call(*exchange_), where there is one, and adds its time.
  template <typename Call>
  void exchange(Call call);
  // The scalars of the device as they are when everything given to it so far is done: waits.
  std::span<const double> read_scalars() const;
  // Behind everything given to the device so far; waits only for the scalar before.
  void write_scalar(StepScalar scalar, double value);

  OptimizerOptions options_;
  std::int64_t flat_elements_;
  std::vector<Piece> pieces_;
  std::int64_t state_elements_ = 0;
  UpdateTables tables_;  // of everything: a segment a tensor
  std::unique_ptr<UpdatePlan> plan_;
  ShardExchange* exchange_ = nullptr;
  double exchange_seconds_ = 0;  // of the step under way
  Device* device_ = nullptr;
  Slots slots_;
  // Pinned: a scalar that is written, then kStepScalarCount that are read.
  Buffer on_host_;
  std::unique_ptr<Event> written_, read_;
  TensorView first_moment_, second_moment_, scalars_, sums_, squares_[2];
};

}  // namespace bertyard
