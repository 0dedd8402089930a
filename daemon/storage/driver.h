#pragma once
// What a storage backend must do. A pool (storage/pool.h) calls it with paths that it has laid out and checked; the
// driver knows nothing of instances, the database or the API. Optional abilities are separate small interfaces.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/storage/id_shift.h"
#include "schema/config.h"

namespace storage {

enum class VolumeType { container, image, custom };

/// A volume's place: `name` is the instance's name, the image's fingerprint or the volume's own, checked by the pool,
/// as is `snapshot`.
struct VolumeId {
    VolumeType type = VolumeType::container;
    std::string name;
    std::string snapshot{}; // empty: the volume itself
};

/// Called with a percentage (0 to 100) now and then.
using Progress = std::function<void(int percent)>;

/// Limits of what volumes may hold, where the backend can count that. What is used says Driver::usage.
class Quotas {
public:
    virtual ~Quotas() = default;
    /// In bytes, 0 for none; at once, in use or not. Throws schema::Error where the limit cannot be had, or (where the
    /// backend could not keep it) when the volume holds more.
    virtual void limit(const VolumeId& volume, int64_t bytes) = 0;
    /// Before somebody gives a volume another limit (which is no 0) than the one that it came with. Throws
    /// schema::Error where it holds more, and the backend would let nobody write to it any more instead of refusing the
    /// limit.
    virtual void check_limit(const VolumeId&, int64_t) {}
};

/// Volumes as streams in the backend's own format, nested parts included. No client of another driver reads them.
class Transfer {
public:
    virtual ~Transfer() = default;
    /// Writes a volume, which may be in use, or a snapshot. With `parent`, the name of a snapshot of the same volume,
    /// only the difference from it, which receives where that snapshot was received under any name.
    virtual void send(const VolumeId& volume, const std::string& parent, int to, const base::CancelToken& cancel) = 0;
    /// Makes a volume or a snapshot of what `send` wrote; all or nothing. `volume` must not exist. Snapshots come
    /// before their volume, in the order in which they were taken. The stream is not trusted.
    virtual void receive(const VolumeId& volume, int from, const base::CancelToken& cancel) = 0;
};

/// A backup of a volume and its snapshots in the backend's own format, which is LXD's "optimized" one: streams in files
/// that LXD writes and reads, too.
class OwnFormat {
public:
    /// Where they go: a text that says how the files belong together, where there is one (it comes first), and a file
    /// of an archive's folder "backup".
    struct Target {
        std::function<void(const std::string& text)> header;
        std::function<void(const std::string& file, const std::function<void(int to)>& write)> file;
    };
    /// Where they come from. None of it is trusted.
    struct Source {
        std::optional<std::string> header;
        /// In any order; throws bad_request for one that is not there.
        std::function<void(const std::string& file, const std::function<void(int from)>& read)> file;
        /// Called with the folder of each volume before it is there: removes what may not be in it, or throws.
        std::function<void(const std::string& folder)> accept;
    };

    virtual ~OwnFormat() = default;
    virtual bool has_header() const = 0;
    /// Of a volume, which may be in use, and of these snapshots of it, oldest first.
    virtual void save(const VolumeId& volume, const std::vector<std::string>& snapshots, const Target& to,
                      const base::CancelToken& cancel) = 0;
    /// Makes the volume and its snapshots, none of which may exist; all or nothing.
    virtual void load(const VolumeId& volume, const std::vector<std::string>& snapshots, const Source& from,
                      const base::CancelToken& cancel) = 0;
};

/// Shows containers with other owners than their files have on disk, and takes what is written back likewise, on
/// filesystems where the kernel cannot lay a map over the mount. Owners on disk then never have to change.
class IdMapping {
public:
    virtual ~IdMapping() = default;
    /// As Driver::mount: files that lie on disk with `ids.from` have `ids.to` there until they are unmounted. For what
    /// is shown otherwise already, and not in use, it is done anew.
    virtual void mount(const VolumeId& volume, const IdShift& ids) = 0;
};

/// Custom volumes that are block devices (content type "block"). Driver's functions take them like other volumes,
/// except that create and mount are not for them.
class Blocks {
public:
    virtual ~Blocks() = default;
    /// Of zeros, but for what `fill`, which may be empty, writes to the device or file that it is given; all or
    /// nothing. It may be a snapshot as for Driver::create.
    virtual void create_block(const VolumeId& volume, int64_t bytes,
                              const std::function<void(const std::string& device)>& fill) = 0;
    /// The device or file that holds the content of a volume or snapshot, for as long as the result lives.
    virtual std::shared_ptr<const std::string> device(const VolumeId& volume) = 0;
    /// Refuses to shrink.
    virtual void resize_block(const VolumeId& volume, int64_t bytes) = 0;
};

class Driver {
public:
    virtual ~Driver() = default;

