#pragma once
// The blocks that begin an entry of a tar archive: POSIX's pax form, as GNU tar, Go's archive/tar and libarchive read
// it. Pure. Called by tar_writer.cpp.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/storage/tar_reader.h"

namespace storage {

constexpr size_t tar_block = 512;

/// {offset, size} of what is no hole in a file.
using DataRanges = std::vector<std::pair<int64_t, int64_t>>;

/// The zeros that fill the last block of so many bytes.
std::string tar_padding(uint64_t size);
/// What GNU tar (form 1.0) writes between the header and the data of a sparse file.
std::string sparse_map(const DataRanges& ranges);
/// The header of an entry, with a pax header before it where the plain one cannot hold everything: long names, large
/// numbers, parts of seconds, extended attributes. `stored` is the size of what follows; for a sparse file
/// `attributes.st_size` is its real size.
std::string tar_header(const TarEntry& entry, int64_t stored, bool sparse);

} // namespace storage
