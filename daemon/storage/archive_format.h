#pragma once
// What kind of archive a file is, told by its first bytes as LXD does; never by its name.

#include <optional>
#include <string>
#include <string_view>

namespace storage {

enum class ArchiveFormat { tar, tar_bz2, tar_gz, tar_lzma, tar_xz, tar_zst, squashfs };

/// The format of a file that starts with these bytes (263 of them tell all formats apart).
std::optional<ArchiveFormat> archive_format(std::string_view start);
/// Reads the start of a file; throws bad_request where it is no archive that an image can consist of.
ArchiveFormat archive_format_of(const std::string& file);
/// The end of a file name as LXD writes it: ".tar.gz".
std::string_view extension(ArchiveFormat format);

} // namespace storage