    virtual std::string_view name() const = 0; // "dir"
    virtual std::string version() const = 0;   // as `lxc info` shows: "1"; empty where its tools are missing
    /// Makes what the pool consists of under `pool_path()`; throws schema::Error on a bad or missing source.
    virtual void create_pool() = 0;
    virtual void delete_pool() = 0;
    /// Makes the pool usable after a (re)start of the daemon or host; idempotent.
    virtual void mount_pool() = 0;
    virtual void unmount_pool() = 0;
    /// Applies a changed configuration, which was checked against the table of keys; throws before it changes anything
    /// where it cannot.
    virtual void update_pool(const schema::Config&) {}
    /// The configuration with what create_pool() decided: what LXD shows, and what a restart goes by.
    virtual schema::Config completed(schema::Config config) const { return config; }

    /// The folder of a volume: for containers and images it holds metadata.yaml, rootfs/ and templates/.
    virtual std::string path(const VolumeId& volume) const = 0;
    virtual bool exists(const VolumeId& volume) const = 0;
    /// The names of the volumes of a type.
    virtual std::vector<std::string> list(VolumeType type) const = 0;
    /// The names of a volume's snapshots, in no order.
    virtual std::vector<std::string> snapshots(const VolumeId& volume) const = 0;
    /// An empty volume that `fill` then fills; when `fill` throws, nothing is left. The volume appears under its final
    /// name only when it is whole. It may be a snapshot, oldest first and before the volume that it is of, or later:
    /// what comes with snapshots is made like that.
    virtual void create(const VolumeId& volume, const std::function<void(const std::string& path)>& fill) = 0;
    /// A writable copy of a volume or a snapshot, without snapshots of its own, as cheap as the backend can (snapshot,
    /// reflink, parallel copy); all or nothing. The target may be a snapshot as for create.
    virtual void clone(const VolumeId& source, const VolumeId& target, const base::CancelToken& cancel,
                       const Progress& progress) = 0;
    /// Keeps what a volume holds now as `snapshot`, which says whose it is; all or nothing. The volume may be in use.
    virtual void take(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) = 0;
    /// Makes the snapshot's volume, which is not in use, hold what the snapshot holds; all or nothing. What a crash
    /// cuts off is finished by the same call.
    virtual void restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) = 0;
    /// A volume takes its snapshots along; a snapshot stays its volume's. Of a volume, what a crash cut off is finished
    /// by the same call, or undone by the opposite one.
    virtual void rename(const VolumeId& volume, const std::string& new_name) = 0;
    /// Of a volume, which has no snapshots any more, or of a snapshot. Not an error when it is missing.
    virtual void remove(const VolumeId& volume) = 0;
    /// Makes the volume's path usable, idempotent and counted by nobody: dir has nothing to do.
    virtual void mount(const VolumeId& volume) = 0;
    virtual void unmount(const VolumeId& volume) = 0;
    /// The folder of a volume or a snapshot, in use or not, to be read as it lies on disk for as long as the result
    /// lives: path() of a mounted volume may show other owners, or be a mount of its own in part.
    virtual std::shared_ptr<const std::string> view(const VolumeId& volume);
    /// Whether files of two volumes can share what they hold (FICLONE), where the filesystem can do that.
    virtual bool shares_content() const { return false; }
    /// Bytes used, where the backend can tell cheaply.
    virtual std::optional<int64_t> usage(const VolumeId& volume) const = 0;
    /// Applies options of a volume's own that were changed, but for its size, where that needs more than its next use.
    virtual void update(const VolumeId&, const std::set<std::string>&) {}
    /// Removes what a crash left half-made (names that the driver gave itself). Called once after mount_pool.
    virtual void clean_up() = 0;

    /// Optional abilities; they live as long as the driver.
    virtual Quotas* quotas() { return nullptr; }
    virtual Transfer* transfer() { return nullptr; }
    virtual OwnFormat* own_format() { return nullptr; }
    virtual Blocks* blocks() { return nullptr; }
    virtual IdMapping* id_mapping() { return nullptr; }
};

/// The names of a volume's snapshots after one was restored, which takes others along on some backends; nothing where
/// the driver cannot tell now.
std::optional<std::set<std::string>> snapshots_after_restore(const Driver& driver, const VolumeId& restored);

/// {bytes used, bytes in all, inodes used, inodes in all} of the filesystem below a pool.
struct Space {
    uint64_t used = 0, total = 0, inodes_used = 0, inodes_total = 0;
};

struct DriverContext {
    std::string pool_name;
    std::string pool_path; // LXD_DIR/storage-pools/NAME, where the pool is seen
    schema::Config config; // the pool's
    /// The options that a volume has of its own, from before it is made. Not called with a snapshot's name.
    std::function<schema::Config(const VolumeId& volume)> own_options{};
    /// Called by create_pool with the configuration that delete_pool goes by, once it is sure that nothing that was
    /// there before is in the way, and before it makes anything that such a configuration is needed to remove.
    std::function<void(const schema::Config& config)> decided = [](const schema::Config&) {};

    /// Of a volume or of a snapshot's volume: its own, else what the pool says for its volumes.
    std::string option(const VolumeId& volume, const std::string& key) const;
};

/// Makes the driver of that name; throws schema::failure for an unknown one, as LXD does.
std::unique_ptr<Driver> make_driver(const std::string& name, DriverContext context);
/// {name -> version} of the drivers whose tools and filesystems this host has.
std::map<std::string, std::string> usable_drivers();

} // namespace storage
