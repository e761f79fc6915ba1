// SPDX-License-Identifier: Apache-2.0
// The program: reads the command line, calls one verb, and is the only place that turns an error
// into an exit code.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "core/base/error.h"
#include "launch/run/environment.h"
#include "launch/run/failure.h"
#include "launch/run/signals.h"
#include "launch/verbs/build_info.h"
#include "launch/verbs/verb_bench.h"
#include "launch/verbs/verb_check.h"
#include "launch/verbs/verb_compare.h"
#include "launch/verbs/verb_config.h"
#include "launch/verbs/verb_convert.h"
#include "launch/verbs/verb_distill.h"
#include "launch/verbs/verb_doctor.h"
#include "launch/verbs/verb_encode.h"
#include "launch/verbs/verb_eval.h"
#include "launch/verbs/verb_export.h"
#include "launch/verbs/verb_fill_mask.h"
#include "launch/verbs/verb_finetune.h"
#include "launch/verbs/verb_init.h"
#include "launch/verbs/verb_inspect.h"
#include "launch/verbs/verb_launch.h"
#include "launch/verbs/verb_plan.h"
#include "launch/verbs/verb_plot.h"
#include "launch/verbs/verb_predict.h"
#include "launch/verbs/verb_prepare.h"
#include "launch/verbs/verb_tokenize.h"
#include "launch/verbs/verb_train.h"
#include "launch/verbs/verb_verify.h"
#include "launch/verbs/verbs.h"

namespace bertyard {
namespace {

// The command line and what the chosen verb returned.
class CommandLine {
 public:
  CommandLine(int argc, char** argv, std::unique_ptr<MpiEnvironment>& environment)
      : arguments_(argv, argv + argc), environment_(environment) {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", [] { return fmt::format("bertyard {}", version_text()); });
    app_.footer(
        "Exit codes: 0 ok, 2 usage, 3 data, 4 environment, 5 diverged, 74 input/output, "
        "75 requeue, 124 watchdog, 143 terminated.");
    add_init();
    add_prepare();
    add_tokenize();
    add_check();
    add_config();
    add_train();
    add_finetune();
    add_distill();
    add_compare();
    add_predict();
    add_launch();
    add_doctor();
    add_eval();
    add_encode();
    add_fill_mask();
    add_bench();
    add_export();
    add_convert();
    add_inspect();
    add_verify();
    add_plan();
    add_plot();
    add_version();
  }

  int run() {
    const std::string verb = arguments_.size() > 1 ? arguments_[1] : std::string();
    check_verb(verb);
    const std::vector<const char*> words = words_to_parse(verb);
    try {
      app_.parse(static_cast<int>(words.size()), words.data());
    } catch (const CLI::Success& help) {
      return app_.exit(help);
    } catch (const CLI::ParseError& error) {
      const bool has_verb = !verb.empty() && verb.front() != '-';
      throw UsageError(fmt::format("{}; see 'bertyard{}{} --help'", error.what(),
                                   has_verb ? " " : "", has_verb ? verb : ""));
    }
    const auto restore = [](std::string& text) {
      if (text.ends_with(kWhole)) text.pop_back();
    };
    restore(fill_mask_.model);
    restore(encode_.model);
    for (auto* texts :
         {&fill_mask_.texts, &tokenize_.files.files, &tokenize_.never_split, &encode_.files}) {
      std::ranges::for_each(*texts, restore);
    }
    return run_();
  }

 private:
  // CLI11 takes "[a, b]" for a list of values. In a text or a file's name such brackets are its
  // own: with this behind them they stay.
  static constexpr char kWhole = '\x1F';
  std::vector<const char*> words_to_parse(const std::string& verb) {
    words_ = arguments_;
    if (verb == "fill-mask" || verb == "tokenize" || verb == "encode") {
      std::string option;  // the last one
      for (std::string& word : words_) {
        if (word.starts_with("--")) option = word;
        const bool may = option.empty() || option == "--in" || option == "--never-split";
        if (may && word.starts_with('[') && word.ends_with(']')) word += kWhole;
      }
    }
    std::vector<const char*> words;
    for (const std::string& word : words_) words.push_back(word.c_str());
    return words;
  }

