#pragma once
// Where the daemon keeps its images and backups: in LXD_DIR/images and LXD_DIR/backups, or, with the server's keys
// storage.images_volume and storage.backups_volume, in custom volumes, which those two then are links to (as LXD's).
//
// A move makes .X.partial beside the folder or link X, which is or leads to the place to be, and copies all there.
// Complete, that is called .X.new, and exchanges its name with X; the key is stored; what .X.new is or leads to by then
// is emptied, and it goes. A start goes by the key: where X is not what that says but .X.new is, they are exchanged
// again, and what is beside X then goes as above. So nothing is emptied but what X holds as well.

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/log.h"
#include "daemon/base/rollback.h"
#include "daemon/state/server_config.h"
#include "daemon/storage/daemon_folder.h"
#include "daemon/storage/pool.h"
#include "daemon/storage/volumes.h"
#include "schema/config.h"

namespace storage {

class DaemonStorage {
public:
    struct Place {
        const char* key; // of the server
        DaemonFolder& folder;
        std::vector<std::string> subfolders;
        /// Removes what a crash left in it that belongs to nothing.
        std::function<void()> clean_up;
    };
    struct Rooms {
        const state::ServerConfig& server_config;
        Pools& pools;
        Volumes& volumes;
        base::Log& log;
    };

    DaemonStorage(Rooms rooms, std::vector<Place> places) : rooms_(rooms), places_(std::move(places)) {}

    /// At the start, with the pools mounted, and later as long as one is closed: finishes moves that a crash cut off
    /// and opens the folders. One whose volume cannot be used is closed.
    /// Does nothing while follow() is at work.
    void open_all();
    bool has_closed() const noexcept { return closed_; }

    /// As the host goes down: their volumes can be unmounted.
    void end();

    /// Moves what is to lie elsewhere once the server's configuration changes like that, and calls `store` when it
    /// does. All or nothing. Throws, as LXD does, where a key names what is no empty volume, and conflict where
    /// something is being written. A folder whose volume cannot be used begins anew: the volume keeps what it has.
    void follow(const schema::Config& before, const schema::Config& after, const std::function<void()>& store);

private:
    bool is_open(const Place& place) const { return open_.contains(place.key); }
    void set_open(const Place& place, bool open);
    void try_open(const Place& place, const std::string& volume);
    void open(const Place& place, const std::string& volume);
    void repair(const Place& place, const std::string& volume) const;
    void put_right(const Place& place, const std::string& volume) const;
    bool is_known(const std::string& volume) const;

    VolumePlace target(const Place& place, const std::string& volume) const;
    void check_target(const Place& place, const std::string& volume) const;
    /// Returns the volume's folder.
    std::string begin_use(const Place& place, const VolumePlace& volume);
    void end_use(const Place& place, const VolumePlace& volume);
    std::string begin_new_use(const Place& place, const std::string& volume, base::Rollback& rollback);

    void begin_move(const Place& place, const std::string& volume, base::Rollback& rollback);
    bool can_use(const Place& place, const std::string& volume);
    void give_up(const Place& place, const std::string& former, const std::string& volume, base::Rollback& rollback);
    void end_move(const Place& place, const std::string& former, const std::string& volume);
    void discard_left(const Place& place);
    /// Empties what that is or leads to, and removes it. `in_use`: its volume is the daemon's.
    void discard(const Place& place, const std::string& path, bool in_use);
    void empty_spare(const Place& place, const std::string& volume);

    Rooms rooms_;
    std::vector<Place> places_;
    std::mutex changing_;
    std::set<std::string> open_; // by their keys
    std::atomic<bool> closed_ = true;
};

} // namespace storage
