#pragma once
// gzip on several processors: each piece becomes a member of its own, and together they are one gzip file, the same
// however many threads there are. Called by compression.cpp.

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace storage {

class ParallelGzip {
public:
    /// Writes to `output`, which stays the caller's. `level` is 1 to 12, as libdeflate counts.
    ParallelGzip(int output, int level, unsigned threads);
    /// Without finish: what was not written yet is dropped.
    ~ParallelGzip();
    ParallelGzip(const ParallelGzip&) = delete;
    ParallelGzip& operator=(const ParallelGzip&) = delete;

    /// Blocks while enough waits. Throws what went wrong with an earlier piece.
    void write(std::string_view bytes);
    /// Returns when all is written.
    void finish();

private:
    struct Piece {
        std::string plain;
        std::string packed;
        bool taken = false;
        bool done = false;
    };
    void submit();
    void work();
    void write_done(std::unique_lock<std::mutex>& lock);
    void throw_failure();

    int output_;
    int level_;
    std::string filling_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Piece>> pieces_; // in order, the written ones gone
    bool writing_ = false;
    bool ending_ = false;
    bool wrote_any_ = false;
    std::exception_ptr failure_;
    std::vector<std::thread> threads_;
};

} // namespace storage
