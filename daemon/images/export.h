#pragma once
// An image on its way out: one file, or the two files of a split image as multipart/form-data, read while it is sent.

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/base/fd.h"

namespace images {

class Export {
public:
    struct File {
        std::string name;     // of the form field: "metadata" or "rootfs"; unused where there is one file
        std::string filename; // as the client should call it
        std::string path;
    };
    /// Opens the files: one removed meanwhile is still sent whole.
    explicit Export(const std::vector<File>& files);

    const std::string& content_type() const noexcept { return content_type_; }
    /// The Content-Disposition header; empty for a split image.
    const std::string& content_disposition() const noexcept { return content_disposition_; }
    uint64_t length() const noexcept { return length_; }
    /// Fills the buffer with at least one byte; 0 at the end.
    size_t read(char* buffer, size_t size);

private:
    struct Piece {
        std::string text; // where there is no file
        base::Fd file;
    };
    void add_text(std::string text);
    void add_file(const std::string& path);

    std::string content_type_;
    std::string content_disposition_;
    uint64_t length_ = 0;
    std::vector<Piece> pieces_;
    size_t piece_ = 0;
    size_t offset_ = 0; // in the present piece
};

} // namespace images
