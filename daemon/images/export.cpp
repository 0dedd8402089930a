#include "daemon/images/export.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/crypto.h"

namespace images {

Export::Export(const std::vector<File>& files) {
    if (files.size() == 1) {
        content_type_ = "application/octet-stream";
        content_disposition_ = "inline;filename=" + files.front().filename;
        add_file(files.front().path);
        return;
    }
    const auto boundary = base::random_hex(30);
    content_type_ = "multipart/form-data; boundary=" + boundary;
    for (const auto& file : files) {
        add_text(fmt::format("{}--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n"
                             "Content-Type: application/octet-stream\r\n\r\n",
                             pieces_.empty() ? "" : "\r\n", boundary, file.name, file.filename));
        add_file(file.path);
    }
    add_text(fmt::format("\r\n--{}--\r\n", boundary));
}

void Export::add_text(std::string text) {
    length_ += text.size();
    pieces_.push_back({std::move(text), {}});
}

void Export::add_file(const std::string& path) {
    auto file = base::checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "Failed opening " + path);
    struct stat status{};
    if (::fstat(file.get(), &status) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed looking at " + path);
    length_ += static_cast<uint64_t>(status.st_size);
    pieces_.push_back({{}, std::move(file)});
}

size_t Export::read(char* buffer, size_t size) {
    for (; piece_ < pieces_.size(); ++piece_, offset_ = 0) {
        const auto& piece = pieces_[piece_];
        ssize_t count = 0;
        if (piece.file) {
            do count = ::pread(piece.file.get(), buffer, size, static_cast<off_t>(offset_));
            while (count < 0 && errno == EINTR);
            if (count < 0) throw std::system_error(errno, std::generic_category(), "Failed reading an image");
        } else {
            count = static_cast<ssize_t>(std::min(size, piece.text.size() - offset_));
            std::memcpy(buffer, piece.text.data() + offset_, static_cast<size_t>(count));
        }
        if (count > 0) {
            offset_ += static_cast<size_t>(count);
            return static_cast<size_t>(count);
        }
    }
    return 0;
}

} // namespace images
