// SPDX-License-Identifier: Apache-2.0
#include "parallel/nccl_communicator.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include <cuda_runtime.h>
#include <fmt/format.h>
#include <nccl.h>

#include "core/base/error.h"
#include "parallel/collective_watch.h"
#include "parallel/nccl_collectives.h"
#include "parallel/nccl_registration.h"

namespace bertyard {
namespace {

[[noreturn]] void throw_nccl(ncclResult_t code, std::string_view call, ncclComm_t communicator) {
  const char* more = ncclGetLastError(communicator);
  throw EnvironmentError(fmt::format(
      "NCCL: {}: {} ({}); run with NCCL_DEBUG=INFO for what it tried. \"Duplicate GPU\" means two "
      "ranks on one GPU: start one rank a GPU, or use NCCL 2.30 or later with "
      "NCCL_MULTI_RANK_GPU_ENABLE=1",
      call, ncclGetErrorString(code), more != nullptr && *more != 0 ? more : "no details"));
}

void check_runtime(cudaError_t code, std::string_view call) {
  if (code == cudaSuccess) return;
  throw EnvironmentError(fmt::format("NCCL: {}: {}", call, cudaGetErrorString(code)));
}

// Rank 0's id on every rank. Where rank 0 cannot make one, every rank says why.
ncclUniqueId common_id(Communicator& host) {
  ncclUniqueId id = {};
  std::int32_t code = ncclSuccess;
  if (host.rank() == 0) code = ncclGetUniqueId(&id);
  host.broadcast(view_of(std::span(&code, 1)), 0).wait();
  if (code != ncclSuccess) {
    throw EnvironmentError(fmt::format(
        "NCCL: rank 0 cannot make an id: {}; NCCL_SOCKET_IFNAME names the network interface",
        ncclGetErrorString(static_cast<ncclResult_t>(code))));
  }
  constexpr std::int64_t kBytes = sizeof id.internal;
  host.broadcast(TensorView(id.internal, DType::u8, {kBytes}), 0).wait();
  return id;
}

class RealNcclCommunicator final : public NcclCommunicator {
 public:
  RealNcclCommunicator(Device& device, Communicator& host, const NcclOptions& options)
      : NcclCommunicator(host.rank(), host.size()),
        device_(device),
        limit_(options.time_limit),
        stream_(device.make_stream()),
        token_(device.allocate(sizeof(float))) {
    check_runtime(cudaGetDevice(&gpu_), "cudaGetDevice");
    connect(common_id(host), options);
    watch_ = std::make_unique<CollectiveWatch>(
        limit_, [this] { return failure(); }, [this] { abort(); });
  }
  ~RealNcclCommunicator() override {
    watch_.reset();
    abort();
  }

  std::string_view name() const override { return "nccl"; }
  void check() override { watch_->check(); }

  void finalize() override {
    watch_->check();
    check_runtime(cudaStreamSynchronize(native()), "the last collectives");
    watch_.reset();
    for (void* registration : registrations_) deregister_with_nccl(communicator_, registration);
    registrations_.clear();
    settle(ncclCommFinalize(communicator_), "ncclCommFinalize", limit_);
    const ncclResult_t code = ncclCommDestroy(std::exchange(communicator_, nullptr));
    if (code != ncclSuccess) throw_nccl(code, "ncclCommDestroy", nullptr);
  }

  void register_memory(TensorView memory) override {
    registrations_.push_back(register_with_nccl(communicator_, memory.data(), memory.bytes()));
  }
  Buffer allocate(std::size_t bytes) override { return allocate_by_nccl(bytes); }

 private:
  cudaStream_t native() const { return static_cast<cudaStream_t>(stream_->native()); }

  void connect(const ncclUniqueId& id, const NcclOptions& options) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    if (options.most_blocks > 0) config.maxCTAs = options.most_blocks;
    try {
      settle(ncclCommInitRankConfig(&communicator_, size(), id, rank(), &config),
             fmt::format("connecting rank {} of {}", rank(), size()), options.start_limit);
    } catch (...) {
      abort();
      throw;
    }
  }

