// SPDX-License-Identifier: Apache-2.0
// The emulation itself, by kernels whose result is known.
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/backend/cuda/elements.cuh"
#include "core/backend/cuda/launch.cuh"
#include "core/backend/cuda/tile_instructions.cuh"
#include "core/backend/cuda/warp.cuh"
#include "core/base/error.h"
#include "core/base/philox.h"
#include "tests/support/cuda_emulation/engine.h"

namespace bertyard::testing {
namespace {

// Device memory that a test fills and reads.
template <typename T>
class DeviceVector {
 public:
  explicit DeviceVector(const std::vector<T>& values) : count_(values.size()) {
    BERTYARD_CHECK_CUDA(cudaMalloc(reinterpret_cast<void**>(&data_), count_ * sizeof(T)));
    BERTYARD_CHECK_CUDA(
        cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  explicit DeviceVector(std::size_t count) : DeviceVector(std::vector<T>(count)) {}
  ~DeviceVector() { static_cast<void>(cudaFree(data_)); }
  DeviceVector(const DeviceVector&) = delete;
  DeviceVector& operator=(const DeviceVector&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> result(count_);
    BERTYARD_CHECK_CUDA(
        cudaMemcpy(result.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return result;
  }

 private:
  T* data_ = nullptr;
  std::size_t count_;
};

class Stream {
 public:
  Stream() { BERTYARD_CHECK_CUDA(cudaStreamCreate(&stream_)); }
  ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  operator cudaStream_t() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

// Sets the order of threads, and puts it back.
class Order {
 public:
  explicit Order(emulation::ThreadOrder order) { emulation::set_thread_order(order); }
  ~Order() { emulation::set_thread_order(emulation::ThreadOrder::forward); }
  Order(const Order&) = delete;
  Order& operator=(const Order&) = delete;
};

void expect_error(const std::function<void()>& call, const std::string& part) {
  try {
    call();
    ADD_FAILURE() << "expected an error that says: " << part;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

// One block a row: sums[row] = sum of x[row].
__global__ void row_sum_kernel(float* sums, const float* x, int columns) {
  auto* partial = dynamic_shared<float>();
  float sum = 0;
  for (int c = static_cast<int>(threadIdx.x); c < columns; c += static_cast<int>(blockDim.x)) {
    sum += x[static_cast<int>(blockIdx.x) * columns + c];
  }
  sum = warp_sum(sum);
  if (threadIdx.x % kWarpSize == 0) partial[threadIdx.x / kWarpSize] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  float total = 0;
  for (unsigned w = 0; w < blockDim.x / kWarpSize; ++w) total += partial[w];
  sums[blockIdx.x] = total;
}

TEST(CudaEmulation, AddsRowsThroughWarpsAndSharedMemory) {
  std::vector<float> x(3 * 1000);
  std::iota(x.begin(), x.end(), 0.0f);
  const DeviceVector<float> in(x);
  const DeviceVector<float> sums(3);

  launch("row_sum", row_sum_kernel, {dim3(3), dim3(128), 4 * sizeof(float)}, sums.data(), in.data(),
         1000);

  EXPECT_EQ(sums.values(), (std::vector<float>{499500, 1499500, 2499500}));
}

// [8, 32] to [32, 8] in blocks of (32, 8) threads; `with_barrier` false is the mistake.
__global__ void transpose_kernel(int* to, const int* from, bool with_barrier) {
  auto* tile = dynamic_shared<int>();
  tile[threadIdx.y * 32 + threadIdx.x] = from[threadIdx.y * 32 + threadIdx.x];
  if (with_barrier) __syncthreads();
  const unsigned thread = threadIdx.y * 32 + threadIdx.x;
  to[thread] = tile[thread % 8 * 32 + thread / 8];
}

std::vector<int> transposed(bool with_barrier) {
  std::vector<int> x(256);
  std::iota(x.begin(), x.end(), 0);
  const DeviceVector<int> from(x);
  const DeviceVector<int> to(256);
  launch("transpose", transpose_kernel, {dim3(1), dim3(32, 8), 1024}, to.data(), from.data(),
         with_barrier);
  return to.values();
}

TEST(CudaEmulation, TransposesInAnyOrderOfThreads) {
  const std::vector<int> forward = transposed(true);
  const Order reverse(emulation::ThreadOrder::reverse);

  EXPECT_EQ(forward[1], 32);
  EXPECT_EQ(forward[8], 1);
  EXPECT_EQ(transposed(true), forward);
}

TEST(CudaEmulation, AMissingBarrierShows) {
  EXPECT_NE(transposed(false), transposed(true));
}

__global__ void divergent_kernel(int limit) {
  if (static_cast<int>(threadIdx.x) < limit) __syncthreads();
}

TEST(CudaEmulation, ADivergentBarrierIsReported) {
  expect_error(
      [] {
        launch("divergent", divergent_kernel, {dim3(2), dim3(64)}, 40);
      },
      "kernel divergent, block (0, 0, 0): divergent barrier: 24 threads have returned, 40 "
      "threads wait at __syncthreads");
}

__global__ void partial_shuffle_kernel() {
  if (threadIdx.x < 16) static_cast<void>(warp_sum(1.0f));
}

TEST(CudaEmulation, AShuffleThatLacksLanesIsReported) {
  expect_error(
      [] {
        launch("partial", partial_shuffle_kernel, {dim3(1), dim3(32)});
      },
      "divergent barrier: 16 threads have returned, 16 threads wait at a shuffle");
  const Order reverse(emulation::ThreadOrder::reverse);
  expect_error(
      [] {
        launch("partial", partial_shuffle_kernel, {dim3(1), dim3(32)});
      },
      "a shuffle with mask 0xffffffff, but lane 16 has returned");
}

__global__ void write_kernel(float* global, int global_place, int shared_place) {
  if (shared_place >= 0) dynamic_shared<float>()[shared_place] = 1;
  if (global_place >= 0) global[global_place] = 1;
}

TEST(CudaEmulation, WritesOutOfBoundsAreReported) {
  const DeviceVector<float> x(10);
  expect_error(
      [&] {
        launch("write", write_kernel, {dim3(1), dim3(1), 16}, x.data(), -1, 4);
      },
      "kernel write, block (0, 0, 0): dynamic shared memory written outside of its 16");
  expect_error(
      [&] {
        launch("write", write_kernel, {dim3(1), dim3(1), 16}, x.data(), 10, 3);
      },
      "kernel write: device memory written beyond a block of 40 bytes");
}

TEST(CudaEmulation, ShapesBeyondTheDeviceAreReported) {
  expect_error(
      [] {
        launch("wide", divergent_kernel, {dim3(1), dim3(1025)}, 0);
      },
      "kernel wide: invalid configuration: grid (1, 1, 1), block (1025, 1, 1)");
  expect_error(
      [] {
        launch("large", divergent_kernel, {dim3(1), dim3(1), 300000}, 0);
      },
      "300000 bytes of shared memory");
}

// c [16, 8] = a [16, 16] b [16, 8]; b is given as its transpose [8, 16] or, to be loaded
// transposed, as it is.
template <typename T>
__global__ void product_kernel(float* c, const T* a, const T* b, bool b_is_transposed) {
  auto* tile_a = dynamic_shared<T>();  // [16, 16]
  T* tile_b = tile_a + 256;
  const unsigned lane = threadIdx.x;
  copy_async(tile_a + 8 * lane, a + 8 * lane);
  copy_async(tile_b + 8 * lane, b + 8 * lane, lane < 16);
  commit_copies();
  wait_copies<0>();
  __syncthreads();
  std::uint32_t fragment_a[4];
  std::uint32_t fragment_b[4];
  load_matrices(fragment_a, tile_a + lane % 16 * 16 + lane / 16 * 8);
  if (b_is_transposed) {
    load_matrices(fragment_b, tile_b + lane % 8 * 16 + lane / 8 % 2 * 8);
  } else {
    load_matrices_transposed(fragment_b, tile_b + lane % 16 * 8);
  }
  float sum[4] = {};
  multiply_add<T>(sum, fragment_a, {fragment_b[0], fragment_b[1]});
  for (unsigned e = 0; e < 4; ++e) {
    c[(lane / 4 + e / 2 * 8) * 8 + lane % 4 * 2 + e % 2] = sum[e];
  }
}

template <typename T>
void expect_products() {
  std::vector<T> a(256), b(128), b_transposed(128);
  std::vector<float> expected(128);
  for (int i = 0; i < 256; ++i) a[i] = T(static_cast<float>((i * 37) % 19 - 9));
  for (int i = 0; i < 128; ++i) {
    b[i] = T(static_cast<float>((i * 53) % 23 - 11));
    b_transposed[i % 8 * 16 + i / 8] = b[i];
  }
  for (int i = 0; i < 2048; ++i) {
    const int row = i / 128, column = i / 16 % 8, k = i % 16;
    expected[row * 8 + column] +=
        static_cast<float>(a[row * 16 + k]) * static_cast<float>(b[k * 8 + column]);
  }
  const DeviceVector<T> device_a(a);
  for (const bool is_transposed : {false, true}) {
    const DeviceVector<T> device_b(is_transposed ? b_transposed : b);
    const DeviceVector<float> c(128);
    launch("product", product_kernel<T>, {dim3(1), dim3(32), 1024}, c.data(), device_a.data(),
           device_b.data(), is_transposed);
    EXPECT_EQ(c.values(), expected);
  }
}

TEST(CudaEmulation, TensorCoresMultiplyAsLoopsDo) {
  expect_products<__nv_bfloat16>();
  expect_products<__half>();
}

__global__ void unfinished_copy_kernel(float* to, const float* from, bool wait) {
  auto* shared = dynamic_shared<float>();
  copy_async(shared, from);
  commit_copies();
  if (wait) wait_copies<0>();
  to[0] = shared[1];
}

TEST(CudaEmulation, AnAsynchronousCopyIsThereAfterItsWaitOnly) {
  const DeviceVector<float> from(std::vector<float>{1, 2, 3, 4});
  const DeviceVector<float> to(1);
  launch("copy", unfinished_copy_kernel, {dim3(1), dim3(1), 16}, to.data(), from.data(), false);
  EXPECT_TRUE(std::isnan(to.values()[0]));
  launch("copy", unfinished_copy_kernel, {dim3(1), dim3(1), 16}, to.data(), from.data(), true);
  EXPECT_EQ(to.values()[0], 2);
  expect_error(
      [&] {
        launch("copy", unfinished_copy_kernel, {dim3(1), dim3(1), 8}, to.data(), from.data(), true);
      },
      "thread (0, 0, 0): cp.async at byte 0 of 8 of the dynamic shared memory");
}

__global__ void scale_kernel(float* x, const float* factor) {
  x[threadIdx.x] *= *factor;
}

TEST(CudaEmulation, StreamsRunLateAndEventsOrderThem) {
  const DeviceVector<float> x(std::vector<float>{1});
  const DeviceVector<float> factor(std::vector<float>{2});
  const Stream first, second;
  cudaEvent_t event = nullptr;
  BERTYARD_CHECK_CUDA(cudaEventCreate(&event));
  const auto now = [&] {
    return *x.data();  // what no program may do: look without waiting
  };

  launch("scale", scale_kernel, {dim3(1), dim3(1), 0, first}, x.data(), factor.data());
  EXPECT_EQ(now(), 1);
  BERTYARD_CHECK_CUDA(cudaEventRecord(event, first));
  launch("scale", scale_kernel, {dim3(1), dim3(1), 0, first}, x.data(), factor.data());
  BERTYARD_CHECK_CUDA(cudaStreamWaitEvent(second, event, 0));
  BERTYARD_CHECK_CUDA(cudaStreamSynchronize(second));
  EXPECT_EQ(now(), 2);
  BERTYARD_CHECK_CUDA(cudaDeviceSynchronize());
  EXPECT_EQ(now(), 4);
  BERTYARD_CHECK_CUDA(cudaEventDestroy(event));
}

TEST(CudaEmulation, AGraphReplaysWithItsArgumentsAndNewMemory) {
  const DeviceVector<float> x(std::vector<float>{1});
  const DeviceVector<float> factor(std::vector<float>{2});
  const Stream stream;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;

  BERTYARD_CHECK_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  launch("scale", scale_kernel, {dim3(1), dim3(1), 0, stream}, x.data(), factor.data());
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 4), cudaErrorStreamCaptureUnsupported);
  BERTYARD_CHECK_CUDA(cudaStreamEndCapture(stream, &graph));
  BERTYARD_CHECK_CUDA(cudaGraphInstantiate(&executable, graph, 0));
  EXPECT_EQ(x.values()[0], 1);

  BERTYARD_CHECK_CUDA(cudaGraphLaunch(executable, stream));
  BERTYARD_CHECK_CUDA(cudaStreamSynchronize(stream));
  const float three = 3;
  BERTYARD_CHECK_CUDA(cudaMemcpy(factor.data(), &three, 4, cudaMemcpyHostToDevice));
  BERTYARD_CHECK_CUDA(cudaGraphLaunch(executable, stream));
  EXPECT_EQ(x.values()[0], 6);
  BERTYARD_CHECK_CUDA(cudaGraphExecDestroy(executable));
  BERTYARD_CHECK_CUDA(cudaGraphDestroy(graph));
}

TEST(CudaEmulation, CopiesThatMixUpHostAndDeviceAreReported) {
  const DeviceVector<float> x(4);
  std::vector<float> host(4);
  expect_error(
      [&] { static_cast<void>(cudaMemcpy(host.data(), x.data(), 16, cudaMemcpyHostToDevice)); },
      "a copy of 16 bytes to host memory, expected device");
}

__global__ void philox_kernel(std::uint32_t* words, std::uint64_t seed) {
  const PhiloxBlock block = philox4x32(philox_key(seed), {{threadIdx.x, 1, 2, 3}});
  for (int w = 0; w < 4; ++w) words[4 * threadIdx.x + static_cast<unsigned>(w)] = block.word[w];
}

TEST(CudaEmulation, KernelsDrawTheHostsRandomNumbers) {
  const DeviceVector<std::uint32_t> words(16);

  launch("philox", philox_kernel, {dim3(1), dim3(4)}, words.data(), 99u);

  const PhiloxBlock expected = philox4x32(philox_key(99), {{3, 1, 2, 3}});
  EXPECT_EQ(words.values()[13], expected.word[1]);
}

}  // namespace
}  // namespace bertyard::testing
