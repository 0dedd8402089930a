#pragma once
// What lxd-tar tells the daemon on its standard output: lines of two words, percentages as it goes, and at last a line
// that is not about progress, after which the rest of the output is its text.
//
//   percent 40
//   contents 1          has_root; the text is metadata.yaml (an archive without one: "contents-without-metadata 1")
//   member 1            the text is the file that was asked for, where it is there (else "member 0")
//   unpacked 0          no text
//   content 0           no text; the file that was asked for was written to the descriptor 3
//   failed 400          an HTTP status; the text says why

#include <string_view>

namespace storage::tar_words {

constexpr std::string_view percent = "percent";
constexpr std::string_view contents = "contents";
constexpr std::string_view contents_without_metadata = "contents-without-metadata";
constexpr std::string_view member = "member";
constexpr std::string_view unpacked = "unpacked";
constexpr std::string_view content = "content";
constexpr int content_to = 3;
constexpr std::string_view failed = "failed";

} // namespace storage::tar_words
