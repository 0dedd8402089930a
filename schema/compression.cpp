#include "schema/compression.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

constexpr std::array<std::string_view, 9> names{"bzip2", "gzip",     "lzma", "none", "pigz",
                                                "pzstd", "squashfs", "xz",   "zstd"};
constexpr std::array<std::string_view, 5> word_options{"--best", "--extreme", "--fast", "--ultra", "-e"};

bool is_short_number(std::string_view text) {
    return !text.empty() && text.size() <= 2 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_option(std::string_view option) {
    if (std::find(word_options.begin(), word_options.end(), option) != word_options.end()) return true;
    return is_thread_option(option) || (option.starts_with('-') && is_short_number(option.substr(1)));
}

} // namespace

bool is_thread_option(std::string_view option) {
    return option.starts_with("-T") && is_short_number(option.substr(2));
}

Compression compression_from(const std::string& text) {
    if (text.empty()) return {"none", {}};
    Compression compression;
    std::istringstream stream(text);
    stream >> compression.name;
    for (std::string option; stream >> option;) compression.options.push_back(option);
    const auto& name = compression.name;
    if (std::find(names.begin(), names.end(), name) == names.end())
        throw bad_request("exec: {}: executable file not found in $PATH", quoted(name));
    const bool takes_options = name != "none" && name != "squashfs";
    for (const auto& option : compression.options)
        if (!takes_options || !is_option(option))
            throw bad_request("The compression algorithm {} cannot take the option {}", quoted(name), quoted(option));
    return compression;
}

void check_compression(std::string_view text) {
    compression_from(std::string(text));
}

} // namespace schema
