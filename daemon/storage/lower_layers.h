#pragma once
// The lower layers of an overlay pool and who stands on them. Each volume's folder has a hard link to the file that
// holds its layer's name, so that a layer which is in use is known for such at once, and by what is on disk alone.
// Called by the driver "overlay". Thread-safe.

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/fd.h"

namespace storage {

class LowerLayers {
public:
    /// `folders` lists the folders of all volumes, half-made ones too. `discard` takes a path that nobody needs.
    LowerLayers(std::string pool_path, std::function<std::vector<std::string>()> folders,
                std::function<void(std::string)> discard);

    /// Makes the folder of layers.
    void prepare() const;
    /// Takes the rootfs out of a folder that is being made as a new layer, on disk when this returns, and leaves an
    /// empty one with the same attributes. A folder without a rootfs stays as it is.
    void make_of(const std::string& folder);
    /// Makes the copy of a reference in the folder of a copied volume one that counts.
    void refer_again(const std::string& folder);
    /// The layer of a volume's folder; nothing for one that stands on none.
    static std::optional<std::string> layer_of(const std::string& folder);
    /// Of a volume's folder that nobody can reach any more.
    void release(const std::string& folder);
    /// The folder with a layer's rootfs.
    std::string tree(const std::string& layer) const;
    /// A folder that, laid over a volume's, hides its reference.
    std::string veil() const;
    /// After a crash, with nobody at work: removes layers that are half-made or that nobody stands on.
    void clean_up();

private:
    std::string folder(const std::string& layer) const;
    void add_reference(const std::string& layer, const std::string& folder) const;
    void collect(const std::string& layer);
    bool is_named(const std::string& layer) const;

    std::string path_;
    std::function<std::vector<std::string>()> folders_;
    std::function<void(std::string)> discard_;
    std::mutex mutex_; // counting and referring
};

} // namespace storage
