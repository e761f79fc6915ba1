// SPDX-License-Identifier: Apache-2.0
// The keys of `bertyard launch`.
#include <regex>

#include <fmt/format.h>

#include "launch/config/config_field.h"

namespace bertyard {
namespace {

constexpr NamedValue<StartedBy> kStartedBy[] = {{StartedBy::srun, "srun"},
                                                {StartedBy::mpirun, "mpirun"}};

// A job script is read line by line: a value that ends its line would become another line of it.
const std::string& line_of(const ConfigNode& node, const std::string& expected) {
  const std::string& text = scalar_of(node, expected);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) throw ScalarError(expected);
  }
  return text;
}

ConfigType<std::string> line_type() {
  ConfigType<std::string> type = text_type();
  type.form = "one line of text";
  type.read = [](const ConfigNode& node) {
    return line_of(node, "one line of text, without line breaks or control characters");
  };
  return type;
}

// Empty, or a text in which `pattern` is found whole.
ConfigType<std::string> pattern_line_type(const std::string& form, const char* pattern) {
  ConfigType<std::string> type = line_type();
  type.form = form;
  type.read = [form, expression = std::regex(pattern)](const ConfigNode& node) {
    const std::string& text = line_of(node, form);
    constexpr std::size_t kLongest = 256;  // std::regex recurses over the text
    if (text.size() > kLongest || (!text.empty() && !std::regex_match(text, expression))) {
      throw ScalarError(form);
    }
    return text;
  };
  return type;
}

// 1-5, 0-7%2; a range that falls would be refused by sbatch, after the file was written.
ConfigType<std::string> array_type() {
  const std::string form = "sbatch's list of task ids, such as 1-5 or 0-7%2";
  ConfigType<std::string> type =
      pattern_line_type(form,
                        "[0-9]{1,9}(-[0-9]{1,9}(:[1-9][0-9]{0,8})?)?"
                        "(,[0-9]{1,9}(-[0-9]{1,9}(:[1-9][0-9]{0,8})?)?)*(%[1-9][0-9]{0,8})?");
  type.read = [form, read = type.read](const ConfigNode& node) {
    const std::string text = read(node);
    const std::regex range("([0-9]+)-([0-9]+)");
    for (auto found = std::sregex_iterator(text.begin(), text.end(), range);
         found != std::sregex_iterator(); ++found) {
      if (std::stol((*found)[1]) > std::stol((*found)[2])) {
        throw ScalarError(form + ", each range from the lower id to the higher");
      }
    }
    return text;
  };
  return type;
}

ConfigType<std::vector<std::string>> line_list_type() {
  ConfigType<std::vector<std::string>> type = text_list_type();
  const std::string form = "list of lines";
  type.form = form;
  type.read = [form](const ConfigNode& node) {
    std::vector<std::string> lines;
    if (node.kind == ConfigNode::Kind::map) throw ScalarError(form);
    if (node.kind == ConfigNode::Kind::scalar) lines.push_back(line_of(node, form));
    for (const ConfigNode& item : node.items) lines.push_back(line_of(item, form));
    return lines;
  };
  return type;
}

// A key that the tasks of an array may differ in: it exists and takes a number.
ConfigType<std::string> key_type() {
  ConfigType<std::string> type = text_type();
  type.form = "key of this table";
  type.read = [](const ConfigNode& node) {
    const std::string& key = scalar_of(node, "a key such as run.seed");
    if (!key.empty() && find_field(key) == nullptr) throw ScalarError("a key such as run.seed");
    return key;
  };
  return type;
}

