// SPDX-License-Identifier: Apache-2.0
// Empty: it is there for the headers that CMake precompiles with it.
