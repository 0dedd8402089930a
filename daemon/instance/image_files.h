#pragma once
// What lies beside an instance's rootfs and came with its image: metadata.yaml and the folder templates. Called by the
// API, which edits them, and by image_templates. No link among them is ever followed.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/fd.h"
#include "schema/api/image_metadata.h"

namespace instance {

class ImageFiles {
public:
    /// `folder` is the instance's volume, which must be mounted.
    explicit ImageFiles(std::string folder) : folder_(std::move(folder)) {}

    /// Nothing where there is no file.
    std::optional<schema::ImageMetadata> metadata() const;
    void set_metadata(const schema::ImageMetadata& metadata) const;

    /// Sorted.
    std::vector<std::string> templates() const;
    /// Throws failure `Invalid template filename` and not_found `Template "NAME" not found`, as do the next two.
    base::Fd open_template(const std::string& name) const;
    std::string read_template(const std::string& name) const;
    void remove_template(const std::string& name) const;
    void put_template(const std::string& name, std::string_view content) const;

private:
    base::Fd top() const;

    std::string folder_;
};

} // namespace instance
