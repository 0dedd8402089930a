#pragma once
// A folder of the daemon's own, for images or for backups, whose content can move to a custom volume while the daemon
// runs (daemon_storage.h). Everything is thread-safe.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace storage {

class DaemonFolder {
public:
    /// Until it is destroyed.
    using Hold = std::shared_ptr<void>;

    explicit DaemonFolder(std::string path) : path_(std::move(path)) {}
    DaemonFolder(const DaemonFolder&) = delete;
    DaemonFolder& operator=(const DaemonFolder&) = delete;

    /// Stays the same wherever the content lies: then it is a link.
    const std::string& path() const noexcept { return path_; }

    /// The content stays where it is: for whoever makes, renames or removes something in it. Blocks while it is being
    /// moved; throws unavailable while it is out of reach. Who only reads needs none: all is there before and after.
    Hold writing();
    /// As writing; nothing instead of waiting or throwing.
    Hold try_writing();
    /// Nobody writes. Throws conflict where somebody does.
    Hold moving();

    /// Out of reach from now on for who comes to write: `why` is what they are told. False where that was known.
    bool close(std::string why);
    void open();
    /// Why it is; empty where it is not.
    std::string closed();

private:
    Hold count_writer();
    void end_writing();
    void end_moving();

    const std::string path_;
    std::mutex mutex_;
    std::condition_variable moved_;
    int writers_ = 0;
    bool moving_ = false;
    std::string closed_; // why; empty while it is open
};

} // namespace storage
