#include "daemon/images/upload.h"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "daemon/base/crypto.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/images/media_type.h"
#include "daemon/images/multipart.h"
#include "schema/error.h"

namespace images {

namespace {

constexpr size_t chunk = 256 << 10;

/// Writes what a source gives to a new file and into the digest; returns how many bytes.
int64_t store(const ByteSource& source, const std::string& path, base::Sha256& digest) {
    const auto file =
        base::checked(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "Failed creating " + path);
    std::vector<char> buffer(chunk);
    int64_t size = 0;
    while (const auto count = source(buffer.data(), buffer.size())) {
        digest.update({buffer.data(), count});
        base::write_all(file.get(), {buffer.data(), count});
        size += static_cast<int64_t>(count);
    }
    // The row that will name this file survives a power cut: so must its content.
    if (::fdatasync(file.get()) < 0) throw std::system_error(errno, std::generic_category(), "Failed syncing " + path);
    return size;
}

void drain(const ByteSource& source) {
    std::vector<char> buffer(chunk);
    while (source(buffer.data(), buffer.size()) > 0) {
    }
}

} // namespace

Upload::Upload(storage::DaemonFolder::Hold staying, std::string folder, UploadHeaders headers)
    : staying_(std::move(staying)), folder_(std::move(folder)), headers_(std::move(headers)) {}

Upload::Upload(Upload&& other) noexcept
    : staying_(std::move(other.staying_)), folder_(std::exchange(other.folder_, {})),
      headers_(std::move(other.headers_)), fingerprint_(std::move(other.fingerprint_)),
      filename_(std::move(other.filename_)), size_(other.size_), split_(other.split_),
      problem_(std::move(other.problem_)) {}

Upload::~Upload() {
    if (folder_.empty()) return;
    try {
        base::remove_tree(folder_);
    } catch (const std::exception&) { // The next start removes it.
    }
}

std::optional<std::string> Upload::root_file() const {
    if (!split_) return {};
    return file() + ".rootfs";
}

Upload Upload::receive(storage::DaemonFolder& images, UploadHeaders headers, const ByteSource& body) {
    auto staying = images.writing();
    const auto folder = images.path() + "/" + std::string(upload_prefix) + base::random_hex(8);
    base::make_dir(folder, 0700);
    Upload upload(std::move(staying), folder, std::move(headers));
    auto type = parse_media_type(upload.headers_.content_type);
    if (type.type != "multipart/form-data") {
        upload.receive_unified(body);
        return upload;
    }
    // A wrong byte is the client's fault, a lost connection is not: only what the source itself throws ends the call.
    std::exception_ptr lost;
    const ByteSource guarded = [&](char* buffer, size_t size) -> size_t {
        try {
            return body(buffer, size);
        } catch (...) {
            lost = std::current_exception();
            throw;
        }
    };
    try {
        upload.receive_split(guarded, type.parameters["boundary"]);
    } catch (const schema::Error& error) {
        if (lost) std::rethrow_exception(lost);
        upload.problem_ = error.what();
    }
    if (!upload.problem_.empty()) drain(body);
    return upload;
}

void Upload::receive_unified(const ByteSource& body) {
    base::Sha256 digest;
    size_ = store(body, file(), digest);
    fingerprint_ = digest.finish();
    filename_ = headers_.filename;
}

void Upload::receive_split(const ByteSource& body, const std::string& boundary) {
    split_ = true;
    MultipartReader reader(body, boundary);
    const ByteSource content = [&](char* buffer, size_t size) { return reader.read(buffer, size); };
    base::Sha256 digest;
    const auto metadata = reader.next_part();
    if (!metadata || metadata->name != "metadata") throw schema::bad_request("Invalid multipart image");
    size_ = store(content, file(), digest);
    const auto root = reader.next_part();
    if (!root || root->name != "rootfs") throw schema::bad_request("Invalid multipart image");
    size_ += store(content, file() + ".rootfs", digest);
    fingerprint_ = digest.finish();
    filename_ = root->filename;
    while (reader.next_part()) {
    }
}

void Upload::check() const {
    if (!problem_.empty()) throw schema::bad_request("{}", problem_);
    if (!headers_.fingerprint.empty() && headers_.fingerprint != fingerprint_)
        throw schema::bad_request("fingerprints don't match, got {} expected {}", fingerprint_, headers_.fingerprint);
}

} // namespace images
