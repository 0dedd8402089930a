#pragma once
// What a running container is being changed to, written down before its first limit or device is touched: a daemon that
// dies in the middle finds it at its next start and makes the container what its record says. Callers: lifecycle.

#include <string>
#include <utility>
#include <vector>

#include "daemon/instance/instance.h"
#include "daemon/state/paths.h"

namespace instance {

/// Lasts as long as the change does. Kept in the instance's devices folder, which must exist; several changes may be
/// under way.
class AnnouncedChange {
public:
    AnnouncedChange(const state::Paths& paths, const Record& record);
    AnnouncedChange(AnnouncedChange&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    AnnouncedChange& operator=(AnnouncedChange&&) = delete;
    ~AnnouncedChange();

private:
    std::string path_;
};

/// Those that a daemon's end cut off: `record` with what they announced in its place.
std::vector<Record> cut_off_changes(const state::Paths& paths, const Record& record);
/// To be called once nothing of them is left.
void forget_cut_off_changes(const state::Paths& paths, const std::string& name);

} // namespace instance
