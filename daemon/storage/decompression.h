#pragma once
// What a compressed file holds (libdeflate, libarchive), unpacked ahead in a thread of its own: whoever writes it to a
// disk need not wait for the decompressor, nor the other way round. Called by tar_reader.cpp.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "daemon/base/cancel.h"
#include "daemon/base/fd.h"

namespace storage {

class Decompression {
public:
    /// `file` may be compressed with gzip, bzip2, lzma, xz or zstd, or not at all. Throws where it cannot be opened.
    Decompression(const std::string& file, base::CancelToken cancel);
    ~Decompression();
    Decompression(const Decompression&) = delete;
    Decompression& operator=(const Decompression&) = delete;

    /// The next piece, valid until the next call; empty at the end. Blocks. Throws bad_request for what is damaged or
    /// cut short, after all that came before it.
    std::string_view next();
    /// Of the compressed file, in bytes.
    int64_t size() const { return size_; }
    int64_t read_so_far() const { return read_so_far_; }

private:
    void work();
    void unpack();
    bool unpack_members();
    bool put(std::string piece);

    base::Fd file_;
    int64_t size_ = 0;
    base::CancelToken cancel_;
    std::atomic<int64_t> read_so_far_ = 0;
    std::string current_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> pieces_;
    bool at_end_ = false;
    bool unwanted_ = false;
    std::exception_ptr failure_;
    std::thread thread_;
};

} // namespace storage
