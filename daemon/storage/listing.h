#pragma once
// The names in open folders. Called by what walks trees.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>

namespace storage {

struct CloseListing {
    void operator()(DIR* listing) const { ::closedir(listing); }
};
using Listing = std::unique_ptr<DIR, CloseListing>;

/// Of a folder, whose descriptor is not changed. `shown` names the folder in errors, which are std::system_error.
Listing open_listing(int folder_fd, std::string_view shown = "folder");
/// The next entry, "." and ".." left out; nullptr at the end.
const dirent* next_entry(DIR& listing, std::string_view shown = "folder");
/// All names, in order.
std::vector<std::string> sorted_names(int folder_fd, std::string_view shown = "folder");

} // namespace storage
