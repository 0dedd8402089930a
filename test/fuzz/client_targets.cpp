// What the client reads: YAML that users edit, and what a server sends.

#include "client/commands/multipart.h"
#include "client/shapes.h"
#include "client/yaml_in.h"
#include "client/yaml_out.h"
#include "test/fuzz/claims.h"
#include "test/fuzz/rooms.h"

namespace fuzz {

void client_yaml(std::string_view input) {
    using namespace client::shapes;
    for (const auto* shape : {&profile_put, &instance_put, &server_put, &image_put, &metadata, &pool_put, &any}) {
        may_refuse([&] {
            const auto value = client::parse_yaml(std::string(input), *shape);
            client::yaml(value, shape);
            client::shaped(value, *shape);
        });
    }
}

/// The first line is the boundary's header.
void client_multipart(std::string_view input) {
    const auto line = std::min(input.find('\n'), input.size());
    const auto boundary = client::header_parameter(input.substr(0, line), "boundary");
    auto rest = input.substr(std::min(line + 1, input.size()));
    may_refuse([&] {
        client::MultipartReader reader(boundary, [](const auto&) { return [](std::string_view) {}; });
        for (size_t step = 1; !rest.empty(); step = step * 7 % 61 + 1) {
            reader.feed(rest.substr(0, step));
            rest.remove_prefix(std::min(step, rest.size()));
        }
        reader.finish();
    });
}

} // namespace fuzz
