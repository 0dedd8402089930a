#include "daemon/storage/listing.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

#include <fmt/format.h>

#include "daemon/base/fail.h"
#include "daemon/base/fd.h"

namespace storage {

Listing open_listing(int folder_fd, std::string_view shown) {
    base::Fd fd(::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Listing listing(fd ? ::fdopendir(fd.get()) : nullptr);
    if (!listing) base::fail(fmt::format("Failed listing {}", shown));
    fd.release();
    return listing;
}

const dirent* next_entry(DIR& listing, std::string_view shown) {
    for (;;) {
        errno = 0;
        const auto* entry = ::readdir(&listing); // NOLINT(concurrency-mt-unsafe): each stream has one reader
        if (entry == nullptr) {
            if (errno != 0) base::fail(fmt::format("Failed listing {}", shown));
            return nullptr;
        }
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") return entry;
    }
}

std::vector<std::string> sorted_names(int folder_fd, std::string_view shown) {
    const auto listing = open_listing(folder_fd, shown);
    std::vector<std::string> names;
    while (const auto* entry = next_entry(*listing, shown)) names.emplace_back(entry->d_name);
    std::ranges::sort(names);
    return names;
}

} // namespace storage
