#include "daemon/commands/commands.h"

#include <iostream>
#include <iterator>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <fmt/format.h>

#include "daemon/base/files.h"
#include "daemon/commands/init_plan.h"
#include "daemon/commands/preseed.h"
#include "daemon/http/local_request.h"
#include "schema/api/profile.h"
#include "schema/error.h"
#include "schema/yaml.h"

namespace commands {

namespace {

using schema::Json;

bool has_root_disk(const schema::Profile& profile) {
    for (const auto& [name, device] : profile.devices)
        if (schema::get(device, "type") == "disk" && schema::get(device, "path") == "/") return true;
    return false;
}

InitFacts facts_of(const state::Paths& paths) {
    const auto socket = paths.socket();
    InitFacts facts;
    const auto server = http::local_request(socket, "GET", "/1.0");
    for (const auto& driver : server["environment"]["storage_supported_drivers"].as_array())
        facts.drivers.push_back(driver["Name"].as_string());
    const auto pools = http::local_request(socket, "GET", "/1.0/storage-pools?recursion=1");
    for (const auto& pool : pools.as_array()) facts.pools.push_back(pool["name"].as_string());
    facts.has_root_disk =
        has_root_disk(schema::profile_from(http::local_request(socket, "GET", "/1.0/profiles/default")));
    facts.lxd_dir = paths.var;
    struct statfs filesystem{};
    if (::statfs(paths.var.c_str(), &filesystem) == 0) {
        facts.btrfs = filesystem.f_type == BTRFS_SUPER_MAGIC;
        facts.lxd_dir_size = static_cast<int64_t>(filesystem.f_blocks) * filesystem.f_bsize;
    }
    const auto folder_of = [](const std::string& name) { return "/sys/class/net/" + name; };
    const auto is_name = [](const std::string& name) { return !name.empty() && name.find('/') == std::string::npos; };
    facts.is_interface = [=](const std::string& name) { return is_name(name) && base::exists(folder_of(name)); };
    facts.is_bridge = [=](const std::string& name) { return base::exists(folder_of(name) + "/bridge"); };
    facts.is_block_device = [](const std::string& path) {
        struct stat status{};
        return ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
    };
    return facts;
}

Json wanted(const state::Paths& paths, const InitOptions& options) {
    if (options.preseed)
        return preseed_from_yaml({std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()});
    const auto facts = facts_of(paths);
    if (options.automatic || options.minimal) return automatic_preseed(options, facts);
    return answered_preseed(facts, std::cin, std::cout);
}

} // namespace

int init(const state::Paths& paths, const InitOptions& options) {
    check_options(options);
    if (options.dump)
        fmt::print("{}\n", schema::yaml_from_json(preseed_of(paths.socket())));
    else
        apply_preseed(paths.socket(), wanted(paths, options));
    return 0;
}

} // namespace commands