  // A count: one that is negative would be read as a very large one.
  static CLI::Range at_least(std::int64_t least) {
    return {least, std::int64_t{1'000'000'000'000}};
  }

  // One of several words.
  template <typename Value, typename Choice>
  static void add_choice(CLI::App* sub, const char* option, Value& value,
                         const std::map<std::string, Choice>& choices, const std::string& what) {
    std::string names;
    for (const auto& [name, choice] : choices) names += (names.empty() ? "" : "|") + name;
    sub->add_option_function<std::string>(
           option,
           [option, &value, choices, names](const std::string& word) {
             const auto found = choices.find(word);
             if (found == choices.end()) {
               throw CLI::ValidationError(
                   fmt::format("{}: '{}' is not one of {}", option, word, names));
             }
             value = found->second;
           },
           what)
        ->type_name(names);
  }

  // A verb that does the same whoever starts it: under mpirun every rank would do all of it.
  template <typename Run>
  CLI::App* lone_verb(const char* name, Run run) {
    return verb(name, [name, run] {
      check_one_process(own_launcher(), name);
      return run();
    });
  }

  template <typename Run>
  CLI::App* verb(const char* name, Run run) {
    const auto& names = verb_names();
    const auto found = std::find_if(names.begin(), names.end(),
                                    [name](const VerbName& verb) { return verb.name == name; });
    CLI::App* sub = app_.add_subcommand(name, std::string(found->what));
    sub->callback([this, run] { run_ = run; });
    return sub;
  }

  // CONFIG [key=value ...] [--set-file FILE ...]
  CLI::Option* add_config_arguments(CLI::App* sub) {
    CLI::Option* path = sub->add_option("config", config_, "YAML file");
    sub->add_option("overrides", overrides_, "key=value, e.g. optim.lr=5e-4");
    // One file a flag: what follows it may be an override.
    sub->add_option("--set-file", set_files_, "YAML file laid over the configuration")
        ->allow_extra_args(false);
    return path;
  }

  int argument_of(const std::string& text) const {
    const auto found = std::find(arguments_.begin(), arguments_.end(), text);
    return found == arguments_.end() ? 0 : static_cast<int>(found - arguments_.begin());
  }

  ConfigRequest request() const {
    ConfigRequest request{config_, set_files_, {}};
    request.cluster_file = cluster_;
    for (const std::string& text : overrides_) {
      request.overrides.push_back({text, argument_of(text)});
    }
    const auto override_by = [&](const char* key, const std::string& value) {
      if (value.empty()) return;
      request.overrides.push_back({fmt::format("{}={}", key, value), argument_of(value)});
    };
    override_by("checkpoint.resume", resume_);
    override_by("schedule.0.length", length_);
    override_by("schedule.0.global_batch", batch_);
    override_by("samples.memory", memory_);
    override_by("parallel.threads", threads_);
    for (const auto& [key, value] : launch_values_) override_by(key.c_str(), value);
    return request;
  }

  std::string command() const {
    std::string text;
    for (const std::string& argument : arguments_) text += (text.empty() ? "" : " ") + argument;
    return text;
  }

  // Only verbs that compute together know of other ranks; the others are one process.
  MpiEnvironment& environment(StartOptions options = {}) {
    options.command = command();
    environment_ = std::make_unique<MpiEnvironment>(options);
    return *environment_;
  }

