#pragma once
// How this room is handed a stream: a request's body on its way in.

#include <cstddef>
#include <functional>

namespace images {

/// Fills the buffer with at least one byte and returns how many; 0 at the end. Blocks; throws when the peer goes away.
using ByteSource = std::function<size_t(char* buffer, size_t size)>;

} // namespace images
