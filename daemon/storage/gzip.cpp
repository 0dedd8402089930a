#include "daemon/storage/gzip.h"

#include <algorithm>
#include <fcntl.h>
#include <libdeflate.h>

#include "daemon/base/fd.h"
#include "schema/error.h"

namespace storage {

namespace {

constexpr size_t piece_size = 1U << 20U;

struct FreeCompressor {
    void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
};

} // namespace

ParallelGzip::ParallelGzip(int output, int level, unsigned threads) : output_(output), level_(level) {
    filling_.reserve(piece_size);
    for (unsigned left = std::max(threads, 1U); left > 0; --left) threads_.emplace_back([this] { work(); });
}

ParallelGzip::~ParallelGzip() {
    {
        const std::scoped_lock lock(mutex_);
        ending_ = true;
        std::erase_if(pieces_, [](const auto& piece) { return !piece->taken; });
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void ParallelGzip::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = std::min(bytes.size(), piece_size - filling_.size());
        filling_.append(bytes.substr(0, count));
        bytes.remove_prefix(count);
        if (filling_.size() == piece_size) submit();
    }
}

void ParallelGzip::submit() {
    auto piece = std::make_shared<Piece>();
    piece->plain = std::move(filling_);
    filling_ = {};
    filling_.reserve(piece_size);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || pieces_.size() < 2 * threads_.size(); });
    throw_failure();
    pieces_.push_back(std::move(piece));
    wrote_any_ = true;
    changed_.notify_all();
}

void ParallelGzip::finish() {
    if (!filling_.empty() || !wrote_any_) submit();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || pieces_.empty(); });
    throw_failure();
}

void ParallelGzip::throw_failure() {
    if (failure_) std::rethrow_exception(failure_);
}

void ParallelGzip::work() {
    std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(libdeflate_alloc_compressor(level_));
    std::unique_lock lock(mutex_);
    for (;;) {
        auto waiting = pieces_.end();
        changed_.wait(lock, [&] {
            waiting = std::find_if(pieces_.begin(), pieces_.end(), [](const auto& piece) { return !piece->taken; });
            return ending_ || waiting != pieces_.end();
        });
        if (waiting == pieces_.end()) return;
        const auto piece = *waiting;
        piece->taken = true;
        lock.unlock();
        size_t size = 0;
        if (compressor) {
            piece->packed.resize(libdeflate_gzip_compress_bound(compressor.get(), piece->plain.size()));
            size = libdeflate_gzip_compress(compressor.get(), piece->plain.data(), piece->plain.size(),
                                            piece->packed.data(), piece->packed.size());
            piece->packed.resize(size);
            piece->plain = {};
        }
        lock.lock();
        piece->done = true;
        if (size == 0 && !failure_)
            failure_ = std::make_exception_ptr(schema::failure("Failed compressing: out of memory"));
        write_done(lock);
        changed_.notify_all();
    }
}

void ParallelGzip::write_done(std::unique_lock<std::mutex>& lock) {
    if (writing_) return; // whoever writes sees this piece too
    writing_ = true;
    while (!pieces_.empty() && pieces_.front()->done && !failure_) {
        const auto piece = pieces_.front();
        lock.unlock();
        std::exception_ptr failure;
        try {
            base::write_all(output_, piece->packed);
            // On its way to the disk while the rest is compressed: whoever syncs it at the end waits for little.
            ::sync_file_range(output_, 0, 0, SYNC_FILE_RANGE_WRITE);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure) failure_ = failure;
        pieces_.pop_front();
        changed_.notify_all();
    }
    writing_ = false;
}

} // namespace storage
