#include <algorithm>
#include <charconv>
#include <iostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/commands/init_plan.h"
#include "schema/error.h"
#include "schema/yaml.h"

namespace commands {

namespace {

using schema::Json;
/// What is wrong with an answer; empty: nothing.
using Check = std::function<std::string(const std::string&)>;

class Dialog {
public:
    Dialog(std::istream& in, std::ostream& out) : in_(in), out_(out) {}

    std::string ask(const std::string& question, const std::string& by_default, const Check& check = {}) {
        for (;;) {
            out_ << question << std::flush;
            std::string answer;
            if (!std::getline(in_, answer)) throw schema::failure("No answer to: {}", question);
            if (answer.empty()) answer = by_default;
            const auto wrong = check ? check(answer) : answer.empty() ? "an answer is needed" : "";
            if (wrong.empty()) return answer;
            out_ << "Invalid input: " << wrong << "\n\n";
        }
    }
    bool yes(const std::string& question, bool by_default) {
        const auto words = fmt::format("{} (yes/no) [default={}]: ", question, by_default ? "yes" : "no");
        const auto answer = ask(words, by_default ? "yes" : "no", [](const std::string& given) {
            const bool known = given == "yes" || given == "no" || given == "y" || given == "n";
            return std::string(known ? "" : "answer yes or no");
        });
        return answer.starts_with('y');
    }
    void say(const std::string& words) { out_ << words << "\n"; }

private:
    std::istream& in_;
    std::ostream& out_;
};

bool has(const std::vector<std::string>& words, const std::string& word) {
    return std::ranges::find(words, word) != words.end();
}

std::string upper(std::string word) {
    for (auto& letter : word)
        if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    return word;
}

std::string without_unit(std::string size) {
    if (size.ends_with("GiB")) size.resize(size.size() - 3);
    return size;
}

std::string wrong_size(const std::string& size) {
    const auto digits = without_unit(size);
    int64_t value = 0;
    const auto* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end) return fmt::format("{:?} is no size", size);
    return value < 1 ? "Minimum size is 1GiB" : "";
}

/// A fifth of the filesystem, at least 5 and at most 30 GiB.
int64_t proposed_loop_size(int64_t filesystem) {
    return std::clamp<int64_t>((filesystem >> 30) / 5, 5, 30);
}

Json ask_source(Dialog& dialog, const std::string& driver, const InitFacts& facts) {
    auto config = Json::empty_object();
    if (driver == "btrfs" && facts.btrfs &&
        dialog.yes(fmt::format("Would you like to create a new btrfs subvolume under {}?", facts.lxd_dir), true))
        return config;
    if (!dialog.yes(fmt::format("Create a new {} pool?", upper(driver)), true))
        return config.set("source",
                          dialog.ask(fmt::format("Name of the existing {} pool or dataset: ", upper(driver)), ""));
    if (dialog.yes("Would you like to use an existing empty block device (e.g. a disk or partition)?", false)) {
        const auto check = [&](const std::string& path) {
            return facts.is_block_device(path) ? "" : fmt::format("{:?} is not a block device", path);
        };
        return config.set("source", dialog.ask("Path to the existing block device: ", "", check));
    }
    const auto size = fmt::format("{}GiB", proposed_loop_size(facts.lxd_dir_size));
    const auto question = fmt::format("Size in GiB of the new loop device (1GiB minimum) [default={}]: ", size);
    return config.set("size", without_unit(dialog.ask(question, size, wrong_size)) + "GiB");
}

Json ask_pool(Dialog& dialog, const InitFacts& facts) {
    const auto free_name = [&](const std::string& name) {
        if (name.empty()) return std::string("a name is needed");
        return has(facts.pools, name) ? fmt::format("The requested storage pool {:?} already exists. Please choose "
                                                    "another name.",
                                                    name)
                                      : "";
    };
    Json pool;
    pool.set("name", dialog.ask("Name of the new storage pool [default=default]: ", "default", free_name));
    const auto proposed = proposed_driver(facts);
    const auto question =
        fmt::format("Name of the storage backend to use ({}) [default={}]: ", fmt::join(facts.drivers, ", "), proposed);
    const auto driver = dialog.ask(question, proposed, [&](const std::string& name) {
        return has(facts.drivers, name) ? "" : fmt::format("{:?} is none of them", name);
    });
    pool.set("driver", driver);
    const bool plain = driver == "dir" || driver == "overlay";
    pool.set("config", plain ? Json::empty_object() : ask_source(dialog, driver, facts));
    return pool;
}

Json ask_nic(Dialog& dialog, const InitFacts& facts) {
    const auto exists = [&](const std::string& name) {
        return facts.is_interface(name) ? "" : "The requested interface doesn't exist. Please choose another one.";
    };
    const auto parent = dialog.ask("Name of the existing bridge or host interface: ", "", exists);
    Json nic;
    nic.set("type", "nic").set("nictype", facts.is_bridge(parent) ? "bridged" : "macvlan");
    return nic.set("name", "eth0").set("parent", parent);
}

} // namespace

std::string proposed_driver(const InitFacts& facts) {
    if (facts.btrfs && has(facts.drivers, "btrfs")) return "btrfs";
    for (const auto* name : {"overlay", "zfs", "btrfs"})
        if (has(facts.drivers, name)) return name;
    return "dir";
}

Json answered_preseed(const InitFacts& facts, std::istream& in, std::ostream& out) {
    Dialog dialog(in, out);
    auto preseed = Json::empty_object();
    auto devices = Json::empty_object();
    if (dialog.yes("Do you want to configure a new storage pool?", true)) {
        auto pool = ask_pool(dialog, facts);
        if (!facts.has_root_disk) {
            Json root;
            root.set("type", "disk").set("path", "/").set("pool", pool["name"]);
            devices.set("root", std::move(root));
        }
        preseed.set("storage_pools", Json(Json::Array{std::move(pool)}));
    }
    if (dialog.yes("Would you like to configure LXD to use an existing bridge or host interface?", false))
        devices.set("eth0", ask_nic(dialog, facts));
    if (!devices.as_object().empty()) {
        Json profile;
        profile.set("name", "default").set("devices", std::move(devices));
        preseed.set("profiles", Json(Json::Array{std::move(profile)}));
    }
    if (dialog.yes("Would you like a YAML \"lxd init\" preseed to be printed?", false))
        dialog.say(schema::yaml_from_json(preseed));
    return preseed;
}

} // namespace commands
