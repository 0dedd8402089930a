#pragma once
// A file that a command writes what it downloads to: it is gone again if that fails. Used by the exports.

#include <string>
#include <string_view>

#include "daemon/base/fd.h"

namespace client {

class NewFile {
public:
    /// Makes the file, or empties it; a failure is worded as LXD's client words it.
    explicit NewFile(std::string path);
    /// Removes the file unless it was kept. What is no plain file (/dev/null) stays in any case.
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    void write(std::string_view data) const { base::write_all(fd_.get(), data); }
    void keep() { kept_ = true; }
    void keep_as(const std::string& path);
    const std::string& path() const { return path_; }

private:
    std::string path_;
    base::Fd fd_;
    bool kept_ = false;
};

} // namespace client
