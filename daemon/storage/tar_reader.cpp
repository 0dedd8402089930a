#include "daemon/storage/tar_reader.h"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/storage/unpacked_size.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace storage {

namespace limits = schema::limits;

namespace {

std::string text(const char* value) {
    return value == nullptr ? std::string() : std::string(value);
}

uint32_t checked_id(int64_t id, std::string_view path) {
    if (id < 0 || id >= UINT32_MAX)
        throw schema::bad_request("Archive entry \"{}\" has the impossible owner {}", path, id);
    return static_cast<uint32_t>(id);
}

TarEntry converted(archive_entry* raw) {
    TarEntry entry;
    entry.path = text(archive_entry_pathname(raw));
    entry.hard_link = text(archive_entry_hardlink(raw));
    entry.symlink = text(archive_entry_symlink(raw));
    auto& attributes = entry.attributes;
    attributes.st_mode = archive_entry_mode(raw);
    attributes.st_uid = checked_id(archive_entry_uid(raw), entry.path);
    attributes.st_gid = checked_id(archive_entry_gid(raw), entry.path);
    attributes.st_size = archive_entry_size(raw);
    attributes.st_rdev = ::makedev(static_cast<unsigned>(archive_entry_rdevmajor(raw)),
                                   static_cast<unsigned>(archive_entry_rdevminor(raw)));
    attributes.st_mtim = {archive_entry_mtime(raw), archive_entry_mtime_nsec(raw)};
    attributes.st_atim = attributes.st_mtim;

    archive_entry_xattr_reset(raw);
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    while (archive_entry_xattr_next(raw, &name, &value, &size) == ARCHIVE_OK)
        entry.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
    return entry;
}

} // namespace

struct TarReader::State {
    archive* reader = archive_read_new();
    base::Fd file;
    int64_t file_size = 0;
    int64_t read_so_far = 0;
    int reported = -1;
    size_t kept = 0;
    UnpackedSize unpacked{0};
    bool any_size = false;
    bool inside = false; // an entry that may have more content
    base::CancelToken cancel;
    Progress progress;
    std::vector<char> buffer = std::vector<char>(256 << 10);

    ~State() { archive_read_free(reader); }

    /// Called by libarchive, through which no exception may pass: a cancelled read fails, and next() finds out why.
    ssize_t read() {
        if (cancel.cancelled()) return -1;
        ssize_t count = 0;
        do count = ::read(file.get(), buffer.data(), buffer.size());
        while (count < 0 && errno == EINTR);
        if (count > 0) {
            read_so_far += count;
            report();
        }
        return count;
    }

    void report() {
        const int percent = file_size > 0 ? static_cast<int>(std::min<int64_t>(99, read_so_far * 100 / file_size)) : 0;
        if (!progress || percent == reported) return;
        reported = percent;
        progress(percent);
    }

    void check_entry(const TarEntry& entry) {
        for (const auto* path : {&entry.path, &entry.hard_link, &entry.symlink})
            if (path->size() > limits::image_path.value)
                throw schema::bad_request("An archive entry's path is longer than {} bytes: \"{}...\"",
                                          limits::image_path.value, path->substr(0, 64));
        // These are remembered to the end, by whoever looks for ways out and by whoever unpacks.
        if (S_ISDIR(entry.attributes.st_mode) || S_ISLNK(entry.attributes.st_mode)) {
            kept += sizeof(TarEntry) + entry.path.size();
            for (const auto& [name, value] : entry.xattrs) kept += name.size() + value.size();
        }
        if (kept > limits::image_kept.value)
            throw schema::bad_request("The archive's folders and links have more than {} bytes of names and attributes",
                                      limits::image_kept.value);
        unpacked.add_entry(any_size ? 0 : entry.attributes.st_size);
    }

    [[noreturn]] void fail() const {
        cancel.check();
        const char* reason = archive_error_string(reader);
        throw schema::bad_request("Damaged archive: {}", reason == nullptr ? "unreadable" : reason);
    }
};

TarReader::TarReader(const std::string& file, base::CancelToken cancel, Progress progress, bool any_size)
    : state_(std::make_unique<State>()) {
    auto& state = *state_;
    state.cancel = std::move(cancel);
    state.progress = std::move(progress);
    state.any_size = any_size;
    state.file = base::checked(::open(file.c_str(), O_RDONLY | O_CLOEXEC), "Failed opening " + file);
    struct stat status{};
    if (::fstat(state.file.get(), &status) == 0) state.file_size = status.st_size;
    state.unpacked = UnpackedSize(state.file_size);

    for (const auto support :
         {archive_read_support_filter_bzip2, archive_read_support_filter_gzip, archive_read_support_filter_lzma,
          archive_read_support_filter_xz, archive_read_support_filter_zstd, archive_read_support_format_tar})
        support(state.reader);
    const auto read = [](archive*, void* context, const void** data) -> la_ssize_t {
        auto* self = static_cast<State*>(context);
        *data = self->buffer.data();
        return self->read();
    };
    if (archive_read_open(state.reader, &state, nullptr, read, nullptr) != ARCHIVE_OK) state.fail();
}

TarReader::~TarReader() = default;

bool TarReader::next(TarEntry& entry) {
    // What is left of an entry is skipped here: libarchive would unpack gigabytes of zeros in one call.
    for (Block rest; state_->inside && next_block(rest);) {
    }
    state_->cancel.check();
    archive_entry* raw = nullptr;
    const int result = archive_read_next_header(state_->reader, &raw);
    if (result == ARCHIVE_EOF) return false;
    // A warning is about names that the locale cannot write: the bytes are right all the same.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) state_->fail();
    state_->inside = true;
    entry = converted(raw);
    state_->check_entry(entry);
    return true;
}

bool TarReader::next_block(Block& block) {
    state_->cancel.check();
    const void* data = nullptr;
    const int result = archive_read_data_block(state_->reader, &data, &block.size, &block.offset);
    if (result == ARCHIVE_EOF) return state_->inside = false;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) state_->fail();
    block.data = static_cast<const char*>(data);
    return true;
}

} // namespace storage