  // Waits until a call of a non-blocking communicator has been taken, not until it has run.
  void settle(ncclResult_t code, std::string_view call, ControlPlane::Seconds limit) {
    constexpr int kBusyPolls = 200;  // most calls are taken within microseconds
    const auto start = CollectiveWatch::Clock::now();
    for (int poll = 0; code == ncclInProgress; ++poll) {
      if (CollectiveWatch::Clock::now() - start > limit) {
        throw EnvironmentError(fmt::format(
            "NCCL: {}: not all ranks came within {:.0f} s; look at the other ranks' logs, and "
            "whether NCCL_SOCKET_IFNAME names an interface that connects the hosts",
            call, limit.count()));
      }
      if (poll < kBusyPolls) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
      if (watch_) watch_->check();
      const std::lock_guard lock(mutex_);
      if (communicator_ == nullptr) continue;  // the watch has just ended it
      const ncclResult_t asked = ncclCommGetAsyncError(communicator_, &code);
      if (asked != ncclSuccess) code = asked;
    }
    if (code != ncclSuccess) throw_nccl(code, call, communicator_);
  }

  // What NCCL reports of its own accord, on the watch's thread.
  std::string failure() {
    const std::lock_guard lock(mutex_);
    ncclResult_t code = ncclSuccess;
    if (communicator_ == nullptr) return {};
    if (ncclCommGetAsyncError(communicator_, &code) == ncclSuccess &&
        (code == ncclSuccess || code == ncclInProgress)) {
      return {};
    }
    const char* more = ncclGetLastError(communicator_);
    return fmt::format(
        "NCCL: a collective failed on rank {}: {} ({}); another rank or a link "
        "between GPUs may be gone: look at the other ranks' logs",
        rank(), ncclGetErrorString(code), more != nullptr ? more : "no details");
  }

  // Ends NCCL's kernels, so that who waits for the stream goes on; local, no other rank is asked.
  void abort() noexcept {
    const std::lock_guard lock(mutex_);
    if (communicator_ != nullptr) {
      static_cast<void>(ncclCommAbort(std::exchange(communicator_, nullptr)));
    }
  }

  // An event that neither a Pending nor the watch holds any more.
  std::shared_ptr<Event> take_event() {
    for (const auto& event : events_) {
      if (event.use_count() == 1) return event;
    }
    return events_.emplace_back(device_.make_event());
  }

  // Whether the device has passed `event`, asked by the watch. Asking is no part of a capture that
  // may be going on in another thread.
  bool passed(Event& event) const {
    cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
    check_runtime(cudaSetDevice(gpu_), "cudaSetDevice");
    check_runtime(cudaThreadExchangeStreamCaptureMode(&mode), "the mode of capture");
    return event.done();
  }

  bool capturing() const {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    check_runtime(cudaStreamIsCapturing(native(), &status), "cudaStreamIsCapturing");
    return status != cudaStreamCaptureStatusNone;
  }

  // `call` puts the collective on the stream, behind the compute stream's work of now.
  template <typename Call>
  Pending start(std::string what, Call call) {
    watch_->check();
    const std::shared_ptr<Event> ready = take_event();
    ready->record(device_.compute_stream());
    ready->make_wait(*stream_);
    ncclResult_t code = ncclSuccess;
    {
      const std::lock_guard lock(mutex_);
      const NcclPlace place{communicator_, native(), rank(), size()};
      if (communicator_ != nullptr) code = static_cast<ncclResult_t>(call(place));
    }
    settle(code, what, limit_);
    watch_->check();
    const std::shared_ptr<Event> done = take_event();
    done->record(*stream_);
    if (!capturing()) watch_->add(std::move(what), [this, done] { return passed(*done); });
    return Pending(
        [this, done] {
          watch_->check();
          done->make_wait(device_.compute_stream());
        },
        [done] { return done->done(); });
  }

