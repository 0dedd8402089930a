#pragma once
// What `lxd init` makes of its options or of answers to its questions: a preseed. Pure but for the questions' streams.

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "daemon/commands/commands.h"
#include "schema/json.h"

namespace commands {

/// What the daemon and the host have.
struct InitFacts {
    std::vector<std::string> drivers; // that the daemon can use
    std::vector<std::string> pools;
    std::string lxd_dir;
    bool btrfs = false;         // LXD_DIR lies on it
    int64_t lxd_dir_size = 0;   // of its filesystem, in bytes
    bool has_root_disk = false; // in the default profile
    std::function<bool(const std::string&)> is_interface;
    std::function<bool(const std::string&)> is_bridge;
    std::function<bool(const std::string&)> is_block_device;
};

/// Throws bad_request in LXD's words on options that do not go together.
void check_options(const InitOptions& options);
/// For --auto and --minimal. Nothing is left to do where there is a pool that the default profile uses.
schema::Json automatic_preseed(const InitOptions& options, const InitFacts& facts);

/// The driver that the questions propose: one that copies on write where it can be had without a disk of its own.
std::string proposed_driver(const InitFacts& facts);
/// Asks until there is an answer that will do. Throws failure at the end of `in`.
schema::Json answered_preseed(const InitFacts& facts, std::istream& in, std::ostream& out);

} // namespace commands
