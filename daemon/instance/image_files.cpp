#include "daemon/instance/image_files.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/images/metadata.h"
#include "schema/error.h"

namespace instance {

namespace {

constexpr const char* metadata_name = "metadata.yaml";
constexpr const char* templates_name = "templates";
constexpr size_t largest_file = 4U << 20U;

using base::fail;

bool is_missing(const std::system_error& error) {
    return error.code() == std::errc::no_such_file_or_directory;
}

void check_name(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
        throw schema::failure("Invalid template filename");
}

/// A regular file alone: what an image brought may be a pipe or a device.
base::Fd open_file(const base::Fd& folder, const std::string& name) {
    auto fd = base::open_beneath(folder.get(), name, O_RDONLY | O_NONBLOCK);
    struct stat status{};
    if (::fstat(fd.get(), &status) < 0) fail(name);
    if (!S_ISREG(status.st_mode)) throw schema::failure("{:?} is not a regular file", name);
    return fd;
}

std::string content_of(const base::Fd& file, const std::string& name) {
    std::string content;
    char piece[16384];
    for (;;) {
        const auto count = ::read(file.get(), piece, sizeof piece);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("Failed reading " + name);
        if (count == 0) return content;
        content.append(piece, static_cast<size_t>(count));
        if (content.size() > largest_file) throw schema::failure("{:?} is larger than {} bytes", name, largest_file);
    }
}

/// The old or the new content, whatever happens.
void replace(const base::Fd& folder, const std::string& name, std::string_view content) {
    const auto fresh = fmt::format(".{}", base::random_hex(8));
    try {
        const auto fd = base::open_beneath(folder.get(), fresh, O_WRONLY | O_CREAT | O_EXCL, 0600);
        base::write_all(fd.get(), content);
        if (::fchmod(fd.get(), 0644) < 0 || ::fsync(fd.get()) < 0) fail("Failed writing " + name);
        if (::renameat(folder.get(), fresh.c_str(), folder.get(), name.c_str()) < 0) fail("Failed replacing " + name);
    } catch (...) {
        ::unlinkat(folder.get(), fresh.c_str(), 0);
        throw;
    }
}

base::Fd templates_folder(const base::Fd& top) {
    return base::open_beneath(top.get(), templates_name, O_RDONLY | O_DIRECTORY);
}

/// What a missing file or folder is for a client.
template <class Work> auto or_not_found(const std::string& name, const Work& work) {
    check_name(name);
    try {
        return work();
    } catch (const std::system_error& error) {
        if (is_missing(error)) throw schema::not_found("Template {:?} not found", name);
        throw;
    }
}

} // namespace

base::Fd ImageFiles::top() const {
    return base::checked(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), folder_);
}

std::optional<schema::ImageMetadata> ImageFiles::metadata() const {
    const auto folder = top();
    try {
        const auto file = open_file(folder, metadata_name);
        return images::read_metadata(content_of(file, metadata_name));
    } catch (const std::system_error& error) {
        if (is_missing(error)) return {};
        throw;
    }
}

void ImageFiles::set_metadata(const schema::ImageMetadata& metadata) const {
    replace(top(), metadata_name, images::metadata_yaml(metadata));
}

std::vector<std::string> ImageFiles::templates() const {
    base::Fd fd;
    try {
        fd = templates_folder(top());
    } catch (const std::system_error& error) {
        if (is_missing(error)) return {};
        throw;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(fd.get()), ::closedir);
    if (!folder) fail("Failed listing the templates");
    fd.release();
    std::vector<std::string> names;
    while (const auto* entry = ::readdir(folder.get())) { // NOLINT(concurrency-mt-unsafe): the stream is our own
        struct stat status{};
        const std::string name = entry->d_name;
        if (::fstatat(::dirfd(folder.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            !S_ISDIR(status.st_mode))
            names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
}

base::Fd ImageFiles::open_template(const std::string& name) const {
    return or_not_found(name, [&] { return open_file(templates_folder(top()), name); });
}

std::string ImageFiles::read_template(const std::string& name) const {
    return content_of(open_template(name), name);
}

void ImageFiles::remove_template(const std::string& name) const {
    or_not_found(name, [&] {
        if (::unlinkat(templates_folder(top()).get(), name.c_str(), 0) < 0) fail("Failed removing " + name);
    });
}

void ImageFiles::put_template(const std::string& name, std::string_view content) const {
    check_name(name);
    const auto folder = top();
    if (::mkdirat(folder.get(), templates_name, 0711) < 0 && errno != EEXIST)
        fail("Failed making the templates' folder");
    replace(templates_folder(folder), name, content);
}

} // namespace instance
