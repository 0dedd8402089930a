#include <array>

#include "daemon/instance/facets/list.h"
#include "schema/raw_lxc.h"

namespace instance {

namespace {

constexpr std::array<std::string_view, 1> keys = {"raw.lxc"};

Items lxc_items(const Subject& subject, const base::HostFacts&) {
    return schema::parse_raw_lxc(schema::get(subject.config, "raw.lxc"));
}

} // namespace

const Facet raw_facet = {"raw", keys, lxc_items};

} // namespace instance
