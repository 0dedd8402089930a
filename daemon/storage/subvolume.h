#pragma once
// Subvolumes of btrfs with all that is nested in them: a container may have made subvolumes of its own, so their names
// are not trusted and no link in them is followed. Called by the driver btrfs.

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "daemon/base/fd.h"

namespace storage::subvolume {

struct Nested {
    std::string path; // below the outer one, which comes before it
    uint64_t id = 0;
    bool read_only = false;
};

/// An open folder keeps its times though subvolumes come and go in it while this lives.
class KeptTimes {
public:
    explicit KeptTimes(int folder);
    KeptTimes(const KeptTimes&) = delete;
    KeptTimes& operator=(const KeptTimes&) = delete;
    ~KeptTimes();

private:
    int folder_;
    timespec accessed_{}, modified_{};
};

bool is_on_btrfs(const std::string& path);
bool is_subvolume(const std::string& path);
base::Fd open(const std::string& path);
uint64_t id(int subvolume);
bool is_read_only(int subvolume);
void set_read_only(int subvolume, bool read_only);
/// Those in the one that is open, at any depth.
std::vector<Nested> nested(int subvolume);
/// Opens one of them; an empty Fd when it is gone or has moved meanwhile.
base::Fd open_nested(int subvolume, const Nested& found);

void create(const std::string& path);
/// A snapshot of it and of what is nested in it, made in one step where nothing is. Nested ones stay as writable or
/// read-only as they are. `target` must not exist; nothing is left of a failure.
void snapshot(const std::string& source, const std::string& target, bool read_only);
/// A writable one without what is nested in it.
void snapshot_alone(int source, const std::string& target);
/// What a stream of it, and a stream that it was received from, call it: 16 bytes each, the second empty where it was
/// received from none.
struct Identity {
    std::string uuid;
    std::string received;
};
Identity identity(int subvolume);
/// Says where it was received from.
void set_received(int subvolume, const std::string& uuid, uint64_t transaction);
/// With what is nested in it, read-only or not. Not an error when it is missing.
void remove(const std::string& path);
/// Waits until all that was written to the filesystem is on disk.
void sync(const std::string& path);
/// Makes durable what the filesystem itself was told before: subvolumes, limits. Of what files hold it writes nothing.
void commit(int any);

} // namespace storage::subvolume
