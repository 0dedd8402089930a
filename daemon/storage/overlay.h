#pragma once
// The driver "overlay", our own: a container is what it changed (its upper layer) over what it began with (its lower
// layer, shared by all that began with the same), on any filesystem that can hold an upper layer. Volumes are folders
// as with "dir". A container's or an image's holds, in place of files in rootfs, the name of its lower layer; a
// container's rootfs is its upper layer, over which the layers are mounted. Owners on disk are those inside. Made by
// make_driver alone.

#include <mutex>
#include <optional>
#include <string>

#include "daemon/base/fd.h"
#include "daemon/storage/dir.h"
#include "daemon/storage/lower_layers.h"
#include "daemon/storage/mapped_mounts.h"

namespace storage {

class OverlayDriver final : public DirDriver, private IdMapping {
public:
    explicit OverlayDriver(DriverContext context);

    std::string_view name() const override { return "overlay"; }
    void create_pool() override;
    void delete_pool() override;
    void mount_pool() override;
    void unmount_pool() override;

    void restore(const VolumeId& snapshot, const base::CancelToken& cancel, const Progress& progress) override;
    void rename(const VolumeId& volume, const std::string& new_name) override;
    void remove(const VolumeId& volume) override;
    void mount(const VolumeId& volume) override;
    void unmount(const VolumeId& volume) override;
    std::shared_ptr<const std::string> view(const VolumeId& volume) override;
    void clean_up() override;
    IdMapping* id_mapping() override { return this; }
    /// A project's files may not be renamed out of its folders, as an overlay does with what it made in its work
    /// folder.
    storage::Quotas* quotas() override { return nullptr; }

private:
    void mount(const VolumeId& volume, const IdShift& ids) override;
    base::Fd open_volume(const VolumeId& volume) const override;
    void filled(const VolumeId& volume, const std::string& making) override;
    bool shares_content() const override { return false; } // what is seen is no plain folder
    void copied(const std::string& making) override;
    void leaving(const std::string& gone) override;

    void probe();
    void mount_layers(const VolumeId& volume, const std::string& layer, const IdShift& ids);
    ScratchMount layers_mount(const std::string& volume_folder, const IdShift& ids);
    /// Where the overlay's own files are while a container is mounted.
    std::string work_folder(const VolumeId& volume) const;

    LowerLayers layers_;
    MappingNamespaces namespaces_;
    std::mutex mounting_;
    base::Fd plain_; // the pool without what is mounted in it
};

} // namespace storage
