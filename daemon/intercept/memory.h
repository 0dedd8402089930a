#pragma once
// The memory of a caller, read through /proc/PID/mem. What is there belongs to the container and may change at any
// moment: each thing is read once, and only the copy is used.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace intercept {

/// Up to `size` bytes at an address; fewer where the memory ends, none where there is none. Unit tests have one of
/// their own.
using ReadMemory = std::function<std::string(uint64_t address, size_t size)>;

/// Of the process whose /proc/PID/mem this is.
ReadMemory memory_of(int fd);

/// A text that ends with a zero byte, within `limit` bytes with it; nothing where there is none, "" for a null pointer.
std::optional<std::string> text_at(const ReadMemory& read, uint64_t address, size_t limit = 4096);

} // namespace intercept
