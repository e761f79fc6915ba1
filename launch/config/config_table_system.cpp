// SPDX-License-Identifier: Apache-2.0
#include <span>

#include <fmt/format.h>

#include "core/backend/built_with.h"
#include "launch/config/config_field.h"

namespace bertyard {
namespace {

constexpr NamedValue<Precision> kPrecisions[] = {{Precision::automatic, "auto"},
                                                 {Precision::fp32, "fp32"},
                                                 {Precision::bf16, "bf16"},
                                                 {Precision::tf32, "tf32"}};
constexpr NamedValue<BackendChoice> kBackends[] = {
    {BackendChoice::automatic, "auto"}, {BackendChoice::cpu, "cpu"}, {BackendChoice::cuda, "cuda"}};
constexpr NamedValue<CommChoice> kComms[] = {
    {CommChoice::automatic, "auto"}, {CommChoice::nccl, "nccl"}, {CommChoice::host, "host"}};
constexpr NamedValue<InstructionSet> kInstructionSets[] = {
    {InstructionSet::automatic, "auto"},
    {InstructionSet::avx512_bf16, "avx512_bf16"},
    {InstructionSet::avx512, "avx512"},
    {InstructionSet::avx2, "avx2"},
    {InstructionSet::generic, "generic"}};
constexpr NamedValue<Reduction> kReductions[] = {{Reduction::fast, "fast"},
                                                 {Reduction::ordered, "ordered"}};
constexpr NamedValue<Recompute> kRecomputes[] = {{Recompute::none, "none"},
                                                 {Recompute::layers, "layers"}};
constexpr NamedValue<ThreadBinding> kBindings[] = {{ThreadBinding::automatic, "auto"},
                                                   {ThreadBinding::none, "none"}};
constexpr NamedValue<ConsoleMode> kConsoleModes[] = {
    {ConsoleMode::automatic, "auto"}, {ConsoleMode::plain, "plain"}, {ConsoleMode::off, "off"}};

LaterValue later(const char* name, const char* advice) {
  return {name, fmt::format("{}; use {}", kNotInThisVersion, advice)};
}

ConfigField precision_field() {
  return make_field(
      {"precision",
       "of activations and products, master weights are fp32 always; auto: bf16 on a GPU, else "
       "fp32",
       FieldRole::identity},
      at(&RunConfig::precision),
      choice_type<Precision>(
          kPrecisions, {{"fp16", built_with_cuda() ? "is not available in this version; use bf16"
                                                   : "is refused on a CPU; use fp32 or bf16"}}));
}

std::vector<ConfigField> parallel_fields() {
  const auto parallel = [](auto member) { return at(&RunConfig::parallel, member); };
  const auto capacity = [](auto member) {
    return at(&RunConfig::parallel, &ParallelOptions::micro_batch, member);
  };
  const CountRange capacities{1, std::int64_t{1} << 32};
  return {
      make_field({"parallel.backend", "device that computes"}, parallel(&ParallelOptions::backend),
                 choice_type<BackendChoice>(kBackends, {})),
      make_field({"parallel.comm",
                  "what carries gradients between ranks; auto: NCCL between GPUs, else MPI; host: "
                  "MPI by way of the host's memory, for several ranks on one GPU"},
                 parallel(&ParallelOptions::comm),
                 choice_type<CommChoice>(kComms, {later("single", "auto"), later("mpi", "auto")})),
      make_field({"parallel.threads", "of one rank"}, parallel(&ParallelOptions::threads),
                 automatic_count_type<int>({1, 4096})),
      make_field({"parallel.bind", "threads to cores; auto: each to one of its own"},
                 parallel(&ParallelOptions::bind), choice_type<ThreadBinding>(kBindings, {})),
      make_field({"parallel.instruction_set", "of the CPU's own kernels; auto: the best there is"},
                 parallel(&ParallelOptions::instruction_set),
                 choice_type<InstructionSet>(kInstructionSets, {})),
      make_field({"parallel.micro_batch.tokens", "capacity of a micro-batch"},
                 capacity(&MicroBatchOptions::tokens),
                 automatic_count_type<std::int64_t>(capacities)),
      make_field({"parallel.micro_batch.sequences", "likewise, in sequences"},
                 capacity(&MicroBatchOptions::sequences),
                 automatic_count_type<std::int64_t>(capacities)),
      make_field({"parallel.micro_batch.masked", "likewise, in masked tokens"},
                 capacity(&MicroBatchOptions::masked),
                 automatic_count_type<std::int64_t>(capacities)),
      make_field({"parallel.reduction",
                  "how gradients are summed; ordered: the same bits for any number of ranks"},
                 parallel(&ParallelOptions::reduction), choice_type<Reduction>(kReductions, {})),
      make_field({"parallel.exchange",
                  "gradients on their way to other ranks; bf16: half the bytes, rounded sums"},
                 parallel(&ParallelOptions::exchange),
                 choice_type<Precision>(std::span(kPrecisions).subspan(1, 2), {})),
      make_field({"parallel.leaves", "parts of a step in ordered reduction; at least the ranks"},
                 parallel(&ParallelOptions::leaves), count_type<int>({1, 65536})),
      make_field({"parallel.shard_optimizer",
                  "ZeRO-1: every rank keeps and updates its part of the optimizer's state only"},
                 parallel(&ParallelOptions::shard_optimizer), boolean_type()),
      make_field({"parallel.bucket", "gradients reduced at a time"},
                 parallel(&ParallelOptions::bucket_bytes), bytes_type()),
      make_field({"parallel.start_timeout", "every rank has come by then, or the run ends"},
                 at(&RunConfig::launch, &LaunchSection::start_timeout), duration_type({1, 86400})),
      make_field({"parallel.graphs",
                  "a micro-batch on a GPU is recorded once and replayed; with several ranks and "
                  "reduction: fast all but a step's last, whose gradients are reduced meanwhile"},
                 parallel(&ParallelOptions::graphs), boolean_type()),
      make_field({"parallel.recompute",
                  "activations computed again in backward; layers: of an encoder layer its input "
                  "alone is kept: a third more work, less memory, the same bits"},
                 parallel(&ParallelOptions::recompute), choice_type<Recompute>(kRecomputes, {})),
  };
}

std::vector<ConfigField> watch_fields() {
  const auto watch = [](auto member) { return at(&RunConfig::watch, member); };
  const auto straggler = [](auto member) {
    return at(&RunConfig::watch, &WatchOptions::straggler, member);
  };
  return {
      make_field({"parallel.watchdog.limit",
                  "a rank without a heartbeat or without progress for so long ends the job, named, "
                  "with exit code 124"},
                 watch(&WatchOptions::limit), interval_type(IntervalUnits::time)),
      make_field({"parallel.watchdog.slow_limit",
                  "likewise without progress at start-up, in a checkpoint, in an evaluation"},
                 watch(&WatchOptions::slow_limit), interval_type(IntervalUnits::time)),
      make_field({"parallel.straggler.interval", "how often the ranks' times are compared"},
                 straggler(&StragglerOptions::every), interval_type(IntervalUnits::steps)),
      make_field({"parallel.straggler.ratio",
                  "a rank is slow whose own work takes so many times the ranks' median"},
                 straggler(&StragglerOptions::ratio), real_type({.least = 1})),
      make_field({"parallel.compare_replicas",
                  "how often the ranks' weights are compared, beside every checkpoint"},
                 watch(&WatchOptions::compare_replicas), interval_type(IntervalUnits::steps)),
  };
}

// auto, never, or where from.
ConfigField resume_field() {
  ConfigField field;
  field.key = "checkpoint.resume";
  field.form = "auto | never | path";
  field.schema = R"({"type": "string"})";
  field.meaning = "auto: from the newest checkpoint of the run, if there is one";
  field.read = [](RunConfig& config, std::size_t, const ConfigNode& node) {
    const std::string& text = scalar_of(node, "auto, never or a path");
    if (text.empty()) throw ScalarError("auto, never or a path");
    const bool is_path = text != "auto" && text != "never";
    config.checkpoint.resume = is_path           ? ResumeMode::from_path
                               : text == "never" ? ResumeMode::never
                                                 : ResumeMode::automatic;
    config.checkpoint.resume_path = is_path ? text : std::string();
  };
  field.write = [](const RunConfig& config, std::size_t) -> std::string {
    if (config.checkpoint.resume == ResumeMode::automatic) return "auto";
    if (config.checkpoint.resume == ResumeMode::never) return "never";
    return write_text(config.checkpoint.resume_path);
  };
  return field;
}

std::vector<ConfigField> checkpoint_fields() {
  const auto checkpoint = [](auto member) { return at(&RunConfig::checkpoint, member); };
  return {
      make_field(
          {"checkpoint.every", "how often; rank 0's clock decides", FieldRole::rollback_identity},
          checkpoint(&CheckpointOptions::every), interval_type(IntervalUnits::steps_or_time)),
      make_field({"checkpoint.keep_last", "this many are kept"},
                 checkpoint(&CheckpointOptions::keep_last), count_type<int>({1, 1000000})),
      make_field({"checkpoint.keep_every", "those of every so many steps are never deleted"},
                 checkpoint(&CheckpointOptions::keep_every), interval_type(IntervalUnits::steps)),
      make_field({"checkpoint.keep_best", "this many are kept, by held-out loss of the tokens"},
                 checkpoint(&CheckpointOptions::keep_best), count_type<int>({0, 1000000})),
      make_field({"checkpoint.max_failures", "to save, in a row; then the run ends, exit code 74"},
                 at(&RunConfig::watch, &WatchOptions::max_failed_saves),
                 count_type<int>({1, 1000000})),
      resume_field(),
  };
}

std::vector<ConfigField> watching_fields() {
  const auto log = [](auto member) { return at(&RunConfig::log, member); };
  return {
      make_field({"eval.every", "how often on held-out data"},
                 at(&RunConfig::eval, &EvaluationOptions::every),
                 interval_type(IntervalUnits::steps)),
      make_field({"eval.samples", "at most, the first ones"},
                 at(&RunConfig::eval, &EvaluationOptions::samples), count_type<std::int64_t>({1})),
      make_field({"log.every", "how often a line"}, log(&LogOptions::every_steps),
                 step_count_type()),
      make_field({"log.console", "auto: a progress line on a terminal, else plain lines"},
                 log(&LogOptions::console), choice_type<ConsoleMode>(kConsoleModes, {})),
      make_field({"log.jsonl", "write metrics.jsonl"}, log(&LogOptions::jsonl), boolean_type()),
      make_field({"log.tensorboard", "write TensorBoard events"}, log(&LogOptions::tensorboard),
                 boolean_type()),
      make_fixed_field({"log.prometheus", "write metrics.prom"}, "false", {later("true", "false")}),
      make_field({"log.level", "least severe message shown"}, log(&LogOptions::level),
                 text_choice_type({"debug", "info", "warning", "error", "off"})),
  };
}

}  // namespace

std::vector<ConfigField> system_fields() {
  std::vector<ConfigField> fields{precision_field()};
  for (auto part : {parallel_fields(), watch_fields(), checkpoint_fields(), watching_fields()}) {
    fields.insert(fields.end(), part.begin(), part.end());
  }
  return fields;
}

}  // namespace bertyard
