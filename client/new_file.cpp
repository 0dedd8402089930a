#include "client/new_file.h"

#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/local_files.h"

namespace client {

NewFile::NewFile(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
    if (!fd_) fail("open", path_);
}

NewFile::~NewFile() {
    struct stat status{};
    if (!kept_ && ::fstat(fd_.get(), &status) == 0 && S_ISREG(status.st_mode)) ::unlink(path_.c_str());
}

void NewFile::keep_as(const std::string& path) {
    if (path != path_ && ::rename(path_.c_str(), path.c_str()) != 0) fail("rename " + path_, path);
    kept_ = true;
}

} // namespace client