  void add_init() {
    CLI::App* sub = lone_verb("init", [this] { return run_init(init_); });
    sub->add_option("preset", init_.preset, "bert-tiny, bert-base, ...");
    sub->add_option("directory", init_.directory, "where the file goes");
    sub->add_flag_callback(
        "--list", [this] { init_.list = ListPresets::yes; }, "list the presets");
  }
  void add_prepare() {
    CLI::App* sub = verb("prepare", [this] {
      return run_prepare({request(), show_}, environment());
    });
    add_config_arguments(sub)->required();
    sub->add_option("--show", show_, "print so many decoded samples")->check(at_least(0));
    sub->add_option("--memory", memory_, "of one process, e.g. 2GiB: samples.memory");
    sub->add_option("--threads", threads_, "of one process: parallel.threads");
  }
  void add_tokenize() {
    CLI::App* sub = lone_verb("tokenize", [this] { return run_tokenize(tokenize_); });
    TokenizeVerbOptions& options = tokenize_;
    sub->add_option("files", options.files.files,
                    "files, directories, globs; none: standard input");
    sub->add_option("--vocab", options.vocab, "vocab.txt")->required();
    sub->add_option("--field", options.files.field, "the files are JSONL: the key of the text");
    sub->add_flag("!--cased", options.tokenizer.lower_case, "keep capitals and accents");
    sub->add_option("--strip-accents", options.tokenizer.strip_accents,
                    "true or false; default: as lower-casing");
    sub->add_flag("!--no-split-cjk", options.tokenizer.split_cjk, "keep CJK characters together");
    sub->add_option("--max-word-characters", options.tokenizer.max_word_characters,
                    "longer words become [UNK]");
    sub->add_option("--never-split", options.never_split, "a word to keep; may be given again")
        ->allow_extra_args(false);
    const std::map<std::string, OffsetUnit> units{{"characters", OffsetUnit::characters},
                                                  {"bytes", OffsetUnit::bytes}};
    add_choice(sub, "--offsets", options.files.offsets, units, "unit of the offsets");
    sub->add_flag("!--count", options.files.lines_wanted, "print only counts and the rate");
    sub->add_option("--threads", options.threads, "default: all cores")->check(CLI::Range(1, 4096));
  }
  void add_check() {
    CLI::App* sub = lone_verb("check", [this] { return run_check({request(), ranks_, gpu_}); });
    add_config_arguments(sub)->required();
    sub->add_option("--ranks", ranks_, "ranks of the planned run")->check(CLI::Range(1, 1000000));
    sub->add_option("--gpu", gpu_, "as if on this card, such as h100; none need be here");
  }
  void add_config() {
    CLI::App* sub = verb("config", [this] {
      config_verb_.request = request();
      return run_config(config_verb_);
    });
    add_config_arguments(sub);
    const auto form = [this, sub](const char* flag, ConfigForm value, const char* what) {
      sub->add_flag_callback(
          flag, [this, value] { config_verb_.form = value; }, what);
    };
    form("--minimal", ConfigForm::minimal, "only what differs from the defaults");
    form("--docs", ConfigForm::documentation, "the table of all keys, as Markdown");
    form("--schema", ConfigForm::schema, "the JSON schema");
  }
  // Of verbs that pre-train.
  void add_pretraining_arguments(CLI::App* sub) {
    add_config_arguments(sub)->required();
    sub->add_option("--resume", resume_, "auto, never or the path of a checkpoint");
    sub->add_flag_callback(
        "--dry-run", [this] { train_form_ = TrainForm::dry; },
        "one step, on mock data where there are no shards; writes nothing");
  }
  void add_train() {
    CLI::App* sub = verb("train", [this] {
      const StopSignals signals;  // heard from here on, obeyed after the first step
      return run_train({request(), command(), train_form_, profile_},
                       environment(training_start(request())));
    });
    add_pretraining_arguments(sub);
    sub->add_option("--profile", profile_,
                    "write a Chrome trace of some steps to this file, one a rank");
  }
  void add_finetune() {
    CLI::App* sub = verb("finetune", [this] {
      return run_finetune({request(), command()}, environment(training_start(request())));
    });
    add_config_arguments(sub)->required();
    sub->add_option("--resume", resume_, "auto or never");
  }
  void add_distill() {
    CLI::App* sub = verb("distill", [this] {
      const StopSignals signals;  // as train; a comparison that has begun is finished
      return run_distill({request(), command(), train_form_},
                         environment(training_start(request())));
    });
    add_pretraining_arguments(sub);
  }
  void add_compare() {
    CLI::App* sub = verb("compare", [this] {
      compare_.path = config_;
      compare_.overrides = request().overrides;
      compare_.command = command();
      return run_compare(compare_, environment());
    });
    sub->add_option("comparison", config_, "YAML file with systems, tasks and seeds")->required();
    sub->add_option("overrides", overrides_, "key=value, for every configuration in it");
    sub->add_flag_callback(
        "--table", [this] { compare_.form = CompareForm::table; },
        "run nothing; the table of what is done");
  }
  void add_predict() {
    CLI::App* sub = verb("predict", [this] { return run_predict(predict_, environment()); });
    sub->add_option("model", predict_.model, "a fine-tuning run, its best/, or another directory")
        ->required();
    sub->add_option("--data", predict_.data, "files of the task, labelled or not")->required();
    sub->add_option("--to", predict_.to, "directory to write")->required();
    sub->add_option("--task", predict_.task, "configuration with the task, where none is stored");
    sub->add_option("--threads", predict_.threads, "threads of a rank")->check(CLI::Range(1, 4096));
  }
  // What `train` is given in the job: the same configuration and overrides.
  std::vector<std::string> training_arguments() const {
    std::vector<std::string> words{config_};
    words.insert(words.end(), overrides_.begin(), overrides_.end());
    for (const std::string& file : set_files_) words.insert(words.end(), {"--set-file", file});
    return words;
  }
  void add_launch() {
    CLI::App* sub = lone_verb("launch", [this] {
      launch_.request = request();
      launch_.arguments = training_arguments();
      return run_launch(launch_);
    });
    add_config_arguments(sub)->required();
    const auto setting = [this, sub](const char* option, const char* key, const char* what) {
      return sub->add_option(option, launch_values_[key], fmt::format("{}: {}", what, key));
    };
    const auto slurm = [this, setting](const char* option, const char* key, const char* what) {
      setting(option, key, what)->each([this, option](const std::string&) {
        launch_.slurm_switches.emplace_back(option);
      });
    };
    slurm("--by", "launch.by", "srun or mpirun");
    slurm("--nodes", "slurm.nodes", "hosts");
    slurm("--tasks-per-node", "slurm.tasks_per_node", "ranks of a host");
    slurm("--time", "slurm.time", "limit, 24:00:00");
    slurm("--partition", "slurm.partition", "where the job waits");
    slurm("--account", "slurm.account", "who pays");
    slurm("--qos", "slurm.qos", "quality of service");
    slurm("--constraint", "slurm.constraint", "features of the hosts");
    slurm("--array", "slurm.array", "tasks of a job array, 1-5");
    setting("--gpus-per-node", "slurm.gpus_per_node", "GPUs of a host");
    setting("--cpus-per-task", "slurm.cpus_per_task", "cores of a rank");
    setting("--container", "slurm.container", "words before the program");
    setting("--restarts", "launch.restarts", "after a lost rank or host");
    sub->add_option("--hosts", launch_.hosts, "no SLURM: mpirun's host file");
    sub->add_option("--local", launch_.local, "no SLURM: so many ranks on this machine")
        ->check(CLI::Range(1, 100000));
    CLI::Option* submit = sub->add_flag_callback(
        "--submit", [this] { launch_.action = LaunchAction::submit; },
        "check, then hand it to sbatch; with --hosts or --local: run it here");
    sub->add_flag_callback(
           "--no-check", [this] { launch_.check = LaunchCheck::no; },
           "submit without check: where only the job's hosts see the data")
        ->needs(submit);
  }
  void add_doctor() {
    CLI::App* sub = verb("doctor", [this] {
      if (!config_.empty()) doctor_.request = request();
      doctor_.command = command();
      return run_doctor(doctor_, [this](const StartOptions& start) -> MpiEnvironment& {
        return environment(start);
      });
    });
    add_config_arguments(sub);
    sub->add_option("--timeout", doctor_.seconds, "seconds that one check may take")
        ->check(CLI::Range(1, 86400));
    sub->add_flag_callback(
        "--json", [this] { doctor_.form = OutputForm::json; }, "print one JSON object");
  }
  void add_eval() {
    CLI::App* sub = verb("eval", [this] {
      if (!is_task_model(eval_.model)) return run_eval(eval_, environment());
      if (eval_.samples != 0 || eval_.max_length != 0) {
        throw UsageError(
            "eval: --samples and --length are of pre-training samples, and this is a fine-tuned "
            "model, which is scored on every row; leave them out");
      }
      PredictVerbOptions options = predict_;
      options.model = eval_.model;
      options.data = {eval_.data};
      options.form = eval_.form;
      options.threads = eval_.threads;
      return run_predict(options, environment());
    });
    sub->add_option("--task", predict_.task, "configuration with the task, where none is stored");
    sub->add_option("model", eval_.model, "a run, a checkpoint or a Hugging Face directory")
        ->required();
    sub->add_option("--data", eval_.data, "shards, or one HDF5 file")->required();
    sub->add_option("--samples", eval_.samples, "the first so many only")->check(at_least(1));
    sub->add_option("--length", eval_.max_length, "cut samples to so many tokens")
        ->check(CLI::Range(5, 1000000));
    sub->add_option("--threads", eval_.threads, "threads of a rank")->check(CLI::Range(1, 4096));
    sub->add_flag_callback(
        "--json", [this] { eval_.form = OutputForm::json; }, "print one JSON object");
  }
  void add_encode() {
    CLI::App* sub = lone_verb("encode", [this] { return run_encode(encode_); });
    EncodeVerbOptions& options = encode_;
    sub->add_option("model", options.model, "a run, a checkpoint or a Hugging Face directory")
        ->required();
    sub->add_option("--in", options.files, "files, directories, globs, - for standard input")
        ->required();
    sub->add_option("--out", options.out, "file to write: .npy or .jsonl")->required();
    sub->add_option("--field", options.field, "the files are JSONL: the key of the text");
    const std::map<std::string, Pooling> poolings{{"cls", Pooling::cls},
                                                  {"mean", Pooling::mean},
                                                  {"max", Pooling::max},
                                                  {"tokens", Pooling::tokens}};
    add_choice(sub, "--pool", options.pooling, poolings,
               "tokens: a vector for each; default: mean, or what a sentence-transformers "
               "directory says");
    sub->add_option("--layers", options.layers,
                    "whose outputs, one after the other: 0 the embedding, -1 the last; e.g. "
                    "-4,-3,-2,-1")
        ->delimiter(',');
    sub->add_flag_callback(
        "--normalize", [this] { encode_.normalize = Normalize::yes; }, "to length 1");
    sub->add_option("--max-length", options.max_length, "longer texts are cut")
        ->check(CLI::Range(2, 1000000));
    sub->add_option("--batch-tokens", options.batch_tokens, "tokens computed at once")
        ->check(CLI::Range(2, 1000000));
    const std::map<std::string, EncodeProducts> products{{"fp32", EncodeProducts::fp32},
                                                         {"bf16", EncodeProducts::bf16}};
    add_choice(sub, "--products", options.products, products,
               "bf16: faster, where the processor has it, and a little less exact");
    sub->add_option("--threads", options.threads, "default: all cores")->check(CLI::Range(1, 4096));
    sub->add_flag_callback(
        "--json", [this] { encode_.form = OutputForm::json; }, "print one JSON object");
  }
  void add_fill_mask() {
    CLI::App* sub = lone_verb("fill-mask", [this] { return run_fill_mask(fill_mask_); });
    sub->add_option("model", fill_mask_.model, "a run, a checkpoint or a Hugging Face directory")
        ->required();
    sub->add_option("texts", fill_mask_.texts, "each with one [MASK] or more")->required();
    sub->add_option("--top", fill_mask_.top, "so many words")->check(CLI::Range(1, 1000000));
    sub->add_option("--threads", fill_mask_.threads, "default: all cores")
        ->check(CLI::Range(1, 4096));
    sub->add_flag_callback(
        "--json", [this] { fill_mask_.form = OutputForm::json; }, "print a JSON object a text");
  }
  void add_bench() {
    CLI::App* sub = verb("bench", [this] {
      bench_.request = request();
      return run_bench(bench_, environment());
    });
    add_config_arguments(sub)->required();
    sub->add_option("--steps", bench_.steps, "steps to measure");
    sub->add_option("--warmup", bench_.warmup, "steps before them");
    sub->add_option("--length", length_, "schedule.0.length");
    sub->add_option("--batch", batch_, "schedule.0.global_batch");
    sub->add_option("--fill", bench_.fill, "mean length of a sample / the longest, 0 to 1");
    sub->add_flag_callback(
        "--no-reduction", [this] { bench_.reduction = BenchReduction::off; },
        "leave out the sum of gradients over the ranks, to see what it costs");
    sub->add_flag_callback(
        "--shards", [this] { bench_.data = BenchData::shards; }, "data.train, not random tokens");
    sub->add_flag_callback(
        "--json", [this] { bench_.form = OutputForm::json; }, "print one JSON object");
  }
  void add_export() {
    CLI::App* sub = lone_verb("export", [this] { return run_export(export_); });
    sub->add_option("model", export_.model, "a run, a fine-tuning or a checkpoint")->required();
    sub->add_option("--to", export_.to, "directory to write")->required();
    sub->add_flag_callback(
        "--verify", [this] { export_.verify = VerifyExport::yes; }, "read it back and compare");
  }
  void add_inspect() {
    CLI::App* sub = verb("inspect", [this] { return run_inspect(inspect_); });
    sub->add_option("path", inspect_.path, "shard, checkpoint, vocabulary or run")->required();
    sub->add_option("--tensor", inspect_.tensor, "show one tensor");
    sub->add_option("--samples", inspect_.samples, "decode so many samples")->check(at_least(0));
    sub->add_option("--vocab", inspect_.vocab, "vocabulary to decode with");
  }
  void add_convert() {
    CLI::App* sub = lone_verb("convert", [this] { return run_convert(convert_); });
    sub->add_option("samples", convert_.samples, "shards, or HDF5 files of another program")
        ->required();
    sub->add_option("--to", convert_.to, "directory to write")->required();
    const std::map<std::string, SampleFormat> formats{{"nvidia", SampleFormat::nvidia},
                                                      {"bertyard", SampleFormat::bertyard}};
    add_choice(sub, "--format", convert_.format, formats, "nvidia: fixed HDF5 layout");
    sub->add_option("--vocab", convert_.vocab, "vocabulary that the samples were made with");
    sub->add_option("--samples-per-file", convert_.samples_per_file, "of NVIDIA's files")
        ->check(CLI::Range(1, 1000000));
  }
  void add_verify() {
    CLI::App* sub = verb("verify", [this] { return run_verify(verify_); });
    sub->add_option("path", verify_.path, "shards, or HDF5 files of another program")->required();
    sub->add_option("--vocab", verify_.vocab, "vocabulary that the samples were made with");
    sub->add_option("--out", verify_.out, "SVG file to draw the lengths to");
    sub->add_flag_callback(
        "--term", [this] { verify_.picture = PlotForm::terminal; }, "draw them in the terminal");
    sub->add_flag_callback(
        "--ascii", [this] { verify_.picture = PlotForm::ascii; }, "the same in plain ASCII");
    sub->add_flag_callback(
        "--json", [this] { verify_.form = OutputForm::json; }, "print JSON, one object a part");
  }
  void add_plot() {
    CLI::App* sub = lone_verb("plot", [this] { return run_plot(plot_); });
    sub->add_option("runs", plot_.runs, "run directories, or a fine-tuning's")->required();
    sub->add_option("--metric", plot_.metric, "a key of metrics.jsonl; by default its loss");
    sub->add_option("--out", plot_.out, "SVG file to write");
    sub->add_option("--smooth", plot_.smoothing, "exponential smoothing, 0 to 1");
    const std::map<std::string, PlotAxis> axes{
        {"step", PlotAxis::step}, {"tokens", PlotAxis::tokens}, {"hours", PlotAxis::hours}};
    add_choice(sub, "--x", plot_.x, axes, "the horizontal axis");
    sub->add_flag_callback(
        "--term", [this] { plot_.form = PlotForm::terminal; }, "draw in the terminal");
    sub->add_flag_callback(
        "--ascii", [this] { plot_.form = PlotForm::ascii; }, "the same in plain ASCII");
  }
  void add_plan() {
    CLI::App* sub = lone_verb("plan", [this] {
      plan_.request = request();
      return run_plan(plan_);
    });
    add_config_arguments(sub)->required();
    sub->add_option("--cluster", cluster_, "YAML file with the section `cluster` alone");
    sub->add_option("--from", plan_.measured, "result of `bench --json`; may be given again")
        ->allow_extra_args(false);
    sub->add_option("--devices", plan_.most_devices, "the most devices")
        ->check(CLI::Range(1, 65536));
    sub->add_option("--fill", plan_.fill, "mean length of a sample / the longest, 0 to 1");
    sub->add_option("--svg", plan_.svg, "SVG file to draw");
    sub->add_flag_callback(
        "--json", [this] { plan_.form = OutputForm::json; }, "print one JSON object");
  }
  void add_version() {
    CLI::App* sub = verb("version", [this] { return run_version(version_); });
    sub->add_flag_callback(
        "--build", [this] { version_ = VersionDetail::build; }, "what the build found");
  }

