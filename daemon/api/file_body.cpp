#include "daemon/api/file_body.h"

#include <cerrno>
#include <ctime>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

namespace api {

namespace {

class DescriptorBody : public http::BodyProducer {
public:
    DescriptorBody(base::Fd fd, std::optional<uint64_t> length, std::shared_ptr<void> keep)
        : fd_(std::move(fd)), length_(length), keep_(std::move(keep)) {}

    size_t read(char* buffer, size_t size) override {
        for (;;) {
            const auto count = ::read(fd_.get(), buffer, size);
            if (count >= 0) return static_cast<size_t>(count);
            if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "read");
        }
    }
    std::optional<uint64_t> length() const override { return length_; }

private:
    base::Fd fd_;
    std::optional<uint64_t> length_;
    std::shared_ptr<void> keep_;
};

} // namespace

std::shared_ptr<http::BodyProducer> descriptor_body(base::Fd fd, std::optional<uint64_t> length,
                                                    std::shared_ptr<void> keep) {
    return std::make_shared<DescriptorBody>(std::move(fd), length, std::move(keep));
}

std::string time_text(int64_t seconds, const char* form) {
    const std::time_t time = seconds;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    char text[64];
    std::strftime(text, sizeof text, form, &parts);
    return text;
}

http::Response file_response(base::Fd fd, const std::string& filename) {
    struct stat status{};
    if (::fstat(fd.get(), &status) < 0) throw std::system_error(errno, std::generic_category(), filename);
    http::Response response;
    response.headers["Accept-Ranges"] = "bytes";
    response.headers["Content-Type"] = "application/octet-stream";
    response.headers["Last-Modified"] = time_text(status.st_mtime, http_time);
    response.headers["Content-Disposition"] = fmt::format("inline;filename={}", filename);
    response.body = descriptor_body(std::move(fd), static_cast<uint64_t>(status.st_size));
    return response;
}

} // namespace api
