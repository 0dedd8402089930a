#pragma once
// How the client complains about files of this machine. Used by the commands that read or write them.

#include <string>
#include <string_view>

namespace client {

/// Throws what errno says of a system call that failed, in the words of LXD's client: "open /x: no such file or
/// directory".
[[noreturn]] void fail(std::string_view action, const std::string& path);

} // namespace client