  CLI::App app_{
      "bertyard pre-trains BERT-family encoders, from raw text to a model that "
      "transformers opens",
      "bertyard"};
  std::vector<std::string> arguments_;
  std::vector<std::string> words_;  // what CLI11 sees of them
  std::unique_ptr<MpiEnvironment>& environment_;
  std::function<int()> run_;
  std::string config_, cluster_, resume_, length_, batch_, memory_, threads_, gpu_, profile_;
  std::vector<std::string> overrides_, set_files_;
  std::uint64_t show_ = 0;
  int ranks_ = 1;
  TrainForm train_form_ = TrainForm::real;
  InitVerbOptions init_;
  ConfigVerbOptions config_verb_;
  EvalVerbOptions eval_;
  CompareVerbOptions compare_;
  PredictVerbOptions predict_;
  EncodeVerbOptions encode_;
  FillMaskVerbOptions fill_mask_;
  BenchVerbOptions bench_;
  ExportVerbOptions export_;
  LaunchVerbOptions launch_;
  DoctorVerbOptions doctor_;
  std::map<std::string, std::string> launch_values_;  // by key
  ConvertVerbOptions convert_;
  VerifyOptions verify_;
  InspectOptions inspect_;
  PlanVerbOptions plan_;
  PlotOptions plot_;
  TokenizeVerbOptions tokenize_;
  VersionDetail version_ = VersionDetail::brief;
};

// What a script stores of a verb that did well must be there.
void require_written() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw IoError("standard output could not be written in full; is the disk full?");
}

}  // namespace
}  // namespace bertyard

int main(int argc, char** argv) {
  // A file beyond the size limit (ulimit -f) is then a write that fails, with a message.
  std::signal(SIGXFSZ, SIG_IGN);
  std::unique_ptr<bertyard::MpiEnvironment> environment;
  try {
    bertyard::CommandLine command_line(argc, argv, environment);
    const int code = command_line.run();
    if (code == static_cast<int>(bertyard::ExitCode::ok)) bertyard::require_written();
    if (environment) environment->finalize();
    return code;
  } catch (const std::exception& error) {
    bertyard::report_failure(environment.get(), error);
    // Not by return, which would wait for a thread that MPI may never let go.
    std::fflush(nullptr);
    std::_Exit(bertyard::exit_code_of(error));
  }
}
