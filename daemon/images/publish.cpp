#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/durable.h"
#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/images/store.h"
#include "daemon/images/upload.h"
#include "schema/error.h"

namespace images {

namespace {

std::string digest_of(int file, const base::CancelToken& cancel) {
    base::Sha256 digest;
    std::array<char, 65536> buffer{};
    for (off_t at = 0;;) {
        cancel.check();
        const auto count = ::pread(file, buffer.data(), buffer.size(), at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error(errno, std::generic_category(), "Failed reading a published image");
        if (count == 0) return digest.finish();
        digest.update({buffer.data(), static_cast<size_t>(count)});
        at += count;
    }
}

} // namespace

schema::Image ImageStore::publish(const std::function<void(int file)>& write,
                                  const std::function<schema::Image()>& describe, const base::CancelToken& cancel) {
    const auto staying = folder_.writing();
    const auto folder = folder_.path() + "/" + std::string(upload_prefix) + base::random_hex(8);
    base::make_dir(folder, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(folder); });
    const auto path = folder + "/image";
    const auto fd = base::checked(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), path);
    write(fd.get());
    auto image = describe();
    image.fingerprint = digest_of(fd.get(), cancel);
    struct stat status{};
    if (::fdatasync(fd.get()) < 0 || ::fstat(fd.get(), &status) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed syncing " + path);
    image.size = status.st_size;
    image.created_at = image.uploaded_at = std::chrono::system_clock::now();

    const auto hold = changing_.exclusive(image.fingerprint, cancel);
    if (rows_.find(image.fingerprint)) throw schema::failure("The image already exists: {}", image.fingerprint);
    for (const auto& alias : image.aliases)
        if (rows_.find_alias(alias.name)) throw schema::failure("Alias already exists: {}", alias.name);
    cancel.check();
    insert_published(path, image);
    log_.info("Published image", {{"fingerprint", image.fingerprint}, {"project", "default"}});
    return image;
}

void ImageStore::insert_published(const std::string& from, const schema::Image& image) {
    const auto to = file(image.fingerprint);
    base::rename_durably(from, to);
    base::Rollback rollback;
    rollback.add([&] { ::unlink(to.c_str()); });
    rows_.insert_with_aliases(image);
    rollback.dismiss();
}

} // namespace images
