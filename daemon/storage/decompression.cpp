#include "daemon/storage/decompression.h"

#include <archive.h>
#include <archive_entry.h>
#include <cerrno>
#include <fcntl.h>
#include <libdeflate.h>
#include <memory>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "schema/error.h"

namespace storage {

namespace {

constexpr size_t piece_size = 256 << 10;
constexpr size_t pieces_ahead = 8;

struct FreeArchive {
    void operator()(archive* reader) const { archive_read_free(reader); }
};

constexpr std::string_view gzip_magic = "\x1f\x8b";
constexpr size_t largest_member = 2 << 20;

struct FreeDecompressor {
    void operator()(libdeflate_decompressor* decompressor) const { libdeflate_free_decompressor(decompressor); }
};

class Mapping {
public:
    Mapping(int fd, size_t size) : size_(size), start_(::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0)) {}
    ~Mapping() {
        if (*this) ::munmap(start_, size_);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    explicit operator bool() const { return start_ != MAP_FAILED; }
    std::string_view bytes() const { return {static_cast<const char*>(start_), size_}; }

private:
    size_t size_;
    void* start_;
};

struct Input {
    int fd;
    const base::CancelToken& cancel;
    std::atomic<int64_t>& read_so_far;
    std::vector<char> buffer = std::vector<char>(piece_size);

    /// No exception may pass through libarchive, which calls it.
    la_ssize_t read() {
        if (cancel.cancelled()) return -1;
        ssize_t count = 0;
        do count = ::read(fd, buffer.data(), buffer.size());
        while (count < 0 && errno == EINTR);
        if (count > 0) read_so_far += count;
        return count;
    }
};

} // namespace

Decompression::Decompression(const std::string& file, base::CancelToken cancel)
    : file_(base::checked(::open(file.c_str(), O_RDONLY | O_CLOEXEC), "Failed opening " + file)),
      cancel_(std::move(cancel)) {
    struct stat status{};
    if (::fstat(file_.get(), &status) == 0) size_ = status.st_size;
    thread_ = std::thread([this] { work(); });
}

Decompression::~Decompression() {
    {
        const std::scoped_lock lock(mutex_);
        unwanted_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::string_view Decompression::next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return at_end_ || !pieces_.empty(); });
    if (pieces_.empty()) {
        if (failure_) std::rethrow_exception(failure_);
        return {};
    }
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    changed_.notify_all();
    return current_;
}

void Decompression::work() {
    std::exception_ptr failure;
    try {
        unpack();
    } catch (...) {
        failure = std::current_exception();
    }
    const std::scoped_lock lock(mutex_);
    failure_ = std::move(failure);
    at_end_ = true;
    changed_.notify_all();
}

/// Whether more is wanted.
bool Decompression::put(std::string piece) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return unwanted_ || pieces_.size() < pieces_ahead; });
    pieces_.push_back(std::move(piece));
    changed_.notify_all();
    return !unwanted_;
}

/// As far as the file is gzip in small members, as our own archives are, which libdeflate unpacks in half the time that
/// libarchive takes; and looks at their checksums, which libarchive does not. Whether there is more.
bool Decompression::unpack_members() {
    if (size_ == 0) return true;
    const Mapping file(file_.get(), static_cast<size_t>(size_));
    const std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor(libdeflate_alloc_decompressor());
    if (!file || !decompressor) return true;
    const auto member = std::make_unique_for_overwrite<char[]>(largest_member);
    auto rest = file.bytes();
    std::string piece;
    while (rest.starts_with(gzip_magic)) {
        cancel_.check();
        size_t taken = 0;
        size_t made = 0;
        const auto result = libdeflate_gzip_decompress_ex(decompressor.get(), rest.data(), rest.size(), member.get(),
                                                          largest_member, &taken, &made);
        if (result == LIBDEFLATE_BAD_DATA)
            throw schema::bad_request("Damaged archive: its gzip data is damaged or cut short");
        if (result != LIBDEFLATE_SUCCESS) break; // it is larger
        rest.remove_prefix(taken);
        read_so_far_ = size_ - static_cast<int64_t>(rest.size());
        piece.append(member.get(), made);
        if (piece.size() >= piece_size && !put(std::exchange(piece, {}))) return false;
    }
    if (!piece.empty() && !put(std::move(piece))) return false;
    ::lseek(file_.get(), read_so_far_, SEEK_SET);
    return read_so_far_ == 0 || rest.starts_with(gzip_magic);
}

void Decompression::unpack() {
    if (!unpack_members()) return;
    const std::unique_ptr<archive, FreeArchive> reader(archive_read_new());
    Input input{file_.get(), cancel_, read_so_far_};
    for (const auto support :
         {archive_read_support_filter_bzip2, archive_read_support_filter_gzip, archive_read_support_filter_lzma,
          archive_read_support_filter_xz, archive_read_support_filter_zstd, archive_read_support_format_raw})
        support(reader.get());
    const auto fail = [&] {
        cancel_.check();
        const char* reason = archive_error_string(reader.get());
        throw schema::bad_request("Damaged archive: {}", reason == nullptr ? "unreadable" : reason);
    };
    const auto read = [](archive*, void* context, const void** data) -> la_ssize_t {
        auto* from = static_cast<Input*>(context);
        *data = from->buffer.data();
        return from->read();
    };
    if (archive_read_open(reader.get(), &input, nullptr, read, nullptr) != ARCHIVE_OK) fail();
    archive_entry* entry = nullptr;
    if (const int result = archive_read_next_header(reader.get(), &entry); result != ARCHIVE_OK) {
        if (result == ARCHIVE_EOF) return;
        fail();
    }
    std::string piece;
    for (;;) {
        const void* data = nullptr;
        size_t size = 0;
        la_int64_t offset = 0;
        const int result = archive_read_data_block(reader.get(), &data, &size, &offset);
        if (result == ARCHIVE_OK) piece.append(static_cast<const char*>(data), size);
        if (piece.size() >= piece_size || (result != ARCHIVE_OK && !piece.empty()))
            if (!put(std::exchange(piece, {}))) return;
        if (result == ARCHIVE_EOF) return;
        if (result != ARCHIVE_OK) fail();
    }
}

} // namespace storage
