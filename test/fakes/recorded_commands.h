#pragma once
// A host whose programs do nothing but answer what they were told to, and that remembers what was run and mounted.

#include <algorithm>
#include <fmt/ranges.h>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "daemon/storage/commands.h"

namespace fakes {

class RecordedCommands : public storage::Commands {
public:
    using Commands::Commands;

    /// To every command that begins so; the longest beginning counts.
    void answer(const std::string& beginning, const std::string& out, int code = 0) {
        answers_[beginning] = {{code}, out, code == 0 ? "" : "no such thing"};
    }

    base::Output run(const storage::Words& words, const base::CancelToken&, int, int) override {
        const auto line = fmt::format("{}", fmt::join(words, " "));
        const std::scoped_lock lock(mutex_); // what is piped into another runs beside it
        said.push_back(line);
        const base::Output* found = nullptr;
        size_t longest = 0;
        for (const auto& [beginning, output] : answers_)
            if (line.starts_with(beginning) && beginning.size() >= longest) {
                found = &output;
                longest = beginning.size();
            }
        return found != nullptr ? *found : base::Output{};
    }
    void mount(const std::string& source, const std::string& target, const std::string& type,
               const storage::MountOptions& options) override {
        said.push_back(fmt::format("mount {} {} {} {}", source, target, type, options.data));
        mounted_.insert(target);
    }
    void unmount(const std::string& target) override {
        said.push_back("unmount " + target);
        mounted_.erase(target);
    }
    std::string zvol_device(const std::string& dataset) override { return "/dev/zvol/" + dataset; }
    bool is_mounted(const std::string& target) override { return mounted_.contains(target); }

    /// What was done since the last call; commands that only ask left out.
    std::vector<std::string> done() {
        auto lines = std::exchange(said, {});
        std::erase_if(lines, [](const auto& line) {
            for (const auto* asking :
                 {"lvm version", "lvs ", "vgs ", "pvs ", "blkid ", "zfs list", "zfs get", "zpool list", "zpool get"})
                if (line.starts_with(asking)) return true;
            return false;
        });
        return lines;
    }

    std::vector<std::string> said;

private:
    std::map<std::string, base::Output> answers_;
    std::set<std::string> mounted_;
    std::mutex mutex_;
};

} // namespace fakes
