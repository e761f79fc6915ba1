// SPDX-License-Identifier: Apache-2.0
#include "launch/run/thread_binding.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <hwloc.h>
#include <unistd.h>

namespace bertyard {
namespace {

struct Free {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
  void operator()(hwloc_bitmap_t set) const { hwloc_bitmap_free(set); }
};
using Topology = std::unique_ptr<hwloc_topology, Free>;
using CpuSet = std::unique_ptr<hwloc_bitmap_s, Free>;

Topology load_topology() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return nullptr;
  Topology owner(topology);
  hwloc_topology_set_io_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
  return hwloc_topology_load(topology) == 0 ? std::move(owner) : nullptr;
}

CpuSet process_set(hwloc_topology_t topology) {
  CpuSet set(hwloc_bitmap_alloc());
  const bool known = hwloc_get_cpubind(topology, set.get(), HWLOC_CPUBIND_PROCESS) == 0;
  return known ? std::move(set) : nullptr;
}

// A core may have several hardware threads; one that the process may use is enough.
hwloc_obj_t core(hwloc_topology_t topology, int index) {
  return hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, static_cast<unsigned>(index));
}

std::vector<int> cores_within(hwloc_topology_t topology, hwloc_const_bitmap_t set) {
  std::vector<int> cores;
  for (int i = 0; i < hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE); ++i) {
    if (hwloc_bitmap_intersects(core(topology, i)->cpuset, set) != 0) cores.push_back(i);
  }
  return cores;
}

bool bound_by_environment() {
  constexpr std::array<const char*, 3> kNames{"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [](const char* name) { return std::getenv(name) != nullptr; });
}

std::string own_host() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

// Among the ranks of this host with the same cores.
void find_sharers(BindingFacts& facts, ControlPlane& control) {
  const std::string own = fmt::format("{} {}", own_host(), fmt::join(facts.cores, ","));
  const std::vector<std::string> all = control.all_gather_strings("cores of the ranks", own);
  facts.sharers = static_cast<int>(std::count(all.begin(), all.end(), own));
  facts.place = static_cast<int>(std::count(all.begin(), all.begin() + control.rank(), own));
}

// Whether every thread of the team went where it should.
bool bind_team(hwloc_topology_t topology, const std::vector<int>& cores,
               hwloc_const_bitmap_t allowed) {
  const int threads = static_cast<int>(cores.size());
  int failed = 0;
#pragma omp parallel for num_threads(threads) schedule(static, 1) reduction(+ : failed)
  for (int thread = 0; thread < threads; ++thread) {
    const CpuSet set(hwloc_bitmap_alloc());
    for (int i = 0; i < threads; ++i) {
      if (thread != 0 && i != thread) continue;  // thread 0 has them all
      hwloc_bitmap_or(set.get(), set.get(),
                      core(topology, cores[static_cast<std::size_t>(i)])->cpuset);
    }
    hwloc_bitmap_and(set.get(), set.get(), allowed);
    failed += hwloc_set_cpubind(topology, set.get(), HWLOC_CPUBIND_THREAD) == 0 ? 0 : 1;
  }
  return failed == 0;
}

// Of the cores that the process may use, those of the GPU's part of the machine; null where that is
// not known or has none of them.
CpuSet cores_beside(hwloc_topology_t topology, const std::string& pci_bus,
                    hwloc_const_bitmap_t allowed) {
  const hwloc_obj_t gpu = hwloc_get_pcidev_by_busidstring(topology, pci_bus.c_str());
  if (gpu == nullptr) return nullptr;
  CpuSet set(hwloc_bitmap_alloc());
  hwloc_bitmap_and(set.get(), hwloc_get_non_io_ancestor_obj(topology, gpu)->cpuset, allowed);
  return hwloc_bitmap_iszero(set.get()) != 0 ? nullptr : std::move(set);
}

// All threads of the process and those to come.
std::string bind_beside_gpu(hwloc_topology_t topology, const std::string& pci_bus,
                            hwloc_const_bitmap_t allowed) {
  if (bound_by_environment()) return "the environment says where (OMP_PROC_BIND)";
  const CpuSet set = cores_beside(topology, pci_bus, allowed);
  const std::size_t all = cores_within(topology, allowed).size();
  if (!set) return fmt::format("on any of {} cores: which are beside the GPU is not known", all);
  if (hwloc_set_cpubind(topology, set.get(), HWLOC_CPUBIND_PROCESS) != 0) {
    return "not bound: the system refuses it";
  }
  return fmt::format("on any of the {} cores beside the GPU",
                     cores_within(topology, set.get()).size());
}

std::string ranges_text(const std::vector<int>& cores) {
  std::string text;
  for (std::size_t i = 0; i < cores.size();) {
    std::size_t end = i + 1;
    while (end < cores.size() && cores[end] == cores[end - 1] + 1) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : ",", cores[i]);
    if (end - i > 1) text += fmt::format("-{}", cores[end - 1]);
    i = end;
  }
  return text;
}

}  // namespace

BindingChoice choose_binding(const BindingFacts& facts) {
  if (facts.by_environment) return {{}, "the environment says how (OMP_PROC_BIND)"};
  const int all = static_cast<int>(facts.cores.size());
  const int wanted = facts.sharers * facts.threads;
  if (wanted > all) {
    return {{}, fmt::format("{} threads share {} cores", wanted, all)};
  }
  const bool given = all < facts.machine_cores;
  if (!given && wanted < all) {
    return {
        {},
        fmt::format("{} of {} cores are in use; another program may take the rest", wanted, all)};
  }
  BindingChoice choice;
  for (int thread = 0; thread < facts.threads; ++thread) {
    choice.cores.push_back(
        facts.cores[static_cast<std::size_t>(facts.place * facts.threads + thread)]);
  }
  return choice;
}

std::string bind_threads(ThreadBinding binding, const DeviceInfo& device, ControlPlane& control) {
  const Topology topology = load_topology();
  const CpuSet own = topology ? process_set(topology.get()) : nullptr;
  BindingFacts facts{.threads = device.threads, .by_environment = bound_by_environment()};
  if (own) {
    const hwloc_const_bitmap_t machine = hwloc_topology_get_allowed_cpuset(topology.get());
    facts.machine_cores = static_cast<int>(cores_within(topology.get(), machine).size());
    facts.cores = cores_within(topology.get(), own.get());
  }
  find_sharers(facts, control);  // by all ranks, whatever each of them finds
  if (binding == ThreadBinding::none) return "not bound (parallel.bind)";
  if (facts.cores.empty()) return "not bound: the cores of this host are not known";
  if (device.kind == DeviceKind::cuda) {
    return bind_beside_gpu(topology.get(), device.pci_bus, own.get());
  }
  const BindingChoice choice = choose_binding(facts);
  if (choice.cores.empty()) return "not bound: " + choice.why;
  if (!bind_team(topology.get(), choice.cores, own.get())) {
    return "not bound: the system refuses it";
  }
  return fmt::format("bound to core{} {}", choice.cores.size() == 1 ? "" : "s",
                     ranges_text(choice.cores));
}

}  // namespace bertyard
