#pragma once
// The names of compressors, as `images.compression_algorithm` and requests give them: "gzip", "xz -9", "none". Pure.
// Called by the keys' checks and by storage, which does the work.

#include <string>
#include <string_view>
#include <vector>

namespace schema {

struct Compression {
    std::string name;                 // "none" for an empty text
    std::vector<std::string> options; // strength and number of threads alone: others could name files
};

/// Throws bad_request for a compressor whose files are no archives here, and for an option that is not taken.
Compression compression_from(const std::string& text);
/// For checks of keys.
void check_compression(std::string_view text);
bool is_thread_option(std::string_view option);

} // namespace schema
