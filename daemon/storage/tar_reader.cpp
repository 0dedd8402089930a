#include "daemon/storage/tar_reader.h"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <exception>
#include <string_view>
#include <sys/sysmacros.h>

#include "daemon/storage/decompression.h"
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
    Decompression content;
    std::exception_ptr failure;
    int reported = -1;
    size_t kept = 0;
    UnpackedSize unpacked;
    bool any_size = false;
    bool inside = false; // an entry that may have more content
    base::CancelToken cancel;
    Progress progress;

    State(const std::string& file, const base::CancelToken& token)
        : content(file, token), unpacked(content.size()), cancel(token) {}
    ~State() { archive_read_free(reader); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    /// Called by libarchive, through which no exception may pass: a failed read fails, and next() finds out why.
    la_ssize_t read(const void** data) {
        try {
            const auto piece = content.next();
            report();
            *data = piece.data();
            return static_cast<la_ssize_t>(piece.size());
        } catch (...) {
            failure = std::current_exception();
            return -1;
        }
    }

    void report() {
        const auto size = content.size();
        const int percent = size > 0 ? static_cast<int>(std::min<int64_t>(99, content.read_so_far() * 100 / size)) : 0;
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
        if (failure) std::rethrow_exception(failure);
        const char* reason = archive_error_string(reader);
        throw schema::bad_request("Damaged archive: {}", reason == nullptr ? "unreadable" : reason);
    }
};

TarReader::TarReader(const std::string& file, const base::CancelToken& cancel, Progress progress, bool any_size)
    : state_(std::make_unique<State>(file, cancel)) {
    auto& state = *state_;
    state.progress = std::move(progress);
    state.any_size = any_size;
    archive_read_support_format_tar(state.reader);
    const auto read = [](archive*, void* context, const void** data) -> la_ssize_t {
        return static_cast<State*>(context)->read(data);
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