  Pending start_all_reduce_sum(TensorView values) override {
    return start(description("all_reduce_sum", values),
                 [=](const NcclPlace& place) { return nccl_all_reduce_sum(place, values); });
  }
  Pending start_reduce_scatter_sum(ConstTensorView in, TensorView out) override {
    return start(description("reduce_scatter_sum", in),
                 [=](const NcclPlace& place) { return nccl_reduce_scatter_sum(place, in, out); });
  }
  Pending start_all_gather(ConstTensorView in, TensorView out) override {
    return start(description("all_gather", in),
                 [=](const NcclPlace& place) { return nccl_all_gather(place, in, out); });
  }
  Pending start_all_to_all(ConstTensorView in, TensorView out) override {
    return start(description("all_to_all", in),
                 [=](const NcclPlace& place) { return nccl_all_to_all(place, in, out); });
  }
  Pending start_reduce_parts_sum(TensorView values, std::span<const std::int64_t> cuts) override {
    return start(description("reduce_parts_sum", values), [=](const NcclPlace& place) {
      return nccl_reduce_parts_sum(place, values, cuts);
    });
  }
  Pending start_all_gather_parts(TensorView values, std::span<const std::int64_t> cuts) override {
    return start(description("all_gather_parts", values), [=](const NcclPlace& place) {
      return nccl_all_gather_parts(place, values, cuts);
    });
  }
  Pending start_broadcast(TensorView values, int root) override {
    return start(description("broadcast", values),
                 [=](const NcclPlace& place) { return nccl_broadcast(place, values, root); });
  }

  // The host waits too, with the watch behind it.
  Pending start_barrier() override {
    const TensorView token(token_.data(), DType::f32, {1});
    auto met = std::make_shared<Pending>(start_all_reduce_sum(token));
    return Pending(
        [this, met] {
          while (!met->complete()) {
            watch_->check();
            std::this_thread::sleep_for(std::chrono::microseconds(50));
          }
          met->wait();
        },
        [met] { return met->complete(); });
  }

  static std::string description(std::string_view call, const ConstTensorView& view) {
    return fmt::format("{} {} {}", call, name_of(view.dtype()), to_string(view.shape()));
  }

  Device& device_;
  ControlPlane::Seconds limit_;
  int gpu_ = 0;
  std::unique_ptr<Stream> stream_;
  Buffer token_;
  std::vector<std::shared_ptr<Event>> events_;
  std::vector<void*> registrations_;
  std::mutex mutex_;  // of communicator_: calls take turns with the watch
  ncclComm_t communicator_ = nullptr;
  std::unique_ptr<CollectiveWatch> watch_;
};

// Each collective once, before any may be captured: NCCL connects at the first call.
void run_each_once(Device& device, Communicator& communicator) {
  const std::int64_t ranks = communicator.size();
  const auto floats = static_cast<std::size_t>(2 * ranks) * sizeof(float);
  const Buffer memory = device.allocate(2 * floats);
  const TensorView all(memory.data(), DType::f32, {4 * ranks});
  device.set_zero(all, device.compute_stream());
  const TensorView wide = all.slice(0, ranks);
  const TensorView other = all.slice(ranks, ranks);
  const TensorView one = all.slice(2 * ranks, 1);
  communicator.all_reduce_sum(one).wait();
  communicator.reduce_scatter_sum(wide, one).wait();
  communicator.all_gather(one, wide).wait();
  communicator.all_to_all(wide, other).wait();
  communicator.broadcast(one, 0).wait();
  for (const bool even : {true, false}) {  // two of NCCL's calls each
    std::vector<std::int64_t> cuts(static_cast<std::size_t>(ranks) + 1);
    for (std::int64_t rank = 1; rank <= ranks; ++rank) {
      cuts[static_cast<std::size_t>(rank)] = even || rank == ranks ? rank : rank - 1;
    }
    communicator.reduce_parts_sum(wide, cuts).wait();
    communicator.all_gather_parts(wide, cuts).wait();
  }
  communicator.barrier().wait();
  device.synchronize();
}

}  // namespace

bool built_with_nccl() {
  return true;
}

std::string nccl_library() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "NCCL";
  return fmt::format("NCCL {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::unique_ptr<NcclCommunicator> make_nccl_communicator(Device& device, Communicator& host,
                                                         const NcclOptions& options) {
  if (device.info().kind != DeviceKind::cuda) {
    throw EnvironmentError(fmt::format(
        "NCCL: it connects GPUs, and this rank computes on {}; set parallel.backend to cuda",
        device.info().name));
  }
  auto communicator = std::make_unique<RealNcclCommunicator>(device, host, options);
  run_each_once(device, *communicator);
  return communicator;
}

}  // namespace bertyard
