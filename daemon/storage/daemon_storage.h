#pragma once
// Where the daemon keeps its images and backups: in LXD_DIR/images and LXD_DIR/backups, or, with the server's keys
// storage.images_volume and storage.backups_volume, in custom volumes, which those two then are links to (as LXD's
// are).
//
// A move makes X.new beside the folder or link X, which is or leads to the place to be, and copies all there; the two
// exchange their names; the key is stored; what X.new is or leads to by then is emptied, and X.new goes. A start goes
// by the key: where X is not what that says, it exchanges the names back; then X.new goes as above. So X holds
// everything at any moment.

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
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

    /// At the start, with the pools mounted, and when a pool has come back: finishes moves that a crash cut off and
    /// opens the folders. One whose volume is not there stays closed.
    void open_all();

    /// As the host goes down and nobody uses the folders any more: their volumes can be unmounted.
    void end();

    /// Moves what is to lie elsewhere once the server's configuration changes like that, and calls `store` when it
    /// does. All or nothing. Throws, as LXD does, where a key names what is no empty volume, and conflict where
    /// something is being written. A folder whose volume is not there begins anew: the volume keeps what it has.
    void follow(const schema::Config& before, const schema::Config& after, const std::function<void()>& store);

private:
    bool is_open(const Place& place) const { return open_.contains(place.key); }
    void try_open(const Place& place, const std::string& volume);
    void open(const Place& place, const std::string& volume);
    /// Makes X what the key says, and X.new go.
    void repair(const Place& place, const std::string& volume);
    void put_right(const Place& place, const std::optional<std::string>& wanted) const;

    VolumePlace target(const Place& place, const std::string& volume) const;
    void check_target(const Place& place, const std::string& volume) const;
    /// Returns the volume's folder.
    std::string begin_use(const Place& place, const VolumePlace& volume);
    void end_use(const Place& place, const VolumePlace& volume);
    /// The one whose folder that is; nothing where there is none such.
    std::optional<VolumePlace> volume_at(const std::filesystem::path& folder) const;

    /// The link to the volume that is not there.
    std::string given_up(const Place& place) const;
    void begin_move(const Place& place, const std::string& volume, base::Rollback& rollback);
    void end_move(const Place& place, const std::string& former);
    /// Empties what X.new is or leads to, and removes it. `in_use`: its volume is mounted already.
    void discard(const Place& place, bool in_use);

    Rooms rooms_;
    std::vector<Place> places_;
    std::mutex changing_;
    std::set<std::string> open_; // by their keys
};

} // namespace storage
