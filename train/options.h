// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/nn/recompute.h"

namespace bertyard {

// An amount as the configuration gives it: 900k steps, 3 epochs, 2G tokens, 500k samples.
enum class AmountUnit { steps, epochs, samples, tokens };
struct Amount {
  double value = 0;
  AmountUnit unit = AmountUnit::steps;
  bool operator==(const Amount&) const = default;
};

// One phase of pre-training: until `until` (counted from the run's start), samples cut to
// `max_length` tokens, `global_batch` samples a step.
struct Phase {
  Amount until;
  int max_length = 128;
  std::int64_t global_batch = 256;
  bool operator==(const Phase&) const = default;
};

enum class Shuffle {
  global,  // one permutation of all samples an epoch
  blocks,  // blocks of neighbours in random order, samples mixed within a window of blocks
};

struct DataOptions {
  std::string train;
  std::string valid;
  int prefetch = 4;  // batches ready ahead of the step
  Shuffle shuffle = Shuffle::global;
  std::int64_t shuffle_block = 4096;  // samples of a block, likewise blocks of a window
  std::int64_t shuffle_window = 64;
  std::string cache;  // directory for converted samples; empty: beside the data
  bool operator==(const DataOptions&) const = default;
};

// "every 30 min", "every 500 steps": exactly one of the two is above zero, or neither (never).
struct Interval {
  std::int64_t steps = 0;
  double seconds = 0;
  // Of one that counts steps.
  bool is_due(std::int64_t step) const { return steps > 0 && step % steps == 0; }
  bool operator==(const Interval&) const = default;
};

// due: the newest of those that `every` asks for by steps.
enum class ResumeMode { automatic, never, from_path, due };
struct CheckpointOptions {
  Interval every{0, 1800};
  int keep_last = 3;
  Interval keep_every;    // these are never deleted
  int keep_best = 1;      // by held-out MLM loss
  bool keep_due = false;  // and the newest of those that `every` asks for by steps
  ResumeMode resume = ResumeMode::automatic;
  std::string resume_path;
  bool operator==(const CheckpointOptions&) const = default;
};

struct EvaluationOptions {
  Interval every;
  std::int64_t samples = 10000;  // at most, the first of the held-out shards
  bool operator==(const EvaluationOptions&) const = default;
};

enum class ConsoleMode { automatic, plain, off };
struct LogOptions {
  std::int64_t every_steps = 10;
  ConsoleMode console = ConsoleMode::automatic;
  bool jsonl = true;
  bool tensorboard = true;
  std::string level = "info";
  bool operator==(const LogOptions&) const = default;
};

// Fixed capacities of a micro-batch: design, 4.3. Zero means chosen by the program.
struct MicroBatchOptions {
  std::int64_t tokens = 0;
  std::int64_t sequences = 0;
  std::int64_t masked = 0;
  bool operator==(const MicroBatchOptions&) const = default;
};

// Of activations and products; master weights, gradients of parameters and statistics are fp32.
// `automatic` is settled when a configuration is loaded: bf16 on a GPU, fp32 on a CPU.
enum class Precision { automatic, fp32, bf16, tf32 };
enum class BackendChoice { automatic, cpu, cuda };
// Of our own kernels on the CPU.
enum class InstructionSet { automatic, avx512_bf16, avx512, avx2, generic };
// Of the threads of a rank to cores.
enum class ThreadBinding {
  automatic,  // each to a core of its own, within what the launcher left the process
  none,
};
enum class Reduction {
  fast,     // equal to any other order of summation up to rounding
  ordered,  // the same bits for any number of ranks: parallel/ordered_reduction.h
};

// What carries gradients between ranks: NCCL between GPUs and MPI between CPUs, or MPI by way of
// the host for GPUs too.
enum class CommChoice { automatic, nccl, host };

struct ParallelOptions {
  BackendChoice backend = BackendChoice::automatic;
  CommChoice comm = CommChoice::automatic;
  int threads = 0;  // of one rank; 0 means chosen by the program
  ThreadBinding bind = ThreadBinding::automatic;
  InstructionSet instruction_set = InstructionSet::automatic;
  MicroBatchOptions micro_batch;
  Recompute recompute = Recompute::none;
  Reduction reduction = Reduction::fast;
  Precision exchange = Precision::fp32;  // gradients on their way to other ranks
  int leaves = 8;                        // of a step in ordered reduction
  bool shard_optimizer = false;          // ZeRO-1: parallel/shard_plan.h
  bool graphs = true;                    // micro-batches as CUDA graphs
  std::uint64_t bucket_bytes = 25ull << 20;
  bool operator==(const ParallelOptions&) const = default;
};

struct RunOptions {
  std::string name = "run";
  std::string directory = "runs";
  std::uint64_t seed = 42;
  bool operator==(const RunOptions&) const = default;
};

}  // namespace bertyard
