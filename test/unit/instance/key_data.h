#pragma once
// What is known of each key besides its row: test/data/keys/*.yaml, read for key_table_test.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/host_facts.h"
#include "schema/config.h"

namespace instance::test {

/// What one setting turns into, by host ("v1", "hybrid", "v2"): lines of lxc.container.conf that it adds ("+ ...") and
/// takes away ("- ...").
struct Translation {
    schema::Config set; // one key of the row, and what else has to be set for it to matter
    std::map<std::string, std::vector<std::string>> lines;
};

struct KeyData {
    std::string fallback;
    bool live = false;
    std::vector<std::string> accepted;
    std::map<std::string, std::string> refused; // value -> text
    /// A value that turns into what no value does; nothing where there is none.
    std::vector<std::string> same_as_unset;
    std::vector<Translation> translations; // empty: no matter of lxc items
};

struct Host {
    std::string name;
    base::HostFacts facts;
};
/// One of each cgroup layout.
const std::vector<Host>& hosts();

/// Key, or pattern of keys, -> what its file says.
using Data = std::map<std::string, KeyData, std::less<>>;

/// Throws std::runtime_error with the place of what is no such data.
Data read_key_data(const std::string& path);
void write_key_data(const std::string& path, const Data& data);
/// A block to begin with, to be shown where there is none.
std::string blank_key_data(std::string_view key, std::string_view fallback, bool live);

} // namespace instance::test
