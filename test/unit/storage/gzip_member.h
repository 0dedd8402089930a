#pragma once

#include <string>

#include <libdeflate.h>

namespace storage {

/// `plain` as one member of a gzip file; at level 0 its bytes stand there as they are.
inline std::string gzip_member(const std::string& plain, int level) {
    auto* const compressor = libdeflate_alloc_compressor(level);
    std::string packed(libdeflate_gzip_compress_bound(compressor, plain.size()), '\0');
    packed.resize(libdeflate_gzip_compress(compressor, plain.data(), plain.size(), packed.data(), packed.size()));
    libdeflate_free_compressor(compressor);
    return packed;
}

} // namespace storage