std::vector<ConfigField> slurm_size_fields() {
  const auto slurm = [](auto member) { return at(&RunConfig::slurm, member); };
  constexpr int kMost = 100000;
  return {
      make_field({"slurm.nodes", "hosts of the job"}, slurm(&SlurmSection::nodes),
                 count_type<int>({1, kMost})),
      make_field({"slurm.tasks_per_node", "ranks of a host; auto: one for each GPU, else one"},
                 slurm(&SlurmSection::tasks_per_node), automatic_count_type<int>({1, kMost})),
      make_field({"slurm.gpus_per_node", "GPUs of a host"}, slurm(&SlurmSection::gpus_per_node),
                 count_type<int>({0, kMost})),
      make_field(
          {"slurm.cpus_per_task", "cores of a rank, also its threads; auto: SLURM's default"},
          slurm(&SlurmSection::cpus_per_task), automatic_count_type<int>({1, kMost})),
      make_field({"slurm.time", "limit of the job, as sbatch writes it; empty: the partition's"},
                 slurm(&SlurmSection::time),
                 pattern_line_type("minutes, hh:mm:ss or d-hh:mm:ss",
                                   "[0-9]+|[0-9]+(:[0-9]+){1,2}|[0-9]+-[0-9]+(:[0-9]+){0,2}")),
      make_field({"slurm.array", "tasks of a job array: 1-5, 0-7%2; empty: one job"},
                 slurm(&SlurmSection::array), array_type()),
      make_field({"slurm.vary", "the key that is given the task's id; each has a run of its own"},
                 slurm(&SlurmSection::vary), key_type()),
  };
}

std::vector<ConfigField> slurm_text_fields() {
  const auto slurm = [](auto member) { return at(&RunConfig::slurm, member); };
  return {
      make_field({"slurm.partition", "where the job waits"}, slurm(&SlurmSection::partition),
                 line_type()),
      make_field({"slurm.account", "who pays"}, slurm(&SlurmSection::account), line_type()),
      make_field({"slurm.qos", "quality of service"}, slurm(&SlurmSection::qos), line_type()),
      make_field({"slurm.constraint", "features that the hosts must have"},
                 slurm(&SlurmSection::constraint), line_type()),
      make_field({"slurm.signal_before", "the ranks are told to save so long before the limit"},
                 slurm(&SlurmSection::signal_before), duration_type({1, 65535})),
      make_field({"slurm.signal", "by which SLURM tells the job's script to stop"},
                 slurm(&SlurmSection::signal), text_choice_type({"USR1", "USR2"})),
      make_field({"slurm.requeue", "after preemption and the time limit the job is queued again"},
                 slurm(&SlurmSection::requeue), boolean_type()),
      make_field({"slurm.modules", "loaded before the ranks start"}, slurm(&SlurmSection::modules),
                 line_list_type()),
      make_field({"slurm.container", "words before the program: apptainer exec --nv image.sif"},
                 slurm(&SlurmSection::container), line_type()),
      make_field({"slurm.options", "more of sbatch's: --mem=64G"}, slurm(&SlurmSection::options),
                 line_list_type()),
  };
}

std::vector<ConfigField> launching_fields() {
  const auto launch = [](auto member) { return at(&RunConfig::launch, member); };
  return {
      make_field({"launch.by", "what starts the ranks in a SLURM job"}, launch(&LaunchSection::by),
                 choice_type<StartedBy>(kStartedBy, {})),
      make_field({"launch.program", "bertyard on the hosts; empty: this one, or the container's"},
                 launch(&LaunchSection::program), line_type()),
      make_field({"launch.setup", "lines of shell before the ranks start, e.g. export NAME=value"},
                 launch(&LaunchSection::setup), line_list_type()),
      make_field({"launch.restarts", "starts after a lost rank or host; in a SLURM job at least 1"},
                 launch(&LaunchSection::restarts), count_type<int>({0, 1000000})),
      make_field({"launch.lost_after", "a host that does not answer mpirun for so long is lost"},
                 launch(&LaunchSection::lost_after), duration_type({5, 86400})),
  };
}

}  // namespace

std::vector<ConfigField> launch_fields() {
  std::vector<ConfigField> fields = slurm_size_fields();
  for (auto part : {slurm_text_fields(), launching_fields()}) {
    fields.insert(fields.end(), part.begin(), part.end());
  }
  return fields;
}

}  // namespace bertyard
