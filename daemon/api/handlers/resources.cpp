#include "daemon/api/handlers/handlers.h"

#include "daemon/api/respond.h"
#include "daemon/resources/resources.h"

namespace api {

http::Response resources_get(Context&, const http::Request&) {
    return sync(to_json(resources::read_resources(resources::Tree(), resources::host_probes())));
}

} // namespace api
