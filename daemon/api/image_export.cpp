#include "daemon/api/image_export.h"

#include "daemon/api/range.h"
#include "daemon/images/export.h"

namespace api {

namespace {

class ExportBody : public http::BodyProducer {
public:
    explicit ExportBody(images::Export source) : source_(std::move(source)) {}
    size_t read(char* buffer, size_t size) override { return source_.read(buffer, size); }
    std::optional<uint64_t> length() const override { return source_.length(); }

private:
    images::Export source_;
};

} // namespace

http::Response exported(Context& context, const schema::Image& image, const http::Request& request,
                        const std::optional<schema::Requestor>& requestor) {
    auto source = context.images.open_export(image.fingerprint);
    http::Response response;
    response.headers["Content-Type"] = source.content_type();
    if (!source.content_disposition().empty()) { // one file
        response.headers["Content-Disposition"] = source.content_disposition();
        response.headers["Accept-Ranges"] = "bytes";
    }
    response.body = std::make_shared<ExportBody>(std::move(source));
    serve_range(request, response);
    context.events.lifecycle("image-retrieved", "/1.0/images/" + image.fingerprint, {}, requestor);
    return response;
}

} // namespace api
