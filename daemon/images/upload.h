#pragma once
// An image on its way in: streamed to a folder of its own, hashed meanwhile, and gone with its object unless the store
// takes it over. Memory stays constant however large the image is.

#include <optional>
#include <string>

#include "daemon/images/byte_source.h"
#include "daemon/storage/daemon_folder.h"

namespace images {

/// The headers of POST /1.0/images as they came; empty where they are missing.
struct UploadHeaders {
    std::string content_type; // "multipart/form-data; boundary=..." for a split image; anything else is a unified one
    std::string filename;     // X-LXD-filename
    std::string is_public;    // X-LXD-public
    std::string properties;   // X-LXD-properties: a query string, or several joined by ", "
    std::string fingerprint;  // X-LXD-fingerprint: what the client expects
};

class Upload {
public:
    /// Reads the body to its end into a new folder below `images`. What is wrong with the body (not with the
    /// connection) is kept for the operation that imports it, as LXD reports it there.
    static Upload receive(storage::DaemonFolder& images, UploadHeaders headers, const ByteSource& body);
    Upload(Upload&& other) noexcept;
    Upload& operator=(Upload&& other) = delete;
    ~Upload();

    const UploadHeaders& headers() const noexcept { return headers_; }
    const std::string& fingerprint() const noexcept { return fingerprint_; }
    int64_t size() const noexcept { return size_; }
    const std::string& filename() const noexcept { return filename_; }
    std::string file() const { return folder_ + "/image"; }
    /// The root's file of a split image.
    std::optional<std::string> root_file() const;
    /// Throws what was wrong with the body, also where it is not what the client expected.
    void check() const;

private:
    Upload(storage::DaemonFolder::Hold staying, std::string folder, UploadHeaders headers);
    void receive_unified(const ByteSource& body);
    void receive_split(const ByteSource& body, const std::string& boundary);

    storage::DaemonFolder::Hold staying_;
    std::string folder_;
    UploadHeaders headers_;
    std::string fingerprint_;
    std::string filename_;
    int64_t size_ = 0;
    bool split_ = false;
    std::string problem_; // with the body; empty when it is fine
};

/// Folders with this prefix are uploads that a crash interrupted.
inline constexpr std::string_view upload_prefix = "lxd_build_";

} // namespace images
